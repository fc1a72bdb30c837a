import Checkpoints
import Foundation

/// The model card of a Hugging Face folder.
extension ConversionPlan {
  /// The folder carries the code by which transformers runs its variant.
  var hasModelingCode: Bool { companions?.modeling != nil }

  /// Puts what was measured on the written folder into its model card; does nothing for other
  /// containers.
  package func record(_ measured: MeasuredPerplexities, version: String) throws {
    guard container == .folder, !measured.isEmpty else { return }
    let card = try modelCard(version: version, hash: digest.value(), measured)
    try WholeFile.write(
      Array(card.utf8),
      to: URL(fileURLWithPath: request.output).appendingPathComponent(ModelCard.fileName).path,
      force: true)
  }

  func modelCard(
    version: String, hash: String, _ measured: MeasuredPerplexities
  ) throws -> String {
    try ModelCard(
      plan: self, version: version, sourceHash: hash,
      weightsHash: digest.coversConfiguration ? digest.ofWeights() : nil, settings: settings,
      measured: measured
    ).text()
  }
}
