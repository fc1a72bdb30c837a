import Foundation
import TestSupport
import Testing

/// Standard streams that cannot be written.
@Suite struct StandardStreamTests: CommandSuite {
  /// Runs the program from a shell, which redirects its streams.
  private func run(_ arguments: [String], _ redirection: String) throws -> Finished {
    try runProgram(
      "/bin/sh", ["-c", "\"$0\" \"$@\" \(redirection)", Self.program] + arguments,
      environment: ["ROPECONV_ISA": "avx512"])
  }

  private static let commands: [[String]] = [
    ["--help"], ["--version"], ["help", "eval"], [], ["--generate-completion-script", "bash"],
    ["inspect", model], ["inspect", model, "--tensors", "--json"],
    ["tokenize", model, "--text", text], ["eval", "merge", "--help"],
    ["eval", "perplexity", model, "--text", text, "--ctx", "64", "--chunks", "1", "--json"],
    // A threshold missed says nothing where the result was lost.
    [
      "eval", "perplexity", model, "--text", text, "--ctx", "64", "--chunks", "1", "--max-ppl",
      "1", "--quiet",
    ],
  ]

  @Test(arguments: commands, ["> /dev/full", ">&-"])
  func lostResult(arguments: [String], redirection: String) throws {
    let finished = try run(arguments, redirection)
    #expect(finished.status == 74)
    #expect(finished.output.isEmpty)
    let lines = finished.errors.split(separator: "\n")
    #expect(
      lines.count { $0.hasPrefix("ropeconv: error: standard output cannot be written: ") } == 1,
      "\(finished.errors)")
  }

  /// How many tokens there were, and why no more, is not said of a text that nobody got.
  @Test(arguments: ["> /dev/full", ">&-"]) func lostText(redirection: String) throws {
    let finished = try run(
      ["generate", Self.model, "--prompt", "The code of", "--max-tokens", "4"], redirection)
    #expect(finished.status == 74)
    let last = finished.errors.split(separator: "\n").last ?? ""
    #expect(
      last.hasPrefix("ropeconv: error: standard output cannot be written: "), "\(finished.errors)")
  }

  /// A reader that went away before anything was written.
  @Test func pipeWithoutReader() throws {
    let process = Process()
    let (output, errors) = (Pipe(), Pipe())
    process.executableURL = URL(fileURLWithPath: Self.program)
    process.arguments = ["inspect", Self.model]
    process.standardOutput = output
    process.standardError = errors
    try output.fileHandleForReading.close()
    try process.run()
    let said = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationReason == .exit)
    #expect(process.terminationStatus == 74)
    #expect(said == "ropeconv: error: standard output cannot be written: Broken pipe\n")
  }

  /// A command that failed keeps its status, and its line where that can be written.
  @Test(arguments: ["2> /dev/full", "2>&-", "> /dev/full 2>&-", ">&- 2>&- <&-"])
  func lostErrors(redirection: String) throws {
    for (arguments, status) in [
      (["inspect", "no/such.gguf"], 66), (["inspect", "--nonsense"], 64),
      (["eval", "perplexity", Self.model], 64),
    ] as [([String], Int32)] {
      #expect(try run(arguments, redirection).status == status)
    }
  }

  @Test func lostProgressIsNoFailure() throws {
    for redirection in ["2> /dev/full", "2>&-"] {
      let finished = try run(["inspect", Self.model], redirection)
      #expect(finished.status == 0)
      #expect(!finished.output.isEmpty)
    }
  }

  /// A limit on the size of files holds for standard output too.
  @Test func resultBeyondTheFileSizeLimit() throws {
    let finished = try runProgram(
      "/bin/sh",
      ["-c", "ulimit -f 1 && exec \"$0\" \"$@\"", Self.program, "inspect", Self.model]
        + ["--tensors", "--json"])
    #expect(finished.status == 74)
    #expect(
      finished.errors == "ropeconv: error: standard output cannot be written: File too large\n")
  }

  @Test(arguments: ["< /", "<&-"]) func unreadableInput(redirection: String) throws {
    for arguments in [
      ["tokenize", Self.model], ["eval", "perplexity", Self.model, "--text", "-"],
    ] {
      expectFailure(
        try run(arguments, redirection), 66, containing: "standard input: it cannot be read")
    }
  }

  /// A closed stream's number is not given to a file of the program's own.
  @Test func closedStreamsAreNoFiles() throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let arguments = ["convert", Self.model, "--to", "qkvo", "--force", "-o"]
    let usual = try run(arguments + ["\(folder)/a.gguf"], "")
    #expect(usual.status == 0)
    let closed = try run(arguments + ["\(folder)/b.gguf"], ">&- 2>&- <&-")
    #expect(closed.status == 74)
    #expect(
      FileManager.default.contents(atPath: "\(folder)/a.gguf")
        == FileManager.default.contents(atPath: "\(folder)/b.gguf"))
  }
}
