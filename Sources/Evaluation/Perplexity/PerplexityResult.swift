import Base
import Checkpoints
import Foundation
import Inference
import OrderedCollections

/// Negative log-likelihoods of a text's scored targets and their statistics.
public struct PerplexityResult: EvaluationResult {
  /// The word of the command below `eval`, and `kind` in the JSON.
  public static let kind = "perplexity"
  /// What a unit is, with its article.
  public static let unitName = "a window of a text: scored, nll_sum, nll_squares"

  /// Sums over one window, in nats.
  public struct WindowSum: EvaluationUnit, Equatable {
    /// Number of the window, from 0.
    public let index: Int
    /// How many targets were scored.
    public let scored: Int
    /// Sum of their negative log-likelihoods.
    public let sum: Double
    /// Sum of the squares of those.
    public let sumOfSquares: Double
    /// The bytes of the text that the targets stand for, where that is known.
    package let bytes: Int?

    /// Mean negative log-likelihood of a target.
    public var mean: Double { sum / Double(scored) }

    init(index: Int, _ nats: some Sequence<Double>, bytes: Int? = nil) {
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
      self.bytes = bytes
    }

    /// Nil where the values cannot be sums of likelihoods.
    package init?(_ unit: EvaluationRecord.Unit) {
      guard let scored = unit.values["scored"]?.int, (1...(1 << 32)).contains(scored),
        let sum = unit.values["nll_sum"]?.double,
        let squares = unit.values["nll_squares"]?.double,
        PerplexityResult.isLikelihood(sum / Double(scored)),
        Self.areSums(sum, squares, of: Double(scored))
      else { return nil }
      let bytes = unit.values["bytes"]
      guard bytes == nil || (0...(1 << 40)).contains(bytes?.int ?? -1) else { return nil }
      index = unit.index
      self.scored = scored
      self.sum = sum
      sumOfSquares = squares
      self.bytes = bytes?.int
    }

    /// Whether a sum and a sum of squares can be those of so many likelihoods, but for rounding: the
    /// squares are at least those of equal numbers (Cauchy and Schwarz) and at most the square of one
    /// number alone.
    private static func areSums(_ sum: Double, _ squares: Double, of count: Double) -> Bool {
      let rounding = 1e-6
      let most = max(sum, 0) + 2 * count * PerplexityResult.leastNats
      return squares >= sum * sum / count * (1 - rounding)
        && squares <= most * most * (1 + rounding)
    }

    /// How many targets there are.
    package var stated: ExpectedUnits.Facts { ["scored": JSONValue(scored)] }

    var json: JSONValue {
      var fields: OrderedDictionary<String, JSONValue> = [
        "scored": JSONValue(scored), "nll_sum": .number(sum),
        "nll_squares": .number(sumOfSquares),
      ]
      fields["bytes"] = bytes.map { JSONValue($0) }
      return .object(fields)
    }
  }

  /// What the result is made from.
  package let record: EvaluationRecord
  /// The sums of every window.
  public let windows: [WindowSum]
  /// Every target scored in this run, window after window, in nats; units taken from a state file
  /// are not among them.
  public internal(set) var values: [Float] = []
  /// Where the time of this run went; nil for a result read from a file.
  package internal(set) var times: PhaseTimes?

  /// A result of a record and its units, read.
  package init(_ record: EvaluationRecord, units: [WindowSum], file: String) {
    self.record = record
    windows = units
  }

  /// The targets of each window.
  package static func expected(
    of identity: OrderedDictionary<String, JSONValue>
  ) -> ExpectedUnits? {
    ExpectedUnits.windows(of: identity, counted: "scored") { settings, _ in
      WindowPlan(stated: settings)
    }
  }

  /// The perplexity.
  package var essentials: [(name: String, number: Estimate)] {
    [("the perplexity", Estimate(value: perplexity, error: perplexityError))]
  }

  /// How many targets were scored.
  public var scored: Int { windows.reduce(0) { $0 + $1.scored } }

  /// Tokens of one window.
  public var context: Int { record.settings["ctx"]?.int ?? 0 }

  /// Mean negative log-likelihood in nats, summed window after window.
  public var meanNegativeLogLikelihood: Double {
    windows.reduce(0) { $0 + $1.sum } / Double(scored)
  }

  /// The exponential of the mean negative log-likelihood.
  public var perplexity: Double { exp(meanNegativeLogLikelihood) }

  /// The perplexity of units so far.
  static func perplexity(_ units: [EvaluationRecord.Unit]) -> Double? {
    let windows = units.compactMap { WindowSum($0) }
    let scored = windows.reduce(0) { $0 + $1.scored }
    return scored > 0 ? exp(windows.reduce(0) { $0 + $1.sum } / Double(scored)) : nil
  }

  /// `perplexity * sqrt(var(nll) / (n - 1))`.
  public var perplexityError: Double { perplexity * windows.errorOfMean }

  /// The bytes of the text that the scored targets stand for; nil where that is not known of all: of
  /// token ids, of a tokenizer that changes the text, of units in a state file of an older version.
  package var scoredBytes: Int? {
    let bytes = windows.compactMap(\.bytes)
    let sum = bytes.reduce(0, +)
    return bytes.count == windows.count && sum > 0 ? sum : nil
  }

  /// Bits for a byte of the targets' text, with the standard error that follows from `errorOfMean`.
  package var bitsPerByte: Estimate? {
    scoredBytes.map { bytes in
      let bits = Double(scored) / log(2) / Double(bytes)
      return Estimate(
        value: meanNegativeLogLikelihood * bits, error: windows.errorOfMean * bits)
    }
  }
}

extension [PerplexityResult.WindowSum] {
  /// The standard error of the mean negative log-likelihood of a target, targets taken as independent
  /// draws: `sqrt(var / (n - 1))`; not a number for a single one.
  var errorOfMean: Double {
    let count = Double(reduce(0) { $0 + $1.scored })
    guard count > 1 else { return .nan }
    let mean = reduce(0) { $0 + $1.sum } / count
    let variance = reduce(0) { $0 + $1.sumOfSquares } / count - mean * mean
    return (Swift.max(variance, 0) / (count - 1)).squareRoot()
  }
}
