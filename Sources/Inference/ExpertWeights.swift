import Models
import Tensors

/// The weights of a layer's experts: decoded a few experts at a time when their turn comes, or once.
final class ExpertWeights: Sendable {
  private let layer: ModelLayer
  private let arithmetic: Arithmetic
  /// All experts, where they stay in memory.
  private let kept: [LayerWeights]
  /// What adds up the inputs of products.
  private let sums: ColumnSums?

  /// The experts of a layer, whose weights are decoded once where `keeps` is true.
  /// - Throws: the errors of decoding weights.
  init(_ layer: ModelLayer, arithmetic: Arithmetic, threads: Int, keeps: Bool) throws {
    self.layer = layer
    self.arithmetic = arithmetic
    sums = nil
    kept =
      keeps
      ? try LayerWeights.decode(layer.experts, arithmetic: arithmetic, threads: threads) : []
  }

  private init(_ other: ExpertWeights, sums: ColumnSums) {
    layer = other.layer
    arithmetic = other.arithmetic
    kept = other.kept
    self.sums = sums
  }

  /// The same experts, the inputs of whose products are added up.
  func observed(by sums: ColumnSums) -> ExpertWeights { ExpertWeights(self, sums: sums) }

  /// Bytes of decoded experts that are in memory together; one larger than that is alone.
  private static let groupBytes = 128 << 20

  /// How many experts of a layer are in memory together.
  static func groupSize(_ layer: ModelLayer, arithmetic: Arithmetic) -> Int {
    let bytes = layer.elementsOfExpert * FactorBuffer.elementSize(arithmetic)
    return min(max(1, groupBytes / max(bytes, 1)), layer.experts.count)
  }

  /// Experts, in ascending order, as groups that are in memory together.
  func groups(_ experts: [Int]) -> [[Int]] {
    let size = kept.isEmpty ? Self.groupSize(layer, arithmetic: arithmetic) : experts.count
    return stride(from: 0, to: experts.count, by: max(size, 1)).map {
      Array(experts[$0..<min($0 + size, experts.count)])
    }
  }

  /// Reads experts from the disk ahead.
  func expect(_ experts: [Int]) {
    guard kept.isEmpty else { return }
    for expert in experts {
      for source in layer.experts[expert].values { source.advise(.willNeed) }
    }
  }

  /// Decodes experts; the memory of `other`, which must not be used any more, is used again.
  func decoded(
    _ experts: [Int], threads: Int, recycling other: [LayerWeights]
  ) throws -> [LayerWeights] {
    guard kept.isEmpty else { return observed(experts.map { kept[$0] }, experts) }
    let weights = try LayerWeights.decode(
      experts.map { layer.experts[$0] }, arithmetic: arithmetic, threads: threads,
      recycling: other)
    for expert in experts {
      for source in layer.experts[expert].values { source.advise(.dontNeed) }
    }
    return observed(weights, experts)
  }

  private func observed(_ weights: [LayerWeights], _ experts: [Int]) -> [LayerWeights] {
    guard let sums else { return weights }
    return zip(weights, experts).map { $0.observed(by: sums, expert: $1) }
  }
}
