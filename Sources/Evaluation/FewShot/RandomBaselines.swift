import Base
import Foundation

/// The accuracy that guessing gives in each task, as the CORE bundle publishes it in
/// `eval_meta_data.csv` (DCLM, arXiv:2406.11794): rows with `Eval Task` and `Random baseline`, in
/// percent.
package struct RandomBaselines: Sendable, Equatable {
  private static let (task, baseline) = ("Eval Task", "Random baseline")

  /// Shares, each one of `FewShotTask.baselines`, by the names of tasks.
  package let shares: [String: Double]

  /// Reads a file.
  /// - Throws: `EvaluationError.questions` naming the line that is not what it should be.
  package init(path: String) throws {
    func failure(_ problem: String) -> EvaluationError {
      .questions(file: path, problem: problem)
    }
    let text = String(decoding: try InputFile(path, .table).bytes(), as: UTF8.self)
    var rows = Self.rows(of: text)[...]
    let header = rows.popFirst()?.fields ?? []
    guard let task = header.firstIndex(of: Self.task),
      let baseline = header.firstIndex(of: Self.baseline)
    else { throw failure("expected a table with '\(Self.task)' and '\(Self.baseline)'") }
    var shares: [String: Double] = [:]
    for row in rows where row.fields != [""] {
      let cell = row.fields.count > max(task, baseline) ? row.fields[baseline] : ""
      guard let percent = Double(cell.trimmingCharacters(in: .whitespaces)),
        FewShotTask.baselines.contains(percent / 100)
      else {
        throw failure("line \(row.line): expected a baseline in percent, at least 0 and below 99.9")
      }
      guard shares.updateValue(percent / 100, forKey: row.fields[task]) == nil else {
        throw failure("line \(row.line): \(quoted(row.fields[task])) occurs twice")
      }
    }
    self.shares = shares
  }

  /// The rows of a table in CSV, with the line on which each begins; fields in quotes may hold
  /// commas, line feeds and doubled quotes.
  private static func rows(of text: String) -> [(line: Int, fields: [String])] {
    var rows: [(line: Int, fields: [String])] = []
    var (fields, field, isQuoted) = ([String](), "", false)
    var (line, begun) = (1, 1)
    func endRow() {
      rows.append((begun, fields + [field]))
      (fields, field) = ([], "")
    }
    var characters = Array(text)[...]
    if characters.first == "\u{FEFF}" { characters.removeFirst() }
    while let character = characters.popFirst() {
      if character.isNewline { line += 1 }
      switch character {
      case "\"" where isQuoted && characters.first == "\"":
        field.append("\"")
        characters.removeFirst()
      case "\"" where isQuoted || field.isEmpty: isQuoted.toggle()
      case "," where !isQuoted:
        fields.append(field)
        field = ""
      case let character where character.isNewline && !isQuoted:
        endRow()
        begun = line
      default: field.append(character)
      }
    }
    if !field.isEmpty || !fields.isEmpty { endRow() }
    return rows
  }

  /// Gives each task the baseline of its name.
  /// - Returns: the names of the tasks that have none here.
  package func apply(to tasks: inout [FewShotTask]) -> [String] {
    for index in tasks.indices { tasks[index].baseline = shares[tasks[index].name] }
    return tasks.filter { $0.baseline == nil }.map(\.name)
  }
}
