import Foundation
import TestSupport
import Testing

/// What stands on the command line and could be taken for something else in silence.
@Suite struct GivenValueTests: CommandSuite {
  private static let score = ["eval", "perplexity", model, "--text", text, "--chunks", "1"]
  private static let convert = ["convert", model, "-o", "/nonexistent/x.gguf"]
  private static let generate = ["generate", model, "--prompt", "The code of", "--max-tokens", "2"]

  private func call(_ arguments: [String], input: String = "") throws -> Finished {
    try runProgram(
      Self.program, arguments + ["--quiet"], input: input, environment: ["ROPECONV_ISA": "avx512"])
  }

  /// In a script it is a variable that nobody set, and no sites are a model of their own.
  @Test(arguments: [
    (convert + ["--to", ""], "--to"), (convert + ["--to="], "--to"),
    (convert + ["--to", "vo", "--absorb", ""], "--absorb"),
    (convert + ["--to", "vo", "--value-pairs", ""], "--value-pairs"),
    (score + ["--sites", ""], "--sites"), (score + ["--lengths", ""], "--lengths"),
    (["eval", "ruler", model, "--task", ""], "--task"),
    (["eval", "icl", model, "--tasks", ""], "--tasks"),
    (["eval", "needle", model, "--haystack", text, "--depths", ""], "--depths"),
  ])
  func anEmptyTextIsNoList(arguments: [String], option: String) throws {
    expectFailure(try call(arguments), 64, containing: option)
  }

  /// The last one counted, and the first was never opened.
  @Test(arguments: [
    (score + ["--text", "/nonexistent.txt"], "--text"),
    (score + ["-f", "/nonexistent.txt"], "--text"), (score + ["--chunks=2"], "--chunks"),
    (score + ["--ctx", "64", "-c", "128"], "--ctx"),
    (score + ["--ctx=64", "--ctx=64"], "--ctx"),
    (convert + ["--to", "vo", "--to", "rove"], "--to"),
    (convert + ["--to", "vo", "--output", "y.gguf"], "--output"),
    (["eval", "icl", model, "--tasks", "a.jsonl", "--tasks", "b.jsonl"], "--tasks"),
  ])
  func anOptionIsGivenOnce(arguments: [String], option: String) throws {
    let finished = try call(arguments)
    expectFailure(finished, 64)
    #expect(
      finished.errors.hasPrefix("ropeconv: error: \(option) is given twice\n"),
      "\(finished.errors)")
  }

  /// Two names of one option.
  @Test(arguments: [["--task", "--tasks"], ["--tasks", "--task"]])
  func anOptionIsGivenOnceUnderEitherName(names: [String]) throws {
    let finished = try call(
      ["eval", "ruler", Self.model, names[0], "vt", names[1], "cwe"])
    expectFailure(
      finished, 64, containing: "\(names[0]) is given twice, the second time as \(names[1])")
  }

  /// What adds up may be repeated, and so may a flag.
  @Test func whatMayBeRepeated() throws {
    for arguments in [Self.generate + ["--prompt", "There is"], Self.generate + ["--quiet"]] {
      let finished = try call(arguments)
      #expect(finished.status == 0, "\(finished.errors)")
    }
  }

  /// A number below zero is a value, with the line that it gets behind `=`.
  @Test(arguments: [
    (score, "--ctx", "-5"), (score, "-c", "-5"), (score, "--start", "-1"),
    (score, "--memory", "-1K"), (generate, "--temperature", "-1"), (generate, "--seed", "-3"),
    (
      ["convert", model, "-o", "never.gguf", "--to", "vo", "--calibrate", text], "--max-increase",
      "-1"
    ),
  ])
  func numbersBelowZero(command: [String], option: String, value: String) throws {
    let finished = try call(command + [option, value])
    expectFailure(finished, 64, containing: value)
    #expect(!finished.errors.contains("Missing value"), "\(finished.errors)")
    let joined = try call(command + ["\(option == "-c" ? "--ctx" : option)=\(value)"])
    #expect(finished.errors == joined.errors)
  }

  /// A perplexity is never below zero: the threshold is missed.
  @Test func aThresholdBelowZero() throws {
    let finished = try call(Self.score + ["--ctx", "64", "--max-ppl", "-1"])
    #expect(finished.status == 1, "\(finished.errors)")
  }

  @Test(arguments: ["0", "-5", "1e999", "nan"])
  func aBaseIsAPositiveNumber(value: String) throws {
    expectFailure(
      try call(Self.score + ["--sites", "qkvo", "--value-base", value]), 64,
      containing: "--value-base is ", "expected a finite number above 0")
  }

  @Test(arguments: ["128,", "x", "0.5"]) func lengthsAreShownAsLengths(value: String) throws {
    for command in [Self.score, ["eval", "needle", Self.model, "--haystack", Self.text]] {
      let finished = try call(command + ["--lengths", value])
      expectFailure(finished, 64, containing: "whole numbers such as 512,1024")
    }
  }

  /// What one option has read is gone for the other.
  @Test(arguments: [
    (convert + ["--to", "vo", "--calibrate", "-", "--text", "-"], ["--calibrate", "--text"]),
    (convert + ["--to", "vo", "--calibrate=-", "-f", "-"], ["--calibrate", "--text"]),
    (["generate", model, "--prompt-file", "-", "--prompt-file", "-"], ["--prompt-file"]),
  ])
  func standardInputIsReadOnce(arguments: [String], options: [String]) throws {
    let finished = try call(arguments, input: String(repeating: "The code. ", count: 2000))
    expectFailure(finished, 64, containing: "standard input can be read once")
    for option in options { #expect(finished.errors.contains(option), "\(finished.errors)") }
  }

  @Test func standardInputHasAName() throws {
    for arguments in [
      ["eval", "perplexity", Self.model, "--text", "-"],
      ["eval", "perplexity", Self.model, "--tokens", "-"], ["run", "-"],
    ] {
      let finished = try call(arguments, input: "[1")
      #expect(finished.status == 65)
      #expect(
        finished.errors.hasPrefix("ropeconv: error: standard input: "), "\(finished.errors)")
    }
  }

  /// A folder is one, where a file alone is read.
  @Test func foldersInPlaceOfFiles() throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    for arguments in [
      ["archive", "list", folder], ["archive", "verify", folder],
      ["report", folder, "-o", "\(folder)/x.html"],
    ] {
      expectFailure(try call(arguments), 66, containing: "\(folder): is a folder, expected a file")
    }
  }
}
