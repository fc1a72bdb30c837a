import Base
import Checkpoints
import Foundation
import Inference
import OrderedCollections

/// Negative log-likelihoods of a text's scored targets and their statistics.
package struct PerplexityResult: Sendable {
  /// Sums over one window, in nats.
  package struct WindowSum: Sendable, Equatable {
    package let index: Int
    package let scored: Int
    package let sum: Double
    package let sumOfSquares: Double

    package var mean: Double { sum / Double(scored) }

    init(index: Int, _ nats: some Sequence<Double>) {
      var (count, sum, squares) = (0, 0.0, 0.0)
      for value in nats {
        count += 1
        sum += value
        squares += value * value
      }
      self.index = index
      scored = count
      self.sum = sum
      sumOfSquares = squares
    }

    init?(_ unit: EvaluationRecord.Unit) {
      guard let scored = unit.values["scored"]?.int, (1...(1 << 32)).contains(scored),
        let sum = unit.values["nll_sum"]?.double,
        let squares = unit.values["nll_squares"]?.double, squares.isFinite, squares >= 0,
        EvaluationKind.isLikelihood(sum / Double(scored))
      else { return nil }
      index = unit.index
      self.scored = scored
      self.sum = sum
      sumOfSquares = squares
    }

    var json: JSONValue {
      ["scored": JSONValue(scored), "nll_sum": .number(sum), "nll_squares": .number(sumOfSquares)]
    }
  }

  package static let kind = "perplexity"

  package let record: EvaluationRecord
  package let windows: [WindowSum]
  /// Every target scored in this run, window after window, in nats; units taken from a state file
  /// are not among them.
  package internal(set) var values: [Float] = []
  /// Where the time of this run went; nil for a result read from a file.
  package internal(set) var times: PhaseTimes?

  /// Reads the windows of a result, whole or of a shard.
  /// - Throws: `EvaluationError.record` where a unit is malformed.
  package init(_ record: EvaluationRecord, file: String) throws(EvaluationError) {
    self.record = record
    var windows: [WindowSum] = []
    for unit in record.units {
      guard let window = WindowSum(unit) else {
        throw .record(file: file, problem: "unit \(unit.index) has no scored, nll_sum, nll_squares")
      }
      windows.append(window)
    }
    self.windows = windows
  }

  package var scored: Int { windows.reduce(0) { $0 + $1.scored } }

  /// Tokens of one window.
  package var context: Int { record.settings["ctx"]?.int ?? 0 }

  /// Mean negative log-likelihood in nats, summed window after window.
  package var meanNegativeLogLikelihood: Double {
    windows.reduce(0) { $0 + $1.sum } / Double(scored)
  }

  package var perplexity: Double { exp(meanNegativeLogLikelihood) }

  /// `perplexity * sqrt(var(nll) / (n - 1))`.
  package var perplexityError: Double {
    let count = Double(scored)
    guard count > 1 else { return .nan }
    let mean = meanNegativeLogLikelihood
    let variance = windows.reduce(0) { $0 + $1.sumOfSquares } / count - mean * mean
    return perplexity * (max(variance, 0) / (count - 1)).squareRoot()
  }
}
