import Foundation

/// How the next token is chosen from the logits.
package enum TokenChoice: Sendable {
  /// The most likely token; of equals the one with the lowest id.
  case mostLikely
  /// A token drawn by its probability.
  case drawn(TokenSampling)

  var needsAllLogits: Bool {
    if case .drawn = self { true } else { false }
  }
}

/// Drawing tokens by their probabilities.
package struct TokenSampling: Sendable {
  /// What logits are divided by, above 0.
  package let temperature: Double
  /// Only the most likely tokens are drawn, the fewest that have this share of the probability
  /// together; 1: all. Of equally likely ones those with the lower ids come first.
  package let topP: Double
  /// A number from 0 up to 1, without 1, for each step of a sequence.
  package let random: @Sendable (_ step: Int) -> Double

  package init(
    temperature: Double, topP: Double = 1, random: @escaping @Sendable (_ step: Int) -> Double
  ) {
    self.temperature = temperature
    self.topP = topP
    self.random = random
  }

  /// Draws a token.
  /// - Parameters:
  ///   - logits: of the whole vocabulary, the largest of them finite.
  ///   - step: how many tokens were drawn before.
  /// - Returns: its id.
  package func token(_ logits: UnsafeBufferPointer<Float>, step: Int) -> Int32 {
    let top = Double(logits.max() ?? 0)
    let weights = logits.map { exp((Double($0) - top) / temperature) }
    var kept = Array(weights.indices)
    var total = weights.reduce(0, +)
    if topP < 1 {
      let wanted = topP * total
      // All that are less likely than this do not make up what may be left out.
      let least = (total - wanted) / Double(max(weights.count, 1))
      kept = kept.filter { weights[$0] >= least }
        .sorted { (weights[$1], $0) < (weights[$0], $1) }
      total = 0
      for (place, token) in kept.enumerated() {
        total += weights[token]
        if total >= wanted {
          kept.removeLast(kept.count - place - 1)
          break
        }
      }
    }
    var left = random(step) * total
    for token in kept {
      left -= weights[token]
      if left < 0 { return Int32(token) }
    }
    // Rounding may leave a little of the sum: the last token that can be drawn takes it.
    return Int32(kept.last { weights[$0] > 0 } ?? 0)
  }
}
