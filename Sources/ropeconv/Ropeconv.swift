import ArgumentParser
import Base
import Checkpoints
import Evaluation
import Foundation
import Tensors

/// The version of the program.
let programVersion = Program.version

@main
struct Ropeconv: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ropeconv",
    abstract: "Convert and score language models: rotary variants RoPE, VO-RoPE and RoVE.",
    discussion: HelpText.discussion(
      examples: "ropeconv inspect model.gguf",
      "ropeconv convert model.gguf --to rove -o model.rove.gguf",
      "ropeconv eval perplexity model.rove.gguf --text wiki.test.txt") + "\n\n"
      + HelpText.ofProgram,
    version: VersionText.full,
    subcommands: [
      Inspect.self, Convert.self, Generate.self, Analyze.self, Verify.self, Diff.self,
      Evaluate.self,
      RunPlan.self, Report.self, Tokenize.self, Archive.self,
    ])

  static func main() {
    StandardStreams.prepare()
    SignalHandling.install()
    // Swift ends the process where it gets no memory, and OpenBLAS may have taken it all by now.
    do { try Libraries.checkRoom() } catch {
      Failure.report(error)
      StandardStreams.exit(error.exitStatus)
    }
    if let parent = EnvironmentVariable.parent.value.flatMap(Int32.init) {
      SignalHandling.end(withParent: parent)
    }
    let arguments = Array(CommandLine.arguments.dropFirst())
    let isJSON = GivenOptions(arguments).contains("--json")
    refuseBytesThatAreNoText(isJSON: isJSON)
    refuseHelp(for: arguments, isJSON: isJSON)
    do {
      var command = try parsed(arguments)
      try EnvironmentCheck.run(for: arguments)
      let display = ProgressDisplay(quiet: arguments.contains("--quiet"))
      ArchiveUnpacking.observe(display.unpacking)
      let warn: @Sendable (String) -> Void = { text in
        guard Warnings.keep(text), !arguments.contains("--quiet") else { return }
        Failure.line(text, prefix: "ropeconv: warning: ")
      }
      OutputNotes.observe(warn)
      TokenizerNotes.observe(warn)
      if !arguments.contains("--quiet") {
        RunningUnits.observe(isVerbose: LongRunOptions.isVerbose(arguments))
        // libdispatch hangs if there is no memory for its threads, and ends the process if it cannot
        // open a file of its own: under such limits phases stay silent.
        if !Libraries.hasMemoryLimit, sysconf(Int32(_SC_OPEN_MAX)) >= 64 { SilentPhases.observe() }
        StateFile.observe { Failure.line($0, prefix: "ropeconv: ") }
      }
      try command.run()
      StandardStreams.exit(.done)
    } catch let error as any Diagnostic {
      if isJSON { StandardOutput.write(ErrorObject.json(error)) }
      Failure.report(error)
      StandardStreams.exit(error.exitStatus)
    } catch let status as ThresholdMissed {
      Failure.line(status.reason, prefix: "ropeconv: ")
      StandardStreams.exit(.thresholdMissed)
    } catch {
      exitForParsing(error, arguments, isJSON: isJSON)
    }
  }

  /// Refuses arguments that are not UTF-8. What Swift makes of them names another file, and two that differ become the
  /// same.
  private static func refuseBytesThatAreNoText(isJSON: Bool) {
    let all = UnsafeBufferPointer(start: CommandLine.unsafeArgv, count: Int(CommandLine.argc))
    for argument in all.compactMap({ $0 }) where String(validatingCString: argument) == nil {
      let shown = String(cString: argument)
      exit(
        "argument \(quoted(shown)) is not UTF-8, as names of files must be here",
        hint: "rename the file, or make a link to it with such a name", .usage, isJSON: isJSON)
    }
  }

  /// The parser prints help of the nearest command that it knows, whatever was asked for.
  private static func refuseHelp(for arguments: [String], isJSON: Bool) {
    let tree = CommandTree(root: Self.self)
    guard arguments.first == "help",
      let fault = CommandLineFault(helpFor: Array(arguments.dropFirst()), in: tree)
    else { return }
    exit(fault.summary, hint: fault.hint, .usage, isJSON: isJSON)
  }

  /// Help and version go to standard output with 0; a usage error is one line and a hint.
  private static func exitForParsing(
    _ error: any Error, _ arguments: [String], isJSON: Bool
  ) -> Never {
    let code = exitCode(for: error)
    if code == .success {
      StandardOutput.write(fullMessage(for: error))
      StandardStreams.exit(.done)
    }
    if code == .validationFailure {
      let fault = Self.fault(error, in: arguments)
      exit(fault.summary, hint: fault.hint, .usage, isJSON: isJSON)
    }
    exit("\(error)", hint: nil, .internalError, isJSON: isJSON)
  }

  private static func exit(
    _ summary: String, hint: String?, _ status: ExitStatus, isJSON: Bool
  ) -> Never {
    if isJSON {
      StandardOutput.write(ErrorObject.json(summary: summary, hint: hint, status: status))
    }
    Failure.line(summary, prefix: "ropeconv: error: ")
    if let hint { Failure.line(hint, prefix: "hint: ") }
    StandardStreams.exit(status)
  }
}

/// What `--version` prints: the program, the instruction set in use and the libraries.
enum VersionText {
  static var full: String {
    let libraries = Libraries.versions.map { "\($0.0) \($0.1)" }.joined(separator: ", ")
    return "ropeconv \(programVersion) (\(InstructionSet.current); \(libraries))"
  }
}

/// The work was done, but a threshold was not met: exit 1 with the reason.
struct ThresholdMissed: Error {
  let reason: String
}

/// Error lines on standard error.
enum Failure {
  static func report(_ error: any Diagnostic) {
    let file = error.file.map { "\($0): " } ?? ""
    let place = error.shownPlace.map { " (\($0))" } ?? ""
    line("\(file)\(OptionHints.summary(of: error))\(place)", prefix: "ropeconv: error: ")
    if let hint = OptionHints.hint(for: error) { line(hint, prefix: "hint: ") }
  }

  /// One line: a text from a file cannot start a second one.
  static func line(_ text: String, prefix: String) {
    StandardError.line(prefix + text)
  }
}
