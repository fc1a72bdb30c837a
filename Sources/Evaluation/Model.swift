import Checkpoints
import Inference
import Models
import Rotary
import Vocabulary

/// A checkpoint opened for evaluation: its plan, and its tokenizer when a text asks for it.
public struct Model: Sendable {
  /// The model on disk.
  public let checkpoint: Checkpoint
  /// What the checkpoint's tensors do.
  package let plan: ModelPlan
  /// The hash of all its files, taken when a result needs it.
  package let digest: SourceDigest

  /// Opens a `.gguf` file, a `.safetensors` file with config.json beside it, or a Hugging Face
  /// folder. Reads headers only.
  public init(opening path: String, keepsExtra: Bool = false) throws {
    try self.init(Checkpoint.open(path), keepsExtra: keepsExtra)
  }

  /// Plans a checkpoint; with `keepsExtra`, tensors that nothing is known about are ignored, not
  /// refused.
  public init(_ checkpoint: Checkpoint, keepsExtra: Bool = false) throws {
    self.checkpoint = checkpoint
    digest = SourceDigest(checkpoint)
    plan = try ModelPlan(checkpoint, keepsExtra: keepsExtra)
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
