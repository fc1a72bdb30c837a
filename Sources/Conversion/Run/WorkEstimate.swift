/// The stages of a long command with what each is going to cost, so that one display can say how
/// much of all the work is left.
package struct WorkEstimate: Sendable {
  private var costs: [Double] = []

  package init() {}

  /// Adds a stage after those already there.
  /// - Parameter cost: in seconds, roughly: only the ratios of the stages matter.
  /// - Returns: the stage's number.
  package mutating func add(_ cost: Double) -> Int {
    costs.append(cost.isFinite && cost > 0 ? cost : 0)
    return costs.count - 1
  }

  /// The share of all the work that is done, when a share of this stage is and all of those before.
  package func fraction(stage: Int, share: Double) -> Double {
    let total = costs.reduce(0, +)
    guard total > 0, costs.indices.contains(stage) else { return 0 }
    return (costs[..<stage].reduce(0, +) + costs[stage] * min(max(share, 0), 1)) / total
  }

  /// What a forward pass over so many tokens costs: two operations for each weight and token.
  package static func scoring(tokens: Int, weights: Int, threads: Int) -> Double {
    2 * Double(tokens) * Double(weights) / (operationsPerSecond * Double(max(threads, 1)))
  }

  /// What a fit costs: two streams through the layers with their statistics, and for every layer
  /// systems of equations as large as its heads together, in double precision.
  package static func fitting(
    tokens: Int, weights: Int, layers: Int, inputs: Int, threads: Int
  ) -> Double {
    guard tokens > 0 else { return 0 }
    let size = Double(inputs)
    return 1.3 * scoring(tokens: tokens, weights: weights, threads: threads)
      + Double(layers) * 300 * size * size * size / (operationsPerSecond * Double(max(threads, 1)))
  }

  /// What writing costs.
  package static func writing(bytes: Int) -> Double { Double(bytes) / bytesPerSecond }

  /// Of one thread with AVX2, and of a disk: measured in docs/performance/amd-epyc-25-1.md.
  private static let operationsPerSecond = 7e10
  private static let bytesPerSecond = 3e8
}
