import Base
import Checkpoints
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
  }

  package struct Trial: EvaluationUnit {
    let cell: Cell
    let isCorrect: Bool
    let negativeLogLikelihood: Double
    let tokens: Int

    init(cell: Cell, score: CompletionScore) {
      self.cell = cell
      isCorrect = score.isGreedy
      negativeLogLikelihood = score.negativeLogLikelihood
      tokens = score.tokens
    }

    package init?(_ unit: EvaluationRecord.Unit) {
      let values = unit.values
      guard let length = values["length"]?.int, let depth = values["depth"]?.double,
        let trial = values["trial"]?.int, let isCorrect = values["correct"]?.bool,
        let nll = values["answer_nll_sum"]?.double, let tokens = values["answer_tokens"]?.int,
        tokens > 0, length > 0, (0...100).contains(depth), trial >= 0,
        NeedleResult.isLikelihood(nll / Double(tokens))
      else { return nil }
      cell = Cell(length: length, depth: depth, trial: trial)
      self.isCorrect = isCorrect
      negativeLogLikelihood = nll
      self.tokens = tokens
    }

    var json: JSONValue {
      [
        "length": JSONValue(cell.length), "depth": .number(cell.depth),
        "trial": JSONValue(cell.trial), "correct": .bool(isCorrect),
        "answer_nll_sum": .number(negativeLogLikelihood), "answer_tokens": JSONValue(tokens),
      ]
    }
  }

  /// All trials of one length and depth.
  package struct GridCell: Sendable, Equatable {
    package let length: Int
    /// Percent of the haystack before the needle.
    package let depth: Double
    package let trials: Int
    package let correct: Int
    /// Mean over trials of the answer's mean negative log-likelihood per token, in nats.
    package let answerNegativeLogLikelihood: Double
    /// Its standard error over trials.
    package let answerError: Double

    package var accuracy: Double { Double(correct) / Double(max(trials, 1)) }
    /// Its standard error: `sqrt(p (1 - p) / (n - 1))`.
    package var accuracyError: Double { NeedleResult.errorOfShare(accuracy, of: trials) }
  }

  package let record: EvaluationRecord
  /// Cells with finished trials, by length, then depth.
  package let grid: [GridCell]

  package init(_ record: EvaluationRecord, units trials: [Trial], file: String) {
    self.record = record
    var cells: OrderedDictionary<[Double], [Trial]> = [:]
    for trial in trials {
      cells[[Double(trial.cell.length), trial.cell.depth], default: []].append(trial)
    }
    grid = cells.values.map { trials in
      GridCell(
        length: trials[0].cell.length, depth: trials[0].cell.depth, trials: trials.count,
        correct: trials.filter(\.isCorrect).count,
        answerNegativeLogLikelihood: trials.reduce(0) {
          $0 + $1.negativeLogLikelihood / Double($1.tokens)
        } / Double(trials.count),
        answerError: Moments(trials.map { $0.negativeLogLikelihood / Double($0.tokens) }).error)
    }
  }

  /// Correct trials over all trials; NaN of none.
  package var accuracy: Double {
    let trials = grid.reduce(0) { $0 + $1.trials }
    return Double(grid.reduce(0) { $0 + $1.correct }) / Double(trials)
  }

  /// The standard error of `accuracy`, all trials taken as independent draws.
  package var accuracyError: Double {
    Self.errorOfShare(accuracy, of: grid.reduce(0) { $0 + $1.trials })
  }

  private static func errorOfShare(_ share: Double, of count: Int) -> Double {
    (share * (1 - share) / Double(count - 1)).squareRoot()
  }

  static func accuracy(_ units: [EvaluationRecord.Unit]) -> Double? {
    let trials = units.compactMap { Trial($0) }
    guard !trials.isEmpty else { return nil }
    return Double(trials.filter(\.isCorrect).count) / Double(trials.count)
  }
}
