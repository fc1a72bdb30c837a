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
          "baseline": .finite(task.baseline),
          "baseline_source": .string(Self.source(of: task)),
          "centered": .finite(task.centered), "centered_stderr": .finite(task.centeredError),
        ]
      })
    fields["mean_centered"] = .finite(meanCentered)
    fields["mean_centered_stderr"] = .finite(meanCenteredError)
    // CORE takes its tasks with shots and a delimiter of their own, which one call does not have.
    fields["core"] = .null
    fields["core_stderr"] = .null
    return fields
  }

  /// Where the baseline of a task comes from.
  private static func source(of task: TaskScore) -> String {
    task.published == nil ? "choices" : "published"
  }

  package func lines(color: TerminalColor) -> String {
    let rows =
      [["task", "type", "examples", "accuracy", "baseline", "from", "centered"]]
      + tasks.map { task in
        [
          task.task, task.type, "\(task.examples)",
          Format.measured(task.accuracy, error: task.accuracyError, 3),
          Format.fixed(task.baseline, 3), Self.source(of: task),
          Format.measured(task.centered, error: task.centeredError, 3),
        ]
      }
    return """
      \(Format.table(rows))

      centered    \(Format.measured(meanCentered, error: meanCenteredError, 4)), the mean of the tasks, \(shots) shots
      baseline    what guessing gives: as published, or the mean of 1 / choices
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
