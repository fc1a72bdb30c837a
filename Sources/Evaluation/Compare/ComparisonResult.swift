import Base
import Checkpoints
import Foundation
import OrderedCollections

/// Statistics of two models' predictions, target by target. Definitions and names follow
/// llama-perplexity's `--kl-divergence`.
package struct ComparisonResult: EvaluationResult {
  package static let kind = "compare"
  package static let roles = ["base", "other"]
  package static let unitName = "a window of a comparison"

  package let record: EvaluationRecord
  /// KL divergence of every target, in nats, ascending; those of nothing are above or below zero by
  /// what rounding leaves.
  package let divergences: [Double]
  /// Probability of the target under the other model minus that under the base, ascending.
  package let probabilityDifferences: [Double]
  package let base: Estimate
  package let other: Estimate
  /// ln(perplexity of other / perplexity of base); the error is by chunks, as that of every difference,
  /// and not a number of one chunk.
  package let logRatio: Estimate
  /// The error of `logRatio` with targets taken as independent, as llama-perplexity has it: too small.
  package let logRatioErrorByTokens: Double
  /// Correlation of the two models' log-likelihoods over targets; not a number where those of one do
  /// not vary, as of a single target.
  package let correlation: Double
  /// The share of targets whose most likely token is the same.
  package let agreement: Estimate

  /// One window's targets, four numbers each.
  package struct Targets: EvaluationUnit {
    /// Negative log-likelihoods, in nats.
    let base: [Double]
    let other: [Double]
    let divergences: [Double]
    /// 1 where the most likely token is the same, else 0.
    let agrees: [Double]

    init(_ found: some Sequence<TargetDivergence>) {
      base = found.map(\.base)
      other = found.map(\.other)
      divergences = found.map(\.divergence)
      agrees = found.map { $0.agrees ? 1 : 0 }
    }

    package init?(_ unit: EvaluationRecord.Unit) {
      func numbers(_ key: String) -> [Double]? {
        guard let list = unit.values[key]?.array else { return nil }
        let numbers = list.compactMap(\.double)
        return numbers.count == list.count ? numbers : nil
      }
      guard let base = numbers("base"), let other = numbers("other"),
        let divergences = numbers("kl"), let agrees = numbers("agrees"), !base.isEmpty,
        [other, divergences, agrees].allSatisfy({ $0.count == base.count }),
        [base, other, divergences].joined().allSatisfy(ComparisonResult.isLikelihood),
        agrees.allSatisfy({ $0 == 0 || $0 == 1 })
      else { return nil }
      self.base = base
      self.other = other
      self.divergences = divergences
      self.agrees = agrees
    }

    package var stated: ExpectedUnits.Facts { ["targets": JSONValue(base.count)] }

    var json: JSONValue {
      func list(_ numbers: [Double]) -> JSONValue { .array(numbers.map { .number($0) }) }
      return [
        "base": list(base), "other": list(other), "kl": list(divergences),
        "agrees": .array(agrees.map { .integer(Int64($0)) }),
      ]
    }
  }

  package static func expected(
    of identity: OrderedDictionary<String, JSONValue>
  ) -> ExpectedUnits? {
    ExpectedUnits.windows(of: identity, counted: "targets") { settings, _ in
      WindowPlan(stated: settings)
    }
  }

  package var essentials: [(name: String, number: Estimate)] {
    [("the perplexity of base", base), ("the perplexity of other", other)]
  }

  /// The mean KL divergence of all targets.
  package var meanDivergence: Double { Moments(divergences).mean }

  static func meanDivergence(_ units: [EvaluationRecord.Unit]) -> Double? {
    let values = units.compactMap { Targets($0) }.flatMap(\.divergences)
    return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
  }

  package init(_ record: EvaluationRecord, units: [Targets], file: String) {
    let base = units.flatMap(\.base)
    let other = units.flatMap(\.other)
    let divergences = units.flatMap(\.divergences)
    let agrees = units.flatMap(\.agrees)
    self.record = record
    self.divergences = divergences.sorted()
    probabilityDifferences = zip(base, other).map { exp(-$1) - exp(-$0) }.sorted()
    let one = Moments(base)
    let two = Moments(other)
    let covariance = Moments.covariance(base, other)
    self.base = Estimate(value: exp(one.mean), error: exp(one.mean) * one.error)
    self.other = Estimate(value: exp(two.mean), error: exp(two.mean) * two.error)
    let variance = one.error * one.error + two.error * two.error - 2 * covariance
    let chunks = [\Targets.base, \Targets.other].map { side in
      units.enumerated().map { index, unit in
        let nats = unit[keyPath: side]
        return PairedDifference.Chunk(
          index: index, scored: Double(nats.count), sum: nats.reduce(0, +))
      }
    }
    let paired = PairedDifference(from: chunks[0], to: chunks[1])
    logRatio = Estimate(value: two.mean - one.mean, error: paired?.nats.error ?? .nan)
    logRatioErrorByTokens = max(variance, 0).squareRoot()
    // A spread of 0 would be told from rounding by chance alone.
    let varies = [base, other].allSatisfy { $0.min() != $0.max() }
    correlation = varies ? covariance / (one.error * two.error) : .nan
    let share = Moments(agrees)
    agreement = Estimate(
      value: share.mean,
      error: (share.mean * (1 - share.mean) / max(Double(agrees.count) - 1, 1)).squareRoot())
  }

  /// A percentile of ascending numbers, interpolated between neighbours; `share` is from 0 to 1.
  package static func percentile(_ sorted: [Double], _ share: Double) -> Double {
    guard let last = sorted.last, let first = sorted.first else { return .nan }
    guard share > 0 else { return first }
    guard share < 1 else { return last }
    let place = share * Double(sorted.count - 1)
    let index = Int(place)
    guard index + 1 < sorted.count else { return last }
    let rest = place - Double(index)
    return sorted[index] * (1 - rest) + sorted[index + 1] * rest
  }
}
