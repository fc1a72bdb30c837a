import Foundation

/// Models x conversions x evaluations: what a YAML file asks for, as commands of the program.
package struct Plan: Sendable {
  /// The folder for results.
  package let output: String
  package let steps: [Step]

  /// - Throws: `PlanError.malformed` naming the place of what is not as it should be.
  package init(_ text: String, file: String) throws(PlanError) {
    var reader = try PlanReader(text, file: file)
    try reader.readModels()
    try reader.readConversions()
    try reader.readEvaluations()
    output = reader.output
    steps = reader.steps
  }

  /// Where a step's files go: what conversions make stands apart from results to report.
  private func folder(of step: Step) -> String { step.product == nil ? output : modelFolder }

  /// The folder of what conversions make.
  var modelFolder: String { PlanReader.modelFolder(in: output) }

  /// A step's file of this ending: its result (`json`), what it was made from (`command`, `begun`)
  /// or what is finished of it (`state`).
  func file(_ ending: String, of step: Step) -> String {
    "\(folder(of: step))/\(step.name).\(ending)"
  }

  /// The paths that steps read, but for what other steps make.
  package var inputPaths: [String] {
    let products = Set(steps.compactMap(\.product))
    return Set(steps.flatMap(\.inputs).map(\.path)).subtracting(products).sorted()
  }

  /// The files that a step writes for the plan, beside what its command asks for.
  package func files(of step: Step) -> [String] {
    ["json", "command", "state"].map { file($0, of: step) }
  }
}
