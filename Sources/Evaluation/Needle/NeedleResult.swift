import Base
import Checkpoints
import Foundation
import OrderedCollections

/// What a needle test gave, trial by trial and by cell.
package struct NeedleResult: EvaluationResult {
  package static let kind = "needle"
  package static let unitName = "a trial of a needle test"

  /// A trial's place in the grid.
  struct Cell: Sendable, Equatable {
    let length: Int
    let depth: Double
    let trial: Int

    /// What a trial states of itself.
    var facts: ExpectedUnits.Facts {
      ["length": JSONValue(length), "depth": .number(depth), "trial": JSONValue(trial)]
    }
  }

  /// What no unit says.
  private static let noCell: ExpectedUnits.Facts = ["length": 0]

  /// The cells of a grid, by length, then depth.
  package static func expected(
    of identity: OrderedDictionary<String, JSONValue>
  ) -> ExpectedUnits? {
    let settings = identity["settings"]
    guard let lengths = settings?["lengths"]?.array, let depths = settings?["depths"]?.array,
      let trials = settings?["trials"]?.int, trials > 0, !depths.isEmpty
    else { return nil }
    return ExpectedUnits { unit in
      let cell = unit / trials
      guard cell / depths.count < lengths.count,
        let length = lengths[cell / depths.count].int,
        let depth = depths[cell % depths.count].double
      else { return Self.noCell }
      return Cell(length: length, depth: depth, trial: unit % trials).facts
    }
  }

  package struct Trial: EvaluationUnit {
    let cell: Cell
    let isCorrect: Bool
    let negativeLogLikelihood: Double
    let tokens: Int
    /// Percent of the haystack's tokens that stand before the needle; nil where it is not stated.
    let placed: Double?

    init(cell: Cell, score: CompletionScore, placed: Double) {
      self.cell = cell
      self.placed = placed
      isCorrect = score.isGreedy
      negativeLogLikelihood = score.negativeLogLikelihood
      tokens = score.tokens
    }

    package init?(_ unit: EvaluationRecord.Unit) {
      let values = unit.values
      guard let length = values["length"]?.int, let depth = values["depth"]?.double,
        let trial = values["trial"]?.int, let isCorrect = values["correct"]?.bool,
        let nll = values["answer_nll_sum"]?.double, let tokens = values["answer_tokens"]?.int,
        tokens > 0, length > 0, (0...100).contains(depth),
        [tokens, length, trial].allSatisfy(NeedleResult.isCount),
        (0...100).contains(values["placed"]?.double ?? 0),
        NeedleResult.isLikelihood(nll / Double(tokens))
      else { return nil }
      cell = Cell(length: length, depth: depth, trial: trial)
      self.isCorrect = isCorrect
      negativeLogLikelihood = nll
      self.tokens = tokens
      placed = values["placed"]?.double
    }

    package var stated: ExpectedUnits.Facts { cell.facts }

    var json: JSONValue {
      [
        "length": JSONValue(cell.length), "depth": .number(cell.depth),
        "trial": JSONValue(cell.trial), "placed": placed.map { .number($0) } ?? .null,
        "correct": .bool(isCorrect), "answer_nll_sum": .number(negativeLogLikelihood),
        "answer_tokens": JSONValue(tokens),
      ]
    }
  }

  /// All trials of one length and depth.
  package struct GridCell: Sendable, Equatable {
    package let length: Int
    /// Percent of the haystack before the needle that were asked for.
    package let depth: Double
    /// Those that stand before it on average; nil where the trials do not state it.
    package let placed: Double?
    package let trials: Int
    package let correct: Int
    /// Mean over trials of the answer's mean negative log-likelihood per token, in nats.
    package let answerNegativeLogLikelihood: Double
    /// Its standard error over trials.
    package let answerError: Double

    package var accuracy: Double { Double(correct) / Double(max(trials, 1)) }
    /// Its standard error: `sqrt(p (1 - p) / (n - 1))`.
    package var accuracyError: Double {
      (accuracy * (1 - accuracy) / Double(trials - 1)).squareRoot()
    }
  }

  package let record: EvaluationRecord
  /// Cells with finished trials, by length, then depth.
  package let grid: [GridCell]
  /// The standard error of `accuracy`, trials of one number taken together, and other numbers as
  /// independent draws: with passages of their own, trials of one number read the same one in all
  /// cells. With c of them right, of t, in cluster k of K, and the accuracy p:
  /// `sqrt(K / (K - 1) * sum (c - p t)^2) / sum t`. Not a number of one cluster.
  ///
  /// Where all read one text, its choice is not in it.
  package let accuracyError: Double

  package init(_ record: EvaluationRecord, units trials: [Trial], file: String) {
    self.record = record
    var cells: OrderedDictionary<[Double], [Trial]> = [:]
    for trial in trials {
      cells[[Double(trial.cell.length), trial.cell.depth], default: []].append(trial)
    }
    grid = cells.values.map { trials in
      GridCell(
        length: trials[0].cell.length, depth: trials[0].cell.depth,
        placed: Self.mean(trials.compactMap(\.placed)), trials: trials.count,
        correct: trials.filter(\.isCorrect).count,
        answerNegativeLogLikelihood: trials.reduce(0) {
          $0 + $1.negativeLogLikelihood / Double($1.tokens)
        } / Double(trials.count),
        answerError: Moments(trials.map { $0.negativeLogLikelihood / Double($0.tokens) }).error)
    }
    let share = Double(trials.filter(\.isCorrect).count) / Double(trials.count)
    let surpluses = Dictionary(grouping: trials, by: \.cell.trial).values.map { cluster in
      Double(cluster.filter(\.isCorrect).count) - share * Double(cluster.count)
    }
    let clusters = Double(surpluses.count)
    let squares = surpluses.map { $0 * $0 }.sorted().reduce(0, +)
    accuracyError =
      clusters > 1
      ? (clusters / (clusters - 1) * squares).squareRoot() / Double(trials.count) : .nan
  }

  private static func mean(_ values: [Double]) -> Double? {
    values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
  }

  /// Correct trials over all trials; NaN of none.
  package var accuracy: Double {
    let trials = grid.reduce(0) { $0 + $1.trials }
    return Double(grid.reduce(0) { $0 + $1.correct }) / Double(trials)
  }

  /// All trials read the haystack's beginning.
  package var readsOneText: Bool {
    record.settings["passages"]?.string == NeedleEvaluation.Passages.one.rawValue
  }

  /// What is to be said where needles stand far from where they were to; nil where they do not.
  package var placeWarning: String? {
    func distance(_ cell: GridCell) -> Double { abs((cell.placed ?? cell.depth) - cell.depth) }
    guard let worst = grid.max(by: { distance($0) < distance($1) }),
      let placed = worst.placed, distance(worst) > Self.fewPercent
    else { return nil }
    func rounded(_ percent: Double) -> String { String(format: "%.1f", percent) }
    return "at length \(worst.length) the needles of depth \(rounded(worst.depth)) % stand at"
      + " \(rounded(placed)) % on average: sentence ends are that far apart"
  }

  /// Beyond it a depth is another one.
  private static let fewPercent = 10.0

  static func accuracy(_ units: [EvaluationRecord.Unit]) -> Double? {
    let trials = units.compactMap { Trial($0) }
    guard !trials.isEmpty else { return nil }
    return Double(trials.filter(\.isCorrect).count) / Double(trials.count)
  }
}
