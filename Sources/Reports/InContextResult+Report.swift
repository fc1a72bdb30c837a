import Base
import Checkpoints
import Evaluation
import OrderedCollections

extension InContextResult {
  /// The fields of `eval icl --json`.
  package func json(peakBytes: Int) -> JSONValue {
    var object = record.header
    object["sites"] = record.sites()
    object["tasks"] = .array(
      tasks.map { task in
        [
          "task": .string(task.task), "type": .string(task.type), "shots": JSONValue(shots),
          "examples": JSONValue(task.examples), "accuracy": .finite(task.accuracy),
          "chance": .finite(task.chance), "centered": .finite(task.centered),
        ]
      })
    object["core"] = .finite(core)
    object.merge(record.costs(peakBytes: peakBytes)) { own, _ in own }
    object[EvaluationRecord.unitsKey] = record.unitsJSON
    return .object(object)
  }

  /// The lines a person reads.
  package func text(peakBytes: Int) -> String {
    let rows =
      [["task", "type", "examples", "accuracy", "chance", "centered"]]
      + tasks.map { task in
        [
          task.task, task.type, "\(task.examples)", Format.fixed(task.accuracy, 4),
          Format.fixed(task.chance, 4), Format.fixed(task.centered, 4),
        ]
      }
    return """
      \(Format.table(rows))

      centered    \(Format.fixed(core, 4)), the mean of the tasks, \(shots) shots
      variant     \(record.variant())
      \(record.costText(peakBytes: peakBytes))
      """
  }
}
