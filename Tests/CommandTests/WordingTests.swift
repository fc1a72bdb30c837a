import Foundation
import TestSupport
import Testing

/// Errors name the option that helps, in the words of the command line; numbers agree with their
/// nouns.
@Suite struct WordingTests: CommandSuite {
  /// What helps where a text is too short depends on what the text is for.
  @Test func aShortTextIsHelpedByTheOptionOfItsUse() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let (short, two, empty) = ("\(work)/short.txt", "\(work)/two.txt", "\(work)/empty.txt")
    try String(repeating: "The lantern stood on the hill. ", count: 4)
      .write(toFile: short, atomically: true, encoding: .utf8)
    try "ab".write(toFile: two, atomically: true, encoding: .utf8)
    try "".write(toFile: empty, atomically: true, encoding: .utf8)
    let fit = ["convert", Self.model, "--to", "rove", "-o", "\(work)/x.gguf", "--calibrate"]
    let longer = "hint: use a longer text"
    for (arguments, summary, hint) in [
      (
        ["eval", "perplexity", Self.model, "--text", short], "for one chunk",
        " or a smaller --ctx"
      ),
      (
        ["eval", "perplexity", Self.model, "--text", short, "--lengths", "512,1024"],
        "for one chunk", " or a smaller --lengths"
      ),
      (fit + [short], "for one calibration window", " or a smaller --calibrate-ctx"),
      (fit + [empty], "the text is empty", ""),
      (["eval", "needle", Self.model, "--haystack", empty], "the text is empty", ""),
      (["eval", "perplexity", Self.model, "--text", empty], "the text is empty", ""),
      (["eval", "bytes", Self.model, "--text", two], "expected at least 4 for one chunk", ""),
    ] as [([String], String, String)] {
      let finished = try runProgram(Self.program, arguments + ["--quiet"])
      expectFailure(finished, 65, containing: summary)
      #expect(
        finished.errors.split(separator: "\n").last.map(String.init) == longer + hint,
        "\(arguments): \(finished.errors)")
    }
  }

  /// What the parser says is put as all other errors are.
  @Test(
    arguments: [
      (["eval", "perplexity", model, "--ctx", "1K"], "--ctx is '1K', expected a whole number"),
      (["verify", model, model, "--tolerance", "x"], "--tolerance is 'x', expected a number"),
      (["eval", "perplexity", model, "-c", "0.5"], "-c is '0.5', expected a whole number"),
      (
        ["eval", "perplexity", model, "--score", "x"],
        "--score is 'x', expected second-half or all"
      ),
      (["convert", model, "--fit", "x"], "--fit is 'x', expected none, output or full"),
      (["inspect", model, "more"], "unexpected argument 'more'"),
      (["inspect"], "missing argument '<model>'"),
      (["report", "a.json"], "missing option '--output <report.html>'"),
      (["eval", "perplexity", model, "--text", ""], "--text is empty, expected a file"),
      (["eval", "bytes", model, "--text", ""], "--text is empty, expected a file"),
      (["tokenize", model, "--text", ""], "--text is empty, expected a file"),
      (["eval", "perplexity", model, "--tokens", ""], "--tokens is empty, expected a file"),
      (["convert", model, "--to", "vo", "--calibrate="], "missing value for '--calibrate"),
      (["convert", model, "--calibrate", ""], "--calibrate is empty, expected a file"),
      (
        ["eval", "perplexity", model, "--lengths", ""],
        "--lengths is empty, expected whole numbers such as 512,1024"
      ),
      (["eval", "ruler", model, "--tasks", ""], "--tasks is empty, expected tasks such as"),
      (["eval", "icl", model, "--tasks", ""], "--tasks is empty, expected files of tasks"),
      (["generate", model, "--seed", "-3"], "--seed is '-3', expected a whole number from 0"),
      (["eval", "icl", model, "--tasks", "a", "--examples", "0"], "--examples is 0, expected at"),
      (["eval", "ruler", model, "--task", "niah_single_2"], "for its haystack: --essays DIR|FILE"),
      (["eval", "ruler", model, "--task", "qa_1"], "SQuAD's JSON format: --squad FILE"),
      (["eval", "ruler", model, "--tasks", "qa_2"], "HotpotQA's JSON format: --hotpot FILE"),
      (["eval", "needle", model], "--haystack DIR|FILE, or a --template that names one"),
      (
        ["eval", "perplexity", model, "--text", text, "--chunks", "0"], "--chunks is 0, expected at"
      ),
    ] as [([String], String)])
  func usageErrorsSayWhatWasExpected(_ arguments: [String], _ words: String) throws {
    expectFailure(try runProgram(Self.program, arguments), 64, containing: words)
  }

  /// Where nothing else helps, the command's help does.
  @Test(arguments: [
    (["convert", model], "convert"), (["generate", model], "generate"),
    (["analyze", model, "--text", text, "--force"], "analyze"),
    (["eval", "perplexity", model, "--text", text, "--sites", "qx"], "eval perplexity"),
  ])
  func usageErrorsNameTheHelp(_ arguments: [String], _ command: String) throws {
    let finished = try runProgram(Self.program, arguments)
    expectFailure(finished, 64)
    #expect(
      finished.errors.split(separator: "\n").last == "hint: see 'ropeconv \(command) --help'",
      "\(finished.errors)")
  }

  /// `-` is a stream for what is read; no file of that name is written.
  @Test func noOutputIsCalledDash() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let few = ["--text", Self.text, "--ctx", "64", "--chunks", "1"]
    for (arguments, option) in [
      (["eval", "perplexity", Self.model, "--nll", "-"] + few, "--nll"),
      (["eval", "perplexity", Self.model, "--state", "-"] + few, "--state"),
      (["analyze", Self.model, "--svg", "-"] + few, "--svg"),
      (["report", "a.json", "-o", "-"], "--output"),
      (["run", "plan.yaml", "--junit", "-"], "--junit"),
    ] as [([String], String)] {
      try "models: {a: \(Self.model)}\nevaluations: [{eval: perplexity, text: \(Self.text)}]\n"
        .write(toFile: "\(work)/plan.yaml", atomically: true, encoding: .utf8)
      // In a folder of its own, where the file would be seen.
      let finished = try runProgram(
        "/bin/sh", ["-c", "cd '\(work)' && exec \"$0\" \"$@\"", Self.program] + arguments)
      #expect(!FileManager.default.fileExists(atPath: "\(work)/-"), "\(arguments)")
      expectFailure(finished, 64, containing: "\(option) is '-', expected the name of a file")
    }
  }

  @Test func oneIsNotSeveral() throws {
    let one = try run("eval", "perplexity", Self.model, "--text", Self.text, "--chunks", "1")
    #expect(one.output.contains("255 targets in 1 chunk of 512"), "\(one.output)")
    let two = try run("eval", "perplexity", Self.model, "--text", Self.text, "--chunks", "2")
    #expect(two.output.contains("510 targets in 2 chunks of 512"), "\(two.output)")
    let token = try run("generate", Self.model, "--prompt", "The", "--max-tokens", "1")
    #expect(token.errors.contains("ropeconv: 1 token in"), "\(token.errors)")
    #expect(token.errors.contains("stopped at the token limit"), "\(token.errors)")
  }

  /// Two whole results differ: which has what, and that they are no shards.
  @Test func mergingWholeResultsNamesBothFiles() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    for (name, sites) in [("a", "rope"), ("b", "rove")] {
      let result = try run(
        "eval", "perplexity", Self.model, "--text", Self.text, "--ctx", "64", "--chunks", "1",
        "--sites", sites, "--json", "--quiet")
      try result.output.write(toFile: "\(work)/\(name).json", atomically: true, encoding: .utf8)
    }
    expectFailure(
      try run("eval", "merge", "\(work)/a.json", "\(work)/b.json", "--quiet"), 65,
      containing: "\"qkvo\" in \(work)/b.json, \"qk\" in \(work)/a.json",
      "both are whole results, not shards")
  }
}
