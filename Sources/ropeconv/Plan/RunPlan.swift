import ArgumentParser
import Base
import Checkpoints
import Evaluation
import Foundation
import Reports
import Synchronization

struct RunPlan: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Models x conversions x evaluations from one YAML file.",
    discussion: """
      Each step's JSON is kept in the plan's output folder; a step that is there already with the
      same options, the same contents of every file it reads and the same version of the program is
      not run again, and one that was stopped continues. A failing step does not
      stop the others. examples/plan/plan.yaml shows all that can be said.
      Example: ropeconv run plan.yaml
      """)

  @Argument(help: "The plan.")
  var plan: String

  @Flag(help: "Print the commands and run nothing.")
  var dryRun = false

  @Option(help: ArgumentHelp("Write the steps as JUnit test cases.", valueName: "file"))
  var junit: String?

  @Flag(help: "Replace an existing --junit file.")
  var force = false

  @OptionGroup var output: OutputOptions

  /// What became of a step.
  private enum Outcome: Equatable {
    case done(seconds: Double)
    case kept
    case skipped(String)
    case failed(status: Int32, reason: String)
  }

  func run() throws {
    try refuseUnused()
    let text = String(decoding: try TokenizedText.read(plan), as: UTF8.self)
    let file = plan
    let plan = try Plan(text, file: file)
    try files(of: plan, in: file).check()
    if dryRun {
      output.show(
        [
          "kind": "run", "dry_run": true,
          "steps": .array(
            plan.steps.map { step in
              [
                "step": .string(step.name),
                "command": .array(step.arguments.map { .string($0) }),
              ]
            }),
        ],
        plan.steps.map { "ropeconv " + $0.arguments.joined(separator: " ") }.joined(separator: "\n")
      )
      return
    }
    do {
      try FileManager.default.createDirectory(
        atPath: "\(plan.output)/models", withIntermediateDirectories: true)
    } catch {
      throw EvaluationError.state(file: plan.output, problem: "the folder cannot be made")
    }
    let digests = FileDigests(keptIn: "\(plan.output)/inputs.digests")
    var outcomes: [(step: Plan.Step, outcome: Outcome)] = []
    for (number, step) in plan.steps.enumerated() {
      let missing = step.needs.first { need in
        !outcomes.contains { $0.step.name == need && Self.isGood($0.outcome) }
      }
      output.note("step \(number + 1) of \(plan.steps.count): \(step.name)")
      let outcome =
        missing.map { Outcome.skipped("\($0) failed") }
        ?? execute(step, of: plan, digests)
      digests.save()
      outcomes.append((step, outcome))
    }
    try report(outcomes)
  }

  /// The plan and what its commands read; what they write beside that, and the JUnit file.
  private func files(of plan: Plan, in file: String) -> CallFiles {
    let products = Set(plan.steps.compactMap(\.product))
    var files = CallFiles(models: [])
    files.read(file)
    for path in Set(plan.steps.flatMap(\.arguments)).subtracting(products)
    where path.contains("/") { files.readModel(path) }
    for step in plan.steps {
      let stem = "\(plan.folder(of: step))/\(step.name)"
      for ending in ["json", "command", "state"] {
        files.append("\(stem).\(ending)", "the step \(step.name)")
      }
    }
    files.write(junit, "--junit", force: force)
    return files
  }

  private static func isGood(_ outcome: Outcome) -> Bool {
    switch outcome {
    case .done, .kept: true
    case .skipped, .failed: false
    }
  }

  /// Runs a step as a process of its own, so that a crash of one stops no other.
  private func execute(_ step: Plan.Step, of plan: Plan, _ digests: FileDigests) -> Outcome {
    let folder = plan.folder(of: step)
    let result = "\(folder)/\(step.name).json"
    let settings = "\(folder)/\(step.name).command"
    let state = "\(folder)/\(step.name).state"
    let begun = "\(folder)/\(step.name).begun"
    let files = FileManager.default
    let key = StepKey(step, in: plan, digests: digests)
    /// The key and what was made, as the last good run left them.
    func record(_ key: StepKey) -> String? {
      guard let product = step.product else { return key.text }
      return digests.digest(of: product).map { key.text + "product \($0)\n" }
    }
    if let key, let record = record(key),
      (try? String(contentsOfFile: settings, encoding: .utf8)) == record,
      ([result] + step.outputs).allSatisfy(files.fileExists)
    {
      return .kept
    }
    try? files.removeItem(atPath: settings)
    // Units computed from other contents are no part of this result.
    if key == nil || (try? String(contentsOfFile: begun, encoding: .utf8)) != key?.inputs {
      try? files.removeItem(atPath: state)
    }
    try? (key?.inputs ?? "").write(toFile: begun, atomically: true, encoding: .utf8)
    var arguments = step.arguments + ["--json", "--threads", "\(output.threads)"]
    // What a step wrote when it ran before is its own.
    if !Set(arguments).isDisjoint(with: ["--svg", "--html", "--nll", "--junit", "--prompts"]),
      !arguments.contains("--force")
    {
      arguments.append("--force")
    }
    // Prompts are written at once, there is no state to keep.
    if step.product == nil, !step.arguments.contains("--prompts") {
      arguments += ["--state", state]
    }
    if output.quiet { arguments.append("--quiet") }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    process.arguments = arguments
    let (printed, errors) = (Pipe(), Pipe())
    process.standardOutput = printed
    process.standardError = errors
    let began = ContinuousClock.now
    do { try process.run() } catch {
      return .failed(status: 70, reason: "the program cannot be started")
    }
    SignalHandling.passOn(to: process.processIdentifier)
    defer { SignalHandling.passOn(to: nil) }
    // Read to its end, so that the line that tells why a step failed is never missed.
    let said = ErrorLines()
    let reading = DispatchGroup()
    let source = errors.fileHandleForReading
    DispatchQueue.global().async(group: reading) {
      while case let data = source.availableData, !data.isEmpty {
        StandardError.write(data)
        said.append(data)
      }
    }
    let json = printed.fileHandleForReading.readDataToEndOfFile()
    reading.wait()
    process.waitUntilExit()
    let status = process.terminationReason == .exit ? process.terminationStatus : 70
    // A threshold that was missed is a result all the same, an error's object is none.
    if status == 0 || status == 1, !json.isEmpty, !Self.isError(json) {
      guard (try? json.write(to: URL(fileURLWithPath: result), options: .atomic)) != nil,
        status == 1
          || (key.flatMap(record).map {
            (try? $0.write(toFile: settings, atomically: true, encoding: .utf8)) != nil
          } ?? true)
      else { return .failed(status: 73, reason: "\(result) cannot be written") }
    }
    guard status == 0 else { return .failed(status: status, reason: said.reason) }
    return .done(seconds: (ContinuousClock.now - began) / .seconds(1))
  }

  private static func isError(_ json: Data) -> Bool {
    (try? JSONValue.parse(Array(json), file: ""))?["kind"]?.string == "error"
  }

  private func report(_ outcomes: [(step: Plan.Step, outcome: Outcome)]) throws {
    func words(_ outcome: Outcome) -> (String, String) {
      switch outcome {
      case .done(let seconds): ("done", Format.duration(seconds))
      case .kept: ("kept", "")
      case .skipped(let reason): ("skipped", reason)
      case .failed(let status, let reason): ("failed", "exit code \(status): \(reason)")
      }
    }
    output.show(
      [
        "kind": "run",
        "steps": .array(
          outcomes.map { step, outcome in
            [
              "step": .string(step.name), "outcome": .string(words(outcome).0),
              "detail": .string(words(outcome).1),
            ]
          }),
      ],
      outcomes.map { step, outcome in
        "\(words(outcome).0.padding(toLength: 8, withPad: " ", startingAt: 0))\(step.name)  "
          + words(outcome).1
      }.joined(separator: "\n"))
    let bad = outcomes.filter { !Self.isGood($0.outcome) }
    if let junit {
      try JUnit.write(
        outcomes.map { step, outcome in
          JUnit.Case(
            name: step.name, failure: Self.isGood(outcome) ? nil : words(outcome).1)
        }, suite: "ropeconv run", to: junit, force: force)
    }
    if let first = bad.first {
      throw ThresholdMissed(
        reason: "\(bad.count) of \(outcomes.count) steps did not succeed, the first is "
          + first.step.name)
    }
  }
}

/// What a step says on standard error; the last error line tells why it failed.
private final class ErrorLines: Sendable {
  private let text = Mutex("")

  func append(_ data: Data) {
    text.withLock { $0 = String(($0 + String(decoding: data, as: UTF8.self)).suffix(4096)) }
  }

  var reason: String {
    let lines = text.withLock { $0 }.split(whereSeparator: \.isNewline)
      .filter { $0.hasPrefix("ropeconv: ") }
    return lines.last.map { String($0.dropFirst("ropeconv: ".count)) } ?? "no reason given"
  }
}
