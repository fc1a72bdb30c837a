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
          "chance": .finite(task.chance), "centered": .finite(task.centered),
        ]
      })
    fields["core"] = .finite(core)
    return fields
  }

  package func lines(color: TerminalColor) -> String {
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
