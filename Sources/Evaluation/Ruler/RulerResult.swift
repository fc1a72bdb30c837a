import Base
import Checkpoints
import OrderedCollections

/// What RULER's tasks gave, sample by sample and by task and length.
package struct RulerResult: EvaluationResult {
  package static let kind = "ruler"
  package static let unitName = "a sample of a RULER task"

  struct Place: Sendable, Equatable {
    let task: RulerTask
    let length: Int
    let index: Int

    init(task: RulerTask, length: Int, index: Int) {
      self.task = task
      self.length = length
      self.index = index
    }

    init(_ sample: RulerSample) {
      self.init(task: sample.task, length: sample.length, index: sample.index)
    }

    /// What a sample states of itself.
    func facts(_ mode: RulerEvaluation.Mode) -> ExpectedUnits.Facts {
      [
        "task": .string(task.rawValue), "length": JSONValue(length), "sample": JSONValue(index),
        "mode": .string(mode.rawValue),
      ]
    }
  }

  package struct Sample: EvaluationUnit {
    enum Outcome: Sendable {
      /// What was generated, and its score from 0 to 1.
      case output(text: String, score: Double)
      /// Nats per token of a right answer, and whether greedy decoding gives it.
      case answer(negativeLogLikelihood: Double, isGreedy: Bool)
    }

    let place: Place
    let outcome: Outcome

    init(place: Place, outcome: Outcome) {
      self.place = place
      self.outcome = outcome
    }

    package init?(_ unit: EvaluationRecord.Unit) {
      let values = unit.values
      guard let name = values["task"]?.string, let task = RulerTask(rawValue: name),
        let length = values["length"]?.int, let index = values["sample"]?.int, length > 0,
        RulerResult.isCount(length), RulerResult.isCount(index)
      else { return nil }
      place = Place(task: task, length: length, index: index)
      if let score = values["score"]?.double, let text = values["output"]?.string,
        (0...1).contains(score)
      {
        outcome = .output(text: text, score: score)
      } else if let nll = values["answer_nll"]?.double, let exact = values["exact"]?.bool,
        RulerResult.isLikelihood(nll)
      {
        outcome = .answer(negativeLogLikelihood: nll, isGreedy: exact)
      } else {
        return nil
      }
    }

    package var stated: ExpectedUnits.Facts {
      let isOutput = if case .output = outcome { true } else { false }
      return place.facts(isOutput ? .generate : .nll)
    }

    var json: JSONValue {
      var object: OrderedDictionary<String, JSONValue> = [
        "task": .string(place.task.rawValue), "length": JSONValue(place.length),
        "sample": JSONValue(place.index),
      ]
      switch outcome {
      case .output(let text, let score):
        object["score"] = .number(score)
        object["output"] = .string(text)
      case .answer(let nll, let isGreedy):
        object["answer_nll"] = .number(nll)
        object["exact"] = .bool(isGreedy)
      }
      return .object(object)
    }
  }

  /// All samples of one task at one length.
  package struct Cell: Sendable {
    package let task: RulerTask
    package let length: Int
    package let samples: Int
    /// The official score, 0 to 100; nil where nothing was generated.
    package let score: Double?
    /// Mean over samples of the answer's nats per token; nil where it was not scored.
    package let answerNegativeLogLikelihood: Double?
    /// The share of answers that greedy decoding gives to the letter; nil with the one before.
    package let exact: Double?
    /// The standard error of `score`, or of `answerNegativeLogLikelihood` where nothing was generated.
    package let error: Double
  }

  package let record: EvaluationRecord
  package let cells: [Cell]
  /// Where in `cells` that of a task and length stands.
  private let indices: [RulerTask: [Int: Int]]

  package init(_ record: EvaluationRecord, units: [Sample], file: String) {
    self.record = record
    var groups: OrderedDictionary<[String], [Sample]> = [:]
    for sample in units {
      groups[[sample.place.task.rawValue, String(sample.place.length)], default: []].append(sample)
    }
    cells = groups.values.map { samples in
      var (scores, nats, exact): ([Double], [Double], [Double]) = ([], [], [])
      for sample in samples {
        switch sample.outcome {
        case .output(_, let score): scores.append(score)
        case .answer(let nll, let isGreedy):
          nats.append(nll)
          exact.append(isGreedy ? 1 : 0)
        }
      }
      func mean(_ values: [Double]) -> Double? {
        values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
      }
      return Cell(
        task: samples[0].place.task, length: samples[0].place.length, samples: samples.count,
        score: RulerScore.task(scores), answerNegativeLogLikelihood: mean(nats),
        exact: mean(exact),
        error: Moments(scores.isEmpty ? nats : scores.map { 100 * $0 }).error)
    }
    var indices: [RulerTask: [Int: Int]] = [:]
    for (index, cell) in cells.enumerated() {
      indices[cell.task, default: [:]][cell.length] = index
    }
    self.indices = indices
  }

  package var tasks: [RulerTask] { Array(OrderedSet(cells.map(\.task))) }
  package var lengths: [Int] { OrderedSet(cells.map(\.length)).sorted() }

  package func cell(_ task: RulerTask, _ length: Int) -> Cell? {
    indices[task]?[length].map { cells[$0] }
  }

  /// The tasks that are there at every length: means at two lengths are of one set of tasks where they
  /// are of these.
  package var commonTasks: [RulerTask] {
    tasks.filter { task in lengths.allSatisfy { cell(task, $0) != nil } }
  }

  /// The mean score of some tasks at a length; nil where one of them was not run there.
  package func score(at length: Int, of tasks: [RulerTask]) -> Double? {
    let scores = tasks.compactMap { cell($0, length)?.score }
    return scores.count == tasks.count ? RulerScore.overall(scores) : nil
  }

  /// The mean score over all tasks and lengths.
  package var score: Double? { RulerScore.overall(cells.compactMap(\.score)) }

  /// The standard error of `score`, or of `answerNegativeLogLikelihood` where nothing was generated;
  /// not a number where a task has one sample.
  package var error: Double { Estimate.errorOfMean(cells.map(\.error)) }

  /// The standard error of that mean.
  package func error(at length: Int, of tasks: [RulerTask]) -> Double {
    Estimate.errorOfMean(tasks.map { cell($0, length)?.error ?? .nan })
  }

  /// Mean over cells of the answers' nats per token.
  package var answerNegativeLogLikelihood: Double? {
    let values = cells.compactMap(\.answerNegativeLogLikelihood)
    return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
  }

  /// The mean score at every length at which all of RULER's tasks were run: what its threshold is for.
  private var completeScores: [Int: Double] {
    var scores: [Int: Double] = [:]
    for length in lengths {
      if let score = score(at: length, of: RulerTask.allCases) { scores[length] = score }
    }
    return scores
  }

  /// Lengths at which some of RULER's tasks were not run: they take no part in `effectiveLength`.
  package var incompleteLengths: [Int] {
    let complete = completeScores
    return lengths.filter { complete[$0] == nil }
  }

  /// The longest length at which all of RULER's tasks were run with a mean score of at least 85.6; nil
  /// where `effectiveLengthReason` says why there is none.
  package var effectiveLength: Int? {
    record.shard.isPart ? nil : RulerScore.effectiveLength(completeScores)
  }

  /// Why there is no effective length; nil where there is one.
  package var effectiveLengthReason: String? {
    if effectiveLength != nil { return nil }
    if score == nil { return "nothing was generated" }
    if record.shard.isPart { return "a shard has not all samples" }
    return completeScores.isEmpty
      ? "no length has all \(RulerTask.allCases.count) tasks"
      : "no length with all \(RulerTask.allCases.count) tasks scores \(RulerScore.threshold)"
  }

  /// Mean score, or nats per token, of units so far.
  static func mean(_ units: [EvaluationRecord.Unit]) -> Double? {
    let values = units.compactMap { Sample($0) }.map { sample in
      switch sample.outcome {
      case .output(_, let score): 100 * score
      case .answer(let nll, _): nll
      }
    }
    return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
  }
}
