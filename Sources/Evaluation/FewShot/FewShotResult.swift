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
        let isCorrect = values["correct"]?.bool, let list = values["nll"]?.array, example >= 0
      else { return nil }
      let nats = list.compactMap(\.double)
      guard !nats.isEmpty, nats.count == list.count,
        nats.allSatisfy(FewShotResult.isLikelihood)
      else { return nil }
      self.init(
        task: task, example: example, isCorrect: isCorrect, nats: nats)
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
    /// The accuracy of guessing.
    package let chance: Double

    /// 0 for guessing, 1 for all right: `(accuracy - chance) / (1 - chance)`.
    package var centered: Double { (accuracy - chance) / (1 - chance) }

    /// The standard error of `accuracy`: `sqrt(p (1 - p) / (n - 1))`.
    package var accuracyError: Double {
      (accuracy * (1 - accuracy) / Double(examples - 1)).squareRoot()
    }

    /// The standard error of `centered`.
    package var centeredError: Double { accuracyError / (1 - chance) }
  }

  package let record: EvaluationRecord
  package let tasks: [TaskScore]
  package var shots: Int { record.settings["shots"]?.int ?? 0 }

  /// The mean of the tasks' centered accuracies, which CORE is; NaN of none.
  package var core: Double {
    tasks.reduce(0) { $0 + $1.centered } / Double(tasks.count)
  }

  /// The standard error of `core`, the tasks taken as given.
  package var coreError: Double { Estimate.errorOfMean(tasks.map(\.centeredError)) }

  /// The mean accuracy over tasks; NaN of none.
  package var meanAccuracy: Double {
    tasks.reduce(0) { $0 + $1.accuracy } / Double(tasks.count)
  }

  /// - Throws: `EvaluationError.record` where the identity does not state the tasks.
  package init(
    _ record: EvaluationRecord, units: [Answer], file: String
  ) throws(EvaluationError) {
    self.record = record
    var answers: OrderedDictionary<String, [Bool]> = [:]
    for answer in units { answers[answer.task, default: []].append(answer.isCorrect) }
    var scores: [TaskScore] = []
    for task in record.identity["materials"]?["tasks"]?.array ?? [] {
      guard let name = task["task"]?.string, let type = task["type"]?.string,
        let chance = task["chance"]?.double
      else { throw .record(file: file, problem: "identity.materials.tasks is not a list of tasks") }
      guard let own = answers[name] else { continue }
      scores.append(
        TaskScore(
          task: name, type: type, examples: own.count,
          accuracy: Double(own.filter { $0 }.count) / Double(own.count), chance: chance))
    }
    tasks = scores
  }
}
