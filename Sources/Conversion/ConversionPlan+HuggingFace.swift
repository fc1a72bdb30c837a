import Checkpoints
import Evaluation
import Foundation
import OrderedCollections

/// Safetensors outputs: a Hugging Face folder, or one file with config.json beside it.
extension ConversionPlan {
  /// The folder carries the code by which transformers runs its variant.
  var hasModelingCode: Bool { companions?.modeling != nil }

  func writeHuggingFace(
    version: String, hash: String, progress: (@Sendable (Int) -> Void)?
  ) throws -> Int {
    let inputs = source.checkpoint.files.map(\.path)
    var provenance: OrderedDictionary<String, JSONValue> = [
      "version": .string(version), "source_sha256": .string(hash), "settings": .string(settings),
    ]
    if fit != nil { provenance["fit"] = .object(fitProvenance.mapValues { .number($0) }) }
    let builder = HuggingFaceConfiguration(
      plan: source, declaration: declaration, modeling: companions?.modeling,
      provenance: provenance, elementType: mainType)
    let configuration =
      try source.checkpoint.configuration.map { builder.fromHuggingFace($0) }
      ?? builder.fromGGUF()
    if let companions {
      let card = modelCard(version: version, hash: hash, MeasuredPerplexities())
      return try FolderWriter.write(
        to: request.output, configuration: configuration, tensors: tensors,
        extraFiles: companions.files(card: card), force: request.force, inputs: inputs,
        progress: progress)
    }
    let bytes = try SafetensorsWriter.write(
      to: request.output, metadata: ["format": "pt"], tensors: tensors, force: request.force,
      inputs: inputs, progress: progress)
    let folder = URL(fileURLWithPath: request.output).deletingLastPathComponent()
    let text = configuration.serialized(pretty: true) + "\n"
    return bytes
      + (try WholeFile.write(
        Array(text.utf8), to: folder.appendingPathComponent("config.json").path,
        force: request.force, inputs: inputs))
  }

  /// Puts what was measured on the written folder into its model card; does nothing for other
  /// containers.
  public func record(_ measured: MeasuredPerplexities, version: String) throws {
    guard companions != nil, !measured.isEmpty else { return }
    let hash = try SourceHash.sha256(source.checkpoint.files)
    let card = modelCard(version: version, hash: hash, measured)
    try WholeFile.write(
      Array(card.utf8),
      to: URL(fileURLWithPath: request.output).appendingPathComponent(ModelCard.fileName).path,
      force: true)
  }

  private func modelCard(
    version: String, hash: String, _ measured: MeasuredPerplexities
  ) -> String {
    ModelCard(
      plan: self, version: version, sourceHash: hash, settings: settings, measured: measured
    ).text()
  }
}
