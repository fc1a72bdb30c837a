import Foundation

/// Decay attention (retention, arXiv:2307.08621): `o_i = sum_(j<=i) gamma^(i-j) (q_i . k_j) v_j`, without
/// a softmax, each head with its gamma. The same as a recurrence: a head keeps a matrix
/// `S_i = gamma S_(i-1) + k_i v_i^T` and gives `o_i = S_i^T q_i`; where pairs turn, each is a complex
/// number that decays and turns (docs/rotary.md).
package struct DecayRecipe: Sendable, Equatable {
  /// What is kept of the past at every token, for each head.
  package var factors: [Double]
  /// The weights of a query are divided by the root of the sum of its decays, and then by the sum of
  /// themselves where that is more than 1 (torchscale). A norm of each head follows, of which all
  /// this is but the epsilon.
  package var normalizes: Bool

  package init(factors: [Double], normalizes: Bool) {
    self.factors = factors
    self.normalizes = normalizes
  }

  /// Columns of the matrix that a head keeps: values, and what sums the keys where weights are
  /// divided by their sum.
  package func stateColumns(valueWidth: Int) -> Int { valueWidth + (normalizes ? 1 : 0) }

  /// What the sum of a query's products is divided by.
  /// - Parameters:
  ///   - sum: the sum of its weights, which have decayed.
  ///   - head: whose factor counts.
  ///   - place: tokens before it in its sequence.
  /// - Returns: the divisor; 1 where nothing is divided.
  package func divisor(sum: Double, head: Int, place: Int) -> Double {
    guard normalizes else { return 1 }
    let factor = factors[head]
    let decays =
      factor == 1 ? Double(place + 1) : (1 - pow(factor, Double(place + 1))) / (1 - factor)
    let root = decays.squareRoot()
    return root * min(max(abs(sum / root), 1), Self.largestDivisor)
  }

  /// torchscale's bound of the sum of a row.
  private static let largestDivisor = 5e4
}

/// How a layer that can be computed in two ways is.
package enum MixerForm: String, Sendable, CaseIterable {
  /// Every query looks at all keys before it.
  case attention
  /// Each head keeps a matrix of constant size: the cost of a token does not grow with its place.
  case recurrent
}

extension ModelPlan {
  /// Whether any layer attends by decay.
  package var decays: Bool { layers.contains { $0.recipe.attention?.decay != nil } }

  /// Whether every layer can be computed with memory that does not grow with the sequence.
  package var isRecurrent: Bool {
    layers.allSatisfy { $0.recipe.attention?.decay != nil || $0.recipe.deltaRule != nil }
  }
}
