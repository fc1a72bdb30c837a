import ArgumentParser
import Batch
import Evaluation
import Foundation
import Reports

struct RunPlan: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Models x conversions x evaluations from one YAML file.",
    usage: "ropeconv run <plan> [<options>]",
    discussion: HelpText.discussion(
      "Each step's JSON is kept in the plan's output folder; a step that is there "
        + "already with the same options, the same contents of every file it reads and "
        + "the same version of the program is not run again, and one that was stopped "
        + "continues. A failing step does not stop the others. examples/plan/plan.yaml "
        + "shows all that can be said.",
      examples: "ropeconv run plan.yaml"))

  @Argument(help: "The plan.")
  var plan: String

  @Flag(help: "Print the commands and run nothing.")
  var dryRun = false

  @Option(help: ArgumentHelp("Write the steps as JUnit test cases.", valueName: "file"))
  var junit: String?

  @Flag(help: "Replace an existing --junit file.")
  var force = false

  @OptionGroup var output: OutputOptions

  func run() throws {
    try refuseUnused()
    let text = String(decoding: try TokenizedText.read(plan), as: UTF8.self)
    let steps = try Plan(text, file: plan)
    try files(of: steps).check()
    if dryRun {
      return output.show(
        [
          "kind": "run", "dry_run": true,
          "steps": .array(
            steps.steps.map { step in
              [
                "step": .string(step.name),
                "command": .array(step.arguments.map { .string($0) }),
              ]
            }),
        ],
        steps.steps.map { "ropeconv " + $0.arguments.joined(separator: " ") }
          .joined(separator: "\n"))
    }
    let runner = PlanRunner(
      program: URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().path,
      version: Program.version, threads: output.threads, quiet: output.quiet
    ) { StandardError.write($0) }
    let result = try runner.run(steps) { number, step in
      output.note("step \(number) of \(steps.steps.count): \(step.name)")
    }
    output.show(result.json(), result.text())
    if let junit {
      try JUnit.write(result.cases, suite: "ropeconv run", to: junit, force: force)
    }
    if let reason = result.failure { throw ThresholdMissed(reason: reason) }
  }

  /// The plan and what its commands read; what they write beside that, and the JUnit file.
  private func files(of steps: Plan) -> CallFiles {
    var files = CallFiles(models: steps.inputPaths)
    files.read(plan)
    for step in steps.steps {
      for file in steps.files(of: step) { files.append(file, "the step \(step.name)") }
    }
    files.write(junit, "--junit", force: force)
    return files
  }
}
