import Base
import Evaluation
import Foundation
import TestSupport
import Testing

/// `--shard`: what its result says of itself, and what is refused beside it.
@Suite struct ShardCommandTests: CommandSuite {
  private static let perplexity = [
    "eval", "perplexity", model, "--text", text, "--ctx", "64", "--chunks", "8",
  ]
  private static let needle = [
    "eval", "needle", model, "--template", References.file("fixtures/lantern.needle.json"),
    "--lengths", "64", "--depths", "50", "--trials", "4",
  ]
  private static let icl = [
    "eval", "icl", model, "--tasks", References.file("fixtures/tasks/codes.jsonl"), "--examples",
    "4",
  ]
  private static let compare = [
    "eval", "compare", model, model, "--text", text, "--ctx", "64", "--chunks", "4",
  ]
  private static let bytes = ["eval", "bytes", model, "--text", text]
  private static let ruler = [
    "eval", "ruler", model, "--task", "niah_single_1", "--lengths", "1024", "--samples", "4",
  ]

  @Test(arguments: [
    perplexity, needle, icl, compare, bytes, ruler + ["--mode", "nll"],
  ])
  func theTextSaysIt(_ arguments: [String]) throws {
    let part = try runProgram(Self.program, arguments + ["--shard", "2/4", "--quiet"])
    #expect(part.status == 0, "\(part.errors)")
    #expect(part.output.contains("shard 2/4"))
    let whole = try runProgram(Self.program, arguments + ["--quiet"])
    #expect(!whole.output.contains("shard"))
  }

  @Test(arguments: [
    (perplexity, ["--max-ppl", "100"]), (needle, ["--min-accuracy", "0"]),
    (icl, ["--min-accuracy", "0"]), (compare, ["--max-kl", "1"]), (bytes, ["--max-bits", "9"]),
    (ruler, ["--min-score", "0"]), (perplexity, ["--junit", "/nonexistent/j.xml"]),
  ])
  func aShardIsNotJudged(_ arguments: [String], _ threshold: [String]) throws {
    expectFailure(
      try runProgram(Self.program, arguments + threshold + ["--shard", "1/2", "--quiet"]), 64,
      containing: threshold[0], "not for a shard of it")
  }

  /// One shard of one is everything.
  @Test func theOnlyShardIsTheWhole() throws {
    let judged = try runProgram(
      Self.program,
      Self.perplexity + ["--max-ppl", "1e9", "--shard", "1/1", "--json", "--quiet"])
    #expect(judged.status == 0, "\(judged.errors)")
    let whole = try runProgram(Self.program, Self.perplexity + ["--json", "--quiet"])
    #expect(try json(judged)["key"] == json(whole)["key"])
  }

  /// A whole run goes on from a shard's units, and the page of both has no ratio of them.
  @Test func aStateAndAReportOfBoth() throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    func evaluate(_ more: [String], to name: String) throws -> JSONValue {
      let finished = try runProgram(
        Self.program,
        Self.perplexity + ["--state", "\(folder)/state", "--json", "--quiet"] + more)
      #expect(finished.status == 0, "\(finished.errors)")
      try finished.output.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
      return try json(finished)
    }
    let part = try evaluate(["--shard", "1/4", "--sites", "nope"], to: "part.json")
    let rest = try evaluate(["--sites", "nope"], to: "rest.json")
    #expect(part["key"] != rest["key"])
    #expect(part["identity"] == rest["identity"])
    // Two of eight chunks were there.
    #expect(rest["evaluated_tokens"] == .integer(6 * 64))
    _ = try evaluate([], to: "whole.json")
    let report = try run(
      "report", "\(folder)/whole.json", "\(folder)/part.json", "-o", "\(folder)/page.html")
    #expect(report.status == 0, "\(report.errors)")
    let page = try String(contentsOfFile: "\(folder)/page.html", encoding: .utf8)
    #expect(page.contains("shard 1/4"))
    #expect(!page.contains("change of perplexity") && !page.contains("<i>worst</i>"))
  }
}
