import Base
import Evaluation
import OrderedCollections

extension FewShotResult: ReportedResult {
  package var fields: OrderedDictionary<String, JSONValue> {
    var fields: OrderedDictionary<String, JSONValue> = [:]
    fields["tasks"] = .array(
      tasks.map { task in
        [
          "task": .string(task.task), "type": .string(task.type), "shots": JSONValue(shots),
          "examples": JSONValue(task.examples), "accuracy": .finite(task.accuracy),
          "accuracy_stderr": .finite(task.accuracyError), "chance": .finite(task.chance),
          "centered": .finite(task.centered), "centered_stderr": .finite(task.centeredError),
        ]
      })
    fields["core"] = .finite(core)
    fields["core_stderr"] = .finite(coreError)
    return fields
  }

  package func lines(color: TerminalColor) -> String {
    let rows =
      [["task", "type", "examples", "accuracy", "chance", "centered"]]
      + tasks.map { task in
        [
          task.task, task.type, "\(task.examples)",
          Format.measured(task.accuracy, error: task.accuracyError, 3),
          Format.fixed(task.chance, 3),
          Format.measured(task.centered, error: task.centeredError, 3),
        ]
      }
    return """
      \(Format.table(rows))

      centered    \(Format.measured(core, error: coreError, 4)), the mean of the tasks, \(shots) shots
      """
  }
}

extension FewShotResult: ShownKind {
  static func fits(_ json: JSONValue) -> Bool {
    json["tasks"]?.array?.allSatisfy { $0["shots"] != nil && $0["centered"] != nil } ?? false
  }

  static func section(_ files: [ResultFile]) throws(ReportError) -> PageSection {
    try FewShotSection.make(files)
  }
}
