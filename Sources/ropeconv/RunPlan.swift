import ArgumentParser
import Base
import Batch
import Checkpoints
import Evaluation
import Foundation
import Models
import Reports

struct RunPlan: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Run a plan: models, conversions and evaluations from one YAML file.",
    usage: "ropeconv run <plan> [<options>]",
    discussion: HelpText.discussion(
      "Each step's JSON is kept in the plan's output folder. A finished step is not repeated as "
        + "long as its options, the contents of every file that it reads and the version of the "
        + "program are the same; one that was stopped continues. A failing step does not stop "
        + "the others. examples/plan/plan.yaml shows everything that a plan can contain.",
      examples: "ropeconv run plan.yaml"))

  @Argument(help: "The plan, a YAML file.")
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
    let steps = try Plan(bytes: InputFile(plan, .table).bytes(), file: plan)
    try steps.checkFiles(junit: junit)
    var files = CallFiles(models: [])
    files.write(junit, "--junit", force: force)
    try files.check()
    try steps.checkSteps { Self.refusal(of: $0) }
    try steps.checkPositions { Self.learnedPositions(of: $0) }
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

  /// Positions that a model has learned; nil where it has learned none, of one that its own step will
  /// refuse, and of an archive, which might have to be unpacked for it.
  private static func learnedPositions(of path: String) -> Int? {
    let isFile = [".gguf", ".safetensors"].contains { path.lowercased().hasSuffix($0) }
    guard isFile || FileStamp(path: path)?.isFolder == true else { return nil }
    return (try? Model(opening: path))?.plan.globals[.positions]?.rows
  }

  /// What the command line of a step would be refused for, and what would help; nil where it is well formed.
  private static func refusal(of arguments: [String]) -> (problem: String, hint: String?)? {
    do {
      _ = try Ropeconv.parsed(arguments)
      return nil
    } catch let error as any Diagnostic {
      return (error.shownSummary, OptionHints.hint(for: error, in: arguments))
    } catch {
      let fault = Ropeconv.fault(error, in: arguments)
      return (fault.summary, fault.hint)
    }
  }
}
