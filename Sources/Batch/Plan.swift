import Base
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
}
