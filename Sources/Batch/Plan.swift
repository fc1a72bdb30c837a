import Base
import Evaluation
import Foundation

/// Models x conversions x evaluations: what a YAML file asks for, as commands of the program.
package struct Plan: Sendable {
  /// The plan's own path; `-` is standard input.
  let path: String
  /// The folder for results.
  package let output: String
  package let steps: [Step]
  /// The models that the plan names, and their paths.
  let models: [(name: String, path: String)]

  /// - Throws: `PlanError.malformed` naming the place of what is not as it should be.
  package init(_ text: String, file: String) throws(PlanError) {
    var reader = try PlanReader(text, file: file)
    try reader.readModels()
    try reader.readConversions()
    try reader.readEvaluations()
    path = file
    output = reader.output
    steps = reader.steps
    models = reader.listed
  }

  /// A plan as it was read.
  /// - Throws: `PlanError.malformed`, also for bytes that are not UTF-8.
  package init(bytes: [UInt8], file: String) throws(PlanError) {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw PlanError.malformed(file: file, problem: "not UTF-8")
    }
    try self.init(text, file: file)
  }

  /// Where a step's files go: what conversions make stands apart from results to report.
  private func folder(of step: Step) -> String { step.product == nil ? output : modelFolder }

  /// The folder of what conversions make.
  var modelFolder: String { PlanReader.modelFolder(in: output) }

  /// A step's file of this ending: its result (`json`), what it was made from (`command`, `begun`)
  /// or what is finished of it (`state`).
  package func file(_ ending: String, of step: Step) -> String {
    "\(folder(of: step))/\(step.name).\(ending)"
  }

  /// The endings of all files that a step writes for the plan, beside what its command asks for.
  static let endings = ["json", "command", "begun", "state"]

  /// Refuses a plan of which a step would write over what is read, or over what another one writes.
  /// - Parameter junit: the file that `run` writes.
  /// - Throws: `PlanError.malformed` naming step and key of both; `FileError.output` where it is
  ///   `junit`.
  package func checkFiles(junit: String?) throws {
    var files = PlanFiles(self)
    try files.check(junit: junit)
  }

  /// Refuses a plan without steps, one of whose models is not there, or of which a command would be refused:
  /// before a step runs, the work of which would be for nothing.
  /// - Parameter refusal: what is wrong with a command, and what would help; nil where it can be run.
  /// - Throws: `PlanError` that names the key.
  package func checkSteps(
    _ refusal: (_ arguments: [String]) -> (problem: String, hint: String?)?
  ) throws(PlanError) {
    guard !steps.isEmpty else {
      throw .malformed(
        file: path, problem: "the plan has neither conversions nor evaluations")
    }
    for (name, model) in models where FileStamp(path: model) == nil {
      throw .noModel(file: path, key: "models.\(name)", path: model)
    }
    var seen: Set<[String]> = []
    for step in steps where seen.insert(step.form).inserted {
      guard let found = refusal(step.arguments) else { continue }
      throw .step(
        file: path, key: step.key(namedIn: found.problem), problem: found.problem,
        hint: found.hint)
    }
  }

  /// Refuses an evaluation of windows that reach beyond the positions that a model of the plan has
  /// learned: before a step runs, and not only where the windows' own step comes. What a conversion
  /// makes is not there yet.
  /// - Parameter positions: how many the model at a path has learned; nil where it has learned none, or
  ///   that cannot be told without much work.
  /// - Throws: `PlanError` that names the key.
  package func checkPositions(_ positions: (_ path: String) -> Int?) throws(PlanError) {
    let listed = Set(models.map(\.path))
    var known: [String: Int?] = [:]
    for step in steps {
      guard let window = step.window, let last = window.last else { continue }
      for path in step.words.dropFirst(2) where listed.contains(path) {
        let found: Int? = known[path] ?? positions(path)
        known.updateValue(found, forKey: path)
        guard let found, last >= found else { continue }
        throw .step(
          file: self.path, key: window.key,
          problem: "position \(last) is asked for, and \(quoted(path)) has learned \(found)",
          hint: nil)
      }
    }
  }
}

extension Step {
  /// The last position of the longest window that an evaluation of windows scores, nil where its numbers
  /// are none, and the key of the plan that asks for it; nil for other steps.
  fileprivate var window: (last: Int?, key: String)? {
    guard words.first == "eval", words.count > 2, ["perplexity", "compare"].contains(words[1])
    else { return nil }
    func value(_ name: String) -> String? { options.first { $0.name == name }?.value }
    let named = ["lengths", "ctx"].first { value($0) != nil }
    let sizes = named.flatMap(value)?.split(separator: ",").compactMap { Int($0) }
    let size: Int? = sizes == nil ? WindowPlan().context : sizes?.max()
    let start = Int(value("start") ?? "0")
    guard let size, let start else { return (nil, place) }
    let (end, overflows) = start.addingReportingOverflow(size)
    return (overflows ? Int.max : end - 1, named.map { "\(place).\($0)" } ?? place)
  }
}
