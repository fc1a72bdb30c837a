import Base
import Checkpoints
import Foundation
import Inference
import Models
import Rotary
import Vocabulary

/// A checkpoint opened for evaluation: its plan, and its tokenizer when a text asks for it.
public struct Model: Sendable {
  /// The model on disk; of a folder with other parts, such as a vision tower, the text model in it.
  public let checkpoint: Checkpoint
  /// What the checkpoint's tensors do.
  package private(set) var plan: ModelPlan
  /// The hash of all its files, taken when a result needs it.
  package let digest: SourceDigest
  /// What it says of the fit that its weights had.
  let fit: FitStatement

  /// Opens a `.gguf` file, a `.safetensors` file with config.json beside it, or a Hugging Face
  /// folder. Reads headers only.
  /// - Parameters:
  ///   - path: the file, folder or archive.
  ///   - keepsExtra: tensors that nothing is known about are ignored, not refused.
  ///   - folder: data files of families that are read beside those of the program; nil: none.
  /// - Throws: what opening throws, and an error naming the file and the place where the model or a
  ///   data file is not what it should be.
  public init(
    opening path: String, keepsExtra: Bool = false, architectures folder: String? = nil
  ) throws {
    try self.init(
      opening: path, keepsExtra: keepsExtra,
      in: folder.map { try ArchitectureCatalog(adding: $0) } ?? .builtIn)
  }

  package init(
    opening path: String, keepsExtra: Bool = false, in catalog: ArchitectureCatalog
  ) throws {
    self = try LongPhase.run("opening \(path)") {
      try Model(Checkpoint.open(path), keepsExtra: keepsExtra, in: catalog)
    }
  }

  /// Plans a checkpoint; with `keepsExtra`, tensors that nothing is known about are ignored, not
  /// refused.
  public init(_ checkpoint: Checkpoint, keepsExtra: Bool = false) throws {
    try self.init(checkpoint, keepsExtra: keepsExtra, in: .builtIn)
  }

  private init(_ checkpoint: Checkpoint, keepsExtra: Bool, in catalog: ArchitectureCatalog) throws {
    digest = try SourceDigest(checkpoint)
    plan = try ModelPlan(checkpoint, keepsExtra: keepsExtra, in: catalog)
    self.checkpoint = plan.checkpoint
    fit = FitStatement(plan.checkpoint)
  }

  /// The same model in one of the forms of decay attention.
  package func computed(as form: MixerForm) -> Model {
    var model = self
    model.plan = plan.computed(as: form)
    return model
  }

  /// Refuses a model that has changed while it was read, or that is not what the archive it lies in states:
  /// for what gives results without a digest.
  /// - Throws: what `Checkpoint.checkUnchanged` and `SourceDigest.value` throw.
  package func checkRead() throws(FileError) {
    try checkpoint.checkUnchanged()
    guard checkpoint.statesSums else { return }
    _ = try LongPhase.run("hashing the weights") { () throws(FileError) in try digest.value() }
  }

  /// What the model calls itself; the name of its file where it does not.
  package var name: String {
    plan.name == checkpoint.path
      ? URL(fileURLWithPath: checkpoint.path).lastPathComponent : plan.name
  }

  /// The checkpoint's tokenizer.
  /// - Throws: `EvaluationError.noTokenizer` where it has none.
  package func tokenizer() throws -> Tokenizer {
    guard let tokenizer = try Tokenizer.load(from: checkpoint) else {
      throw EvaluationError.noTokenizer(file: checkpoint.path)
    }
    return tokenizer
  }
}
