import Base
import Checkpoints
import OrderedCollections

/// What few-shot tasks gave, example by example and by task.
package struct FewShotResult: EvaluationResult {
  package static let kind = "icl"
  package static let unitName = "an example of a task"

  package struct Answer: EvaluationUnit {
    let task: String
    let example: Int
    let isCorrect: Bool
    /// Mean nats per token of every answer.
    let nats: [Double]

    init(task: String, example: Int, isCorrect: Bool, nats: [Double]) {
      self.task = task
      self.example = example
      self.isCorrect = isCorrect
      self.nats = nats
    }

    package init?(_ unit: EvaluationRecord.Unit) {
      let values = unit.values
      guard let task = values["task"]?.string, let example = values["example"]?.int,
        let isCorrect = values["correct"]?.bool, let list = values["nll"]?.array,
        FewShotResult.isCount(example)
      else { return nil }
      let nats = list.compactMap(\.double)
      guard !nats.isEmpty, nats.count == list.count,
        nats.allSatisfy(FewShotResult.isLikelihood)
      else { return nil }
      self.init(
        task: task, example: example, isCorrect: isCorrect, nats: nats)
    }

    package var stated: ExpectedUnits.Facts {
      FewShotResult.facts(task: task, example: example, answers: nats.count)
    }

    var json: JSONValue {
      [
        "task": .string(task), "example": JSONValue(example), "correct": .bool(isCorrect),
        "nll": .array(nats.map { .number($0) }),
      ]
    }
  }

  package struct TaskScore: Sendable, Equatable {
    package let task: String
    package let type: String
    package let examples: Int
    package let accuracy: Double
    /// The accuracy of guessing in these examples: the mean of 1 / choices; 0 for language modelling.
    package let chance: Double
    /// The accuracy of guessing that is published for the task; nil: none was given.
    package let published: Double?

    /// What `centered` is 0 at: what is published, else chance.
    package var baseline: Double { published ?? chance }

    /// 0 for guessing, 1 for all right: `(accuracy - baseline) / (1 - baseline)`.
    package var centered: Double { (accuracy - baseline) / (1 - baseline) }

    /// The standard error of `accuracy`: `sqrt(p (1 - p) / (n - 1))`.
    package var accuracyError: Double {
      (accuracy * (1 - accuracy) / Double(examples - 1)).squareRoot()
    }

    /// The standard error of `centered`.
    package var centeredError: Double { accuracyError / (1 - baseline) }
  }

  /// What a unit states: its task, the example in it from 0, and how many answers were scored.
  static func facts(task: String, example: Int, answers: Int) -> ExpectedUnits.Facts {
    ["task": .string(task), "example": JSONValue(example), "answers": JSONValue(answers)]
  }

  package let record: EvaluationRecord
  package let tasks: [TaskScore]
  package var shots: Int { record.settings["shots"]?.int ?? 0 }

  /// The mean of the tasks' centered accuracies; NaN of none. CORE is such a mean, of 22 tasks with
  /// published baselines, each with shots and a delimiter of its own.
  package var meanCentered: Double {
    tasks.reduce(0) { $0 + $1.centered } / Double(tasks.count)
  }

  /// The standard error of `meanCentered`, the tasks taken as given.
  package var meanCenteredError: Double { Estimate.errorOfMean(tasks.map(\.centeredError)) }

  /// The mean of the tasks' centered accuracies.
  package var essentials: [(name: String, number: Estimate)] {
    [("the mean centered accuracy", Estimate(value: meanCentered, error: meanCenteredError))]
  }

  /// The mean accuracy over tasks; NaN of none.
  package var meanAccuracy: Double {
    tasks.reduce(0) { $0 + $1.accuracy } / Double(tasks.count)
  }

  /// - Throws: `EvaluationError.record` where the identity does not state the tasks, or not that of a
  ///   unit, and for an example that has nothing to choose from.
  package init(
    _ record: EvaluationRecord, units: [Answer], file: String
  ) throws(EvaluationError) {
    self.record = record
    var answers: OrderedDictionary<String, [Answer]> = [:]
    for answer in units { answers[answer.task, default: []].append(answer) }
    var scores: [TaskScore] = []
    var known: Set<String> = []
    for task in record.identity["materials"]?["tasks"]?.array ?? [] {
      let published = task["baseline"]?.double
      guard let name = task["task"]?.string, let type = task["type"]?.string,
        FewShotTask.baselines.contains(published ?? 0)
      else { throw .record(file: file, problem: "identity.materials.tasks is not a list of tasks") }
      known.insert(name)
      guard let own = answers[name] else { continue }
      let count = Double(own.count)
      // Of the examples that were evaluated: those of a shard may have more choices than others.
      let isChoice = type != FewShotTask.Kind.languageModeling.rawValue
      if isChoice, let lone = own.first(where: { $0.nats.count < FewShotTask.leastAnswers }) {
        throw .record(
          file: file,
          problem: "example \(lone.example) of '\(name.prefix(40))' has \(lone.nats.count) answer,"
            + " where there are at least \(FewShotTask.leastAnswers) to choose from")
      }
      let chance = isChoice ? own.reduce(0) { $0 + 1 / Double($1.nats.count) } / count : 0
      scores.append(
        TaskScore(
          task: name, type: type, examples: own.count,
          accuracy: Double(own.count(where: \.isCorrect)) / count, chance: chance,
          published: published))
    }
    if let other = answers.keys.first(where: { !known.contains($0) }) {
      throw .record(
        file: file, problem: "a unit is of '\(other.prefix(40))', which is no task of the identity")
    }
    tasks = scores
  }
}
