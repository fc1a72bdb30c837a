import Base
import Foundation
import Synchronization

/// Runs a plan's steps one after another, each as a process of its own, so that a crash of one stops
/// no other.
package struct PlanRunner: Sendable {
  /// The program whose commands the steps are.
  private let program: String
  /// Its version, which results depend on.
  private let version: String
  /// The options that every step gets.
  private let common: [Step.Option]
  /// Gets what steps write to standard error.
  private let errors: @Sendable (Data) -> Void

  /// A runner of a program's commands; `errors` gets what steps write to standard error, on any
  /// thread.
  package init(
    program: String, version: String, threads: Int, quiet: Bool,
    errors: @escaping @Sendable (Data) -> Void
  ) {
    self.program = program
    self.version = version
    common =
      [.init("json"), .init("threads", "\(threads)")] + (quiet ? [.init("quiet")] : [])
    self.errors = errors
  }

  /// Runs the steps of a plan; `starting` is called before each, with its number from 1.
  /// - Throws: `PlanError.folder`; a step that fails does not throw.
  package func run(_ plan: Plan, starting: (Int, Step) -> Void) throws(PlanError) -> PlanResult {
    do {
      try FileManager.default.createDirectory(
        atPath: plan.modelFolder, withIntermediateDirectories: true)
    } catch {
      throw PlanError.folder(path: plan.output)
    }
    var result = PlanResult()
    for (number, step) in plan.steps.enumerated() {
      starting(number + 1, step)
      let missing = step.needs.first { !result.succeeded($0) }
      let outcome =
        missing.map { StepOutcome.skipped("\($0) failed") } ?? execute(step, of: plan)
      result.steps.append((step, outcome))
    }
    return result
  }

  private func execute(_ step: Step, of plan: Plan) -> StepOutcome {
    let result = plan.file("json", of: step)
    let settings = plan.file("command", of: step)
    let begun = plan.file("begun", of: step)
    let files = FileManager.default
    let key = StepKey(step, version: version, leaving: plan.output)
    /// The key and what was made, as the last good run left them.
    func record(_ key: StepKey) -> String? {
      guard let product = step.product else { return key.text }
      return DigestMemory.standard.hexadecimal(ofFileAt: product).map {
        key.text + "product \($0)\n"
      }
    }
    if let key, let record = record(key),
      (try? String(contentsOfFile: settings, encoding: .utf8)) == record,
      ([result] + step.outputs.map(\.path)).allSatisfy(files.fileExists)
    {
      return .kept
    }
    try? files.removeItem(atPath: settings)
    // Units computed from other contents do not belong to this result.
    if key == nil || (try? String(contentsOfFile: begun, encoding: .utf8)) != key?.inputs {
      try? files.removeItem(atPath: plan.file("state", of: step))
    }
    try? (key?.inputs ?? "").write(toFile: begun, atomically: true, encoding: .utf8)

    let began = ContinuousClock.now
    guard let finished = call(step.arguments + own(step, plan).flatMap(\.arguments)) else {
      return .failed(status: ExitStatus.internalError.rawValue, "the program cannot be started")
    }
    let status = finished.status
    // A threshold that was missed is a result all the same, an error's object is not.
    let hasResult =
      status == ExitStatus.done.rawValue || status == ExitStatus.thresholdMissed.rawValue
    if hasResult, !finished.output.isEmpty, !Self.isError(finished.output) {
      guard
        (try? finished.output.write(to: URL(fileURLWithPath: result), options: .atomic)) != nil,
        status != ExitStatus.done.rawValue
          || (key.flatMap(record).map {
            (try? $0.write(toFile: settings, atomically: true, encoding: .utf8)) != nil
          } ?? true)
      else {
        return .failed(status: ExitStatus.cannotCreate.rawValue, "\(result) cannot be written")
      }
    }
    guard status == ExitStatus.done.rawValue else {
      return .failed(status: status, finished.reason)
    }
    return .done(seconds: (ContinuousClock.now - began) / .seconds(1))
  }

  /// The options that a step gets for the plan's sake.
  private func own(_ step: Step, _ plan: Plan) -> [Step.Option] {
    var options = common
    // What a step wrote when it ran before is its own.
    if step.has(PlanReader.outputs), !step.has(["force"]) { options.append(.init("force")) }
    // Prompts are written in one go, and a state keeps no likelihood of each target.
    if step.product == nil, !step.has(["prompts", "nll"]) {
      options.append(.init("state", plan.file("state", of: step)))
    }
    return options
  }

  /// How a process ended.
  private struct Finished {
    let status: Int32
    /// What it wrote to standard output.
    let output: Data
    /// Why it failed, as its last error line says.
    let reason: String
  }

  /// Nil where the program cannot be started.
  private func call(_ arguments: [String]) -> Finished? {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging([
      EnvironmentVariable.parent.rawValue: String(getpid())
    ]) { $1 }
    let (printed, errors) = (Pipe(), Pipe())
    process.standardOutput = printed
    process.standardError = errors
    do { try process.run() } catch { return nil }
    SignalHandling.passOn(to: process.processIdentifier)
    defer { SignalHandling.passOn(to: nil) }
    // Read to its end, so that the line that tells why a step failed is never missed.
    let said = ErrorLines()
    let reading = DispatchGroup()
    let source = errors.fileHandleForReading
    DispatchQueue.global().async(group: reading) { [tell = self.errors] in
      while case let data = source.availableData, !data.isEmpty {
        tell(data)
        said.append(data)
      }
    }
    let output = printed.fileHandleForReading.readDataToEndOfFile()
    reading.wait()
    process.waitUntilExit()
    let crashed = process.terminationReason != .exit
    return Finished(
      status: crashed ? ExitStatus.internalError.rawValue : process.terminationStatus,
      output: output, reason: said.reason)
  }

  private static func isError(_ json: Data) -> Bool {
    (try? JSONValue.parse(Array(json), file: ""))?["kind"]?.string == "error"
  }
}

/// What a step says on standard error; the last error line tells why it failed.
private final class ErrorLines: Sendable {
  /// The last bytes: a chunk of a pipe may end, and these begin, within a character.
  private let bytes = Mutex<[UInt8]>([])
  private static let mostBytes = 1 << 14

  func append(_ data: Data) {
    bytes.withLock { bytes in
      bytes.append(contentsOf: data)
      bytes.removeFirst(max(0, bytes.count - Self.mostBytes))
    }
  }

  var reason: String {
    let lines = String(decoding: bytes.withLock { $0 }, as: UTF8.self)
      .split(whereSeparator: \.isNewline)
      .filter { $0.hasPrefix("ropeconv: ") }
    return lines.last.map { String($0.dropFirst("ropeconv: ".count)) } ?? "no reason given"
  }
}
