import Foundation

/// How much more one model is surprised by a text than another, by the same targets of the same
/// chunks, with a standard error of the difference itself.
///
/// What makes one chunk harder than another makes it so for both models and is not in the
/// difference, so its error is far below those of the two perplexities. Chunks are taken as
/// independent draws; of the tokens within a chunk nothing is assumed.
package struct PairedDifference: Sendable, Equatable {
  /// A chunk: its number, how many targets were scored and the sum of their negative log-likelihoods.
  package struct Chunk: Sendable, Equatable {
    package let index: Int
    package let scored: Double
    package let sum: Double

    package init(index: Int, scored: Double, sum: Double) {
      self.index = index
      self.scored = scored
      self.sum = sum
    }
  }

  /// Chunks that were compared.
  package let chunks: Int
  /// The mean difference of a target's negative log-likelihood, in nats, and its standard error.
  package let nats: Estimate

  /// - Returns: nil where the two have no chunks, or not the same ones with as many targets each.
  package init?(from base: [Chunk], to other: [Chunk]) {
    guard !base.isEmpty, base.count == other.count,
      zip(base, other).allSatisfy({ $0.index == $1.index && $0.scored == $1.scored })
    else { return nil }
    let scored = base.reduce(0) { $0 + $1.scored }
    let differences = zip(base, other).map { $1.sum - $0.sum }
    let mean = differences.reduce(0, +) / scored
    // A ratio of sums over chunks: what is left of each when its share of the mean is taken off.
    let squares = zip(base, differences).reduce(0) { sum, pair in
      let rest = pair.1 - mean * pair.0.scored
      return sum + rest * rest
    }
    let count = Double(base.count)
    chunks = base.count
    nats = Estimate(
      value: mean, error: (squares * count / (count - 1)).squareRoot() / scored)
  }

  /// The change of perplexity in percent: `exp(nats) - 1`, whose error is `exp(nats)` times that of
  /// `nats`.
  package var percent: Estimate {
    let ratio = exp(nats.value)
    return Estimate(value: 100 * (ratio - 1), error: 100 * ratio * nats.error)
  }
}

extension PerplexityResult {
  /// The difference of another model's result from this one's; nil where their targets are not the
  /// same: another text, other tokens, other chunks.
  package func difference(to other: PerplexityResult) -> PairedDifference? {
    guard record.identity["text"] == other.record.identity["text"],
      record.settings == other.record.settings
    else { return nil }
    return PairedDifference(from: windows.map(\.chunk), to: other.windows.map(\.chunk))
  }
}

extension PerplexityResult.WindowSum {
  package var chunk: PairedDifference.Chunk {
    .init(index: index, scored: Double(scored), sum: sum)
  }
}

extension PairedDifference {
  /// The change of perplexity in percent over the first chunk, the first two, ..., each with the error
  /// that `percent` has; none where the chunks do not pair.
  package static func running(from base: [Chunk], to other: [Chunk]) -> [Estimate] {
    guard PairedDifference(from: base, to: other) != nil else { return [] }
    // Sums over chunks of the difference, of targets, of their squares and of their product.
    var (sum, scored, squares, counts, products, count) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    return zip(base, other).map { one, two in
      let difference = two.sum - one.sum
      sum += difference
      scored += one.scored
      squares += difference * difference
      counts += one.scored * one.scored
      products += difference * one.scored
      count += 1
      let mean = sum / scored
      let rest = max(squares - 2 * mean * products + mean * mean * counts, 0)
      let error = (rest * count / (count - 1)).squareRoot() / scored
      return Estimate(value: 100 * (exp(mean) - 1), error: 100 * exp(mean) * error)
    }
  }
}
