import Base
import Foundation
import TestSupport
import Testing

/// State files that somebody changed, and those of calls that are refused.
@Suite struct AlteredStateTests: CommandSuite {
  /// Runs a command with a state file, changes the lines of units, and runs it again: the first line
  /// of a unit is the third of the file.
  private func expectRefused(
    _ call: [String], containing words: String, _ change: (String) -> String
  ) throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let state = "\(folder)/state"
    func evaluate() throws -> Finished {
      try runProgram(
        Self.program, call + ["--state", state, "--threads", "1", "--quiet"], input: "",
        environment: ["ROPECONV_ISA": "avx512"])
    }
    let first = try evaluate()
    #expect(first.status == 0, "\(first.errors)")
    #expect(try evaluate().status == 0)
    let lines = try String(contentsOfFile: state, encoding: .utf8).split(separator: "\n")
    let altered = lines.map { $0.contains(#""unit":"#) ? change(String($0)) : String($0) }
    #expect(altered != lines.map(String.init))
    try (altered.joined(separator: "\n") + "\n")
      .write(toFile: state, atomically: true, encoding: .utf8)
    expectFailure(try evaluate(), 65, containing: state, "line ", words)
  }

  private static let needle = [
    "eval", "needle", model, "--template", References.file("fixtures/lantern.needle.json"),
    "--lengths", "64", "--trials", "1", "--depths", "0",
  ]
  private static let requests = [
    "eval", "requests", model, "--requests", References.file("fixtures/requests.jsonl"),
  ]

  @Test func trialsAreOfTheirCells() throws {
    try expectRefused(Self.needle, containing: "has length 4096") {
      $0.replacing(#""length":64"#, with: #""length":4096"#)
    }
    try expectRefused(Self.needle, containing: "cannot be those of needle") {
      $0.replacing(#/"answer_tokens":[0-9]+/#, with: #""answer_tokens":9223372036854775807"#)
    }
  }

  @Test func answersAreToTheirRequests() throws {
    try expectRefused(Self.requests, containing: "has type") { line in
      guard line.contains(#""type":"generate_until""#),
        let values = line.range(of: #""values":"#)
      else { return line }
      return String(line[..<values.upperBound])
        + #"{"type":"loglikelihood_rolling","loglikelihood":-1.0,"tokens":2}}"#
    }
    // Sums of such counts overflow.
    try expectRefused(Self.requests, containing: "cannot be those of requests") {
      $0.replacing(#/"tokens":[0-9]+/#, with: #""tokens":9223372036854775807"#)
    }
  }

  @Test func examplesAreOfTheirTasks() throws {
    try expectRefused(
      [
        "eval", "icl", Self.model, "--tasks", References.file("fixtures/tasks/recall.jsonl"),
        "--examples", "2",
      ], containing: "has example 7"
    ) { $0.replacing(#""example":1"#, with: #""example":7"#) }
  }

  /// What a refused call would have begun is not there afterwards.
  @Test func aRefusedCallLeavesNoState() throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try "short".write(toFile: "\(folder)/text", atomically: true, encoding: .utf8)
    expectFailure(
      try run(
        "eval", "perplexity", Self.model, "--text", "\(folder)/text", "--state",
        "\(folder)/state"), 65, containing: "tokens")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["text"])
    // One that was there stays.
    #expect(FileManager.default.createFile(atPath: "\(folder)/state", contents: nil))
    _ = try run(
      "eval", "perplexity", Self.model, "--text", "\(folder)/text", "--state", "\(folder)/state")
    #expect(FileManager.default.fileExists(atPath: "\(folder)/state"))
  }

  /// Limits that nothing is above are refused before the work, and lengths that no model has.
  @Test func numbersThatAreNoLimits() throws {
    for value in ["nan", "inf", "1e999"] {
      expectFailure(
        try run("verify", Self.model, Self.model, "--text", Self.text, "--tolerance", value), 64,
        containing: "--tolerance", "finite")
      expectFailure(
        try run("eval", "perplexity", Self.model, "--text", Self.text, "--max-ppl", value), 64,
        containing: "--max-ppl")
      expectFailure(
        try run(
          "eval", "compare", Self.model, Self.model, "--text", Self.text, "--max-kl", value), 64,
        containing: "--max-kl")
      expectFailure(
        try run("eval", "bytes", Self.model, "--text", Self.text, "--max-bits", value), 64,
        containing: "--max-bits")
    }
    expectFailure(
      try run(
        "eval", "needle", Self.model, "--template",
        References.file("fixtures/lantern.needle.json"), "--lengths", "100000000",
        "--quiet"), 64,
      containing: "16777216")
  }

  #if os(Linux)
    /// A prompt whose activations take more than the process may have (1.5 GB; a million tokens or more)
    /// is refused before they are asked for.
    @Test func promptsBeyondMemoryAreRefused() throws {
      let folder = try References.temporaryFolder()
      defer { try? FileManager.default.removeItem(atPath: folder) }
      let long = String(repeating: "a", count: 5_000_000)
      try #"{"query": "\#(long)", "choices": ["a", "b"], "gold": 0}"#
        .write(toFile: "\(folder)/t.jsonl", atomically: true, encoding: .utf8)
      try long.write(toFile: "\(folder)/long.txt", atomically: true, encoding: .utf8)
      for call in [
        "eval icl '\(Self.model)' --tasks '\(folder)/t.jsonl'",
        "generate '\(Self.model)' --prompt-file '\(folder)/long.txt'",
      ] {
        let finished = try runProgram(
          "/bin/sh",
          ["-c", "ulimit -v 1500000; exec '\(Self.program)' \(call) --threads 1 --quiet"])
        #expect(finished.status == 70, "\(finished.status): \(finished.errors)")
        #expect(finished.errors.contains("there is no memory for"), "\(finished.errors)")
      }
    }
  #endif
}
