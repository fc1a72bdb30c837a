import Checkpoints
import Foundation
import TestSupport
import Testing

/// With `--json` a failure is an object on standard output too, and every result names its kind.
@Suite struct ErrorObjectTests: CommandSuite {
  @Test(
    arguments: [
      (["inspect", "/nonexistent.gguf"], 66, "/nonexistent.gguf", "no such file"),
      (["inspect", text], 65, text, "is a text"),
      (["inspect", model, "--unknown"], 64, nil, "--unknown"),
      (["eval", "perplexty", model], 64, nil, "perplexty"),
      (["help", "eval", "perplexty"], 64, nil, "perplexty"),
      (["eval", "perplexity", model], 64, nil, "--text"),
      (["convert", model, "--to", "qx"], 64, nil, "qx"),
    ] as [([String], Int32, String?, String)])
  func aFailureIsAnObject(
    _ arguments: [String], _ status: Int32, _ file: String?, _ words: String
  ) throws {
    let finished = try runProgram(Self.program, arguments + ["--json"])
    #expect(finished.status == status)
    let object = try json(finished)
    #expect(object["kind"]?.string == "error")
    #expect(object["summary"]?.string?.contains(words) == true, "\(finished.output)")
    #expect(object["file"] == file.map { .string($0) } ?? .null)
    #expect(object["exit_status"]?.int == Int(status))
    #expect(object["place"] != nil && object["hint"] != nil)
    // The line on standard error stays, and says the same.
    #expect(finished.errors.hasPrefix("ropeconv: error: "))
    #expect(finished.errors.contains(try #require(object["summary"]?.string)))
    // Without --json nothing is printed.
    #expect(try runProgram(Self.program, arguments).output.isEmpty)
  }

  /// A threshold that is missed is a result, not an error.
  @Test func aMissedThresholdPrintsItsResult() throws {
    let finished = try run(
      "eval", "perplexity", Self.model, "--text", Self.text, "--ctx", "64", "--chunks", "1",
      "--max-ppl", "1.0001", "--quiet", "--json")
    #expect(finished.status == 1)
    #expect(try json(finished)["ppl"]?.double != nil)
    #expect(try json(finished)["kind"]?.string != "error")
  }

  @Test func everyCommandNamesItsKindAndItsModel() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let archive = "\(work)/lantern.tar"
    let chunks = ["--text", Self.text, "--ctx", "64", "--chunks", "1"]
    for (kind, operand, arguments) in [
      ("inspect", Self.model, ["inspect", Self.model]),
      ("convert", Self.model, ["convert", Self.model, "--to", "qk", "-o", archive]),
      ("analyze", Self.model, ["analyze", Self.model] + chunks),
      ("verify", Self.model, ["verify", Self.model, Self.model] + chunks),
      ("diff", Self.model, ["diff", Self.model, Self.model]),
      ("tokenize", Self.model, ["tokenize", Self.model, "--text", Self.text]),
      ("archive_list", archive, ["archive", "list", archive]),
      ("archive_verify", archive, ["archive", "verify", archive]),
    ] {
      let finished = try runProgram(Self.program, arguments + ["--json", "--quiet"])
      let object = try json(finished)
      #expect(object["kind"]?.string == kind, "\(arguments)")
      #expect(object["model"]?.string == operand, "\(arguments)")
    }
  }

  @Test func aPlansDryRunIsAnObjectOfItsSteps() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    try "models: {a: \(Self.model)}\nevaluations: [{eval: perplexity, text: \(Self.text)}]\n"
      .write(toFile: "\(work)/plan.yaml", atomically: true, encoding: .utf8)
    let object = try json(run("run", "\(work)/plan.yaml", "--dry-run", "--json"))
    #expect(object["kind"]?.string == "run")
    #expect(object["steps"]?.array?.first?["command"]?.array?.first?.string == "eval")
  }
}
