import Base
import Checkpoints
import Foundation
import OrderedCollections

/// Statistics of two models' predictions, target by target. Definitions and names follow
/// llama-perplexity's `--kl-divergence`.
package struct ComparisonResult: Sendable {
  package static let kind = "compare"

  package let record: EvaluationRecord
  /// KL divergence of every target, in nats, ascending.
  package let divergences: [Double]
  /// Probability of the target under the other model minus that under the base, ascending.
  package let probabilityDifferences: [Double]
  package let base: Estimate
  package let other: Estimate
  /// ln(perplexity of other / perplexity of base).
  package let logRatio: Estimate
  /// Correlation of the two models' log-likelihoods over targets.
  package let correlation: Double
  /// The share of targets whose most likely token is the same.
  package let agreement: Estimate

  /// A number and its standard error.
  package struct Estimate: Sendable, Equatable {
    package let value: Double
    package let error: Double

    package init(value: Double, error: Double) {
      self.value = value
      self.error = error
    }
  }

  /// One window's targets: four numbers each.
  static func json(_ found: some Sequence<TargetDivergence>) -> JSONValue {
    .object([
      "base": .array(found.map { .number($0.base) }),
      "other": .array(found.map { .number($0.other) }),
      "kl": .array(found.map { .number($0.divergence) }),
      "agrees": .array(found.map { .integer($0.agrees ? 1 : 0) }),
    ])
  }

  /// Whether these are the numbers of a window: four for each target, all finite.
  static func accepts(_ values: JSONValue) -> Bool {
    let lists = ["base", "other", "kl", "agrees"].map { key -> [Double]? in
      guard let list = values[key]?.array else { return nil }
      let numbers = list.compactMap(\.double)
      return numbers.count == list.count ? numbers : nil
    }
    guard let count = lists[0]?.count, count > 0, lists.allSatisfy({ $0?.count == count }) else {
      return false
    }
    return lists.prefix(3).allSatisfy { $0?.allSatisfy(EvaluationKind.isLikelihood) == true }
      && lists[3]?.allSatisfy { $0 == 0 || $0 == 1 } == true
  }

  static func meanDivergence(_ units: [EvaluationRecord.Unit]) -> Double? {
    let values = units.flatMap { ($0.values["kl"]?.array ?? []).compactMap(\.double) }
    return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
  }

  /// - Throws: `EvaluationError.record` where a unit does not hold what a window gives.
  package init(_ record: EvaluationRecord, file: String) throws(EvaluationError) {
    var (base, other, divergences, agrees): ([Double], [Double], [Double], [Double]) =
      ([], [], [], [])
    for unit in record.units {
      let lists = ["base", "other", "kl", "agrees"].map { key in
        (unit.values[key]?.array ?? []).compactMap(\.double)
      }
      guard !lists[0].isEmpty, Set(lists.map(\.count)).count == 1 else {
        throw .record(file: file, problem: "unit \(unit.index) is no window of a comparison")
      }
      base += lists[0]
      other += lists[1]
      divergences += lists[2]
      agrees += lists[3]
    }
    self.record = record
    self.divergences = divergences.sorted()
    probabilityDifferences = zip(base, other).map { exp(-$1) - exp(-$0) }.sorted()
    let one = Moments(base)
    let two = Moments(other)
    let covariance = Moments.covariance(base, other)
    self.base = Estimate(value: exp(one.mean), error: exp(one.mean) * one.error)
    self.other = Estimate(value: exp(two.mean), error: exp(two.mean) * two.error)
    let variance = one.error * one.error + two.error * two.error - 2 * covariance
    logRatio = Estimate(value: two.mean - one.mean, error: max(variance, 0).squareRoot())
    correlation = covariance / (one.error * two.error)
    let share = Moments(agrees)
    agreement = Estimate(
      value: share.mean,
      error: (share.mean * (1 - share.mean) / max(Double(agrees.count) - 1, 1)).squareRoot())
  }

  /// Mean and standard error of numbers.
  package struct Moments: Sendable {
    package let mean: Double
    /// `sqrt(var / (n - 1))`
    package let error: Double

    package init(_ values: [Double]) {
      let count = Double(values.count)
      let mean = values.reduce(0, +) / count
      let squares = values.reduce(0) { $0 + $1 * $1 } / count
      self.mean = mean
      error = (max(squares - mean * mean, 0) / (count - 1)).squareRoot()
    }

    /// The covariance of the means of two lists.
    static func covariance(_ one: [Double], _ two: [Double]) -> Double {
      let count = Double(one.count)
      let product = zip(one, two).reduce(0) { $0 + $1.0 * $1.1 } / count
      let means = one.reduce(0, +) / count * (two.reduce(0, +) / count)
      return (product - means) / (count - 1)
    }
  }

  /// A percentile of ascending numbers, interpolated between neighbours.
  /// - Parameter share: from 0 to 1.
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
