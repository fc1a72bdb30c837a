import ArgumentParser
import Checkpoints
import Foundation
import Tensors

/// The version of the program.
let programVersion = "0.1.0"

@main
struct Ropeconv: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ropeconv",
    abstract: "Rewrite and score language models between rotary variants (RoPE, VO-RoPE, RoVE).",
    discussion: """
      Example:
        ropeconv inspect model.gguf
        ropeconv convert model.gguf --to rove -o model.rove.gguf
        ropeconv eval perplexity model.rove.gguf --text wiki.test.txt
      """,
    version: VersionText.full,
    subcommands: [
      Inspect.self, Convert.self, Analyze.self, Verify.self, Diff.self, Evaluate.self,
      RunPlan.self, Report.self, Tokenize.self, Archive.self,
    ])

  static func main() {
    StandardStreams.prepare()
    Termination.install()
    let arguments = Array(CommandLine.arguments.dropFirst())
    do {
      var command = try parseAsRoot(arguments)
      let display = ProgressDisplay(quiet: arguments.contains("--quiet"))
      ArchiveUnpacking.observe(display.unpacking)
      try command.run()
      StandardStreams.exit(.done)
    } catch let error as any Diagnostic {
      Failure.report(error)
      StandardStreams.exit(error.exitStatus)
    } catch let status as ThresholdMissed {
      Failure.line(status.reason, prefix: "ropeconv: ")
      StandardStreams.exit(.thresholdMissed)
    } catch {
      exitForParsing(error)
    }
  }

  /// Help and version go to standard output with 0; a usage error is one line and a hint.
  private static func exitForParsing(_ error: any Error) -> Never {
    let code = exitCode(for: error)
    if code == .success {
      StandardOutput.write(fullMessage(for: error))
      StandardStreams.exit(.done)
    }
    if code == .validationFailure {
      let text = message(for: error).split(separator: "\n").first.map(String.init) ?? "bad usage"
      Failure.line(text, prefix: "ropeconv: error: ")
      Failure.line("see 'ropeconv --help' or 'ropeconv COMMAND --help'", prefix: "hint: ")
      StandardStreams.exit(.usage)
    }
    Failure.line("\(error)", prefix: "ropeconv: error: ")
    StandardStreams.exit(.internalError)
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
    let place = error.place.map { " (\($0))" } ?? ""
    line("\(file)\(error.summary)\(place)", prefix: "ropeconv: error: ")
    if let hint = error.hint { line(hint, prefix: "hint: ") }
  }

  /// One line: a text from a file cannot start a second one.
  static func line(_ text: String, prefix: String) {
    StandardError.line(prefix + text)
  }
}
