import Base
import Foundation
import TestSupport
import Testing

@Suite struct RequestsCommandTests: CommandSuite {
  private static let requests = References.file("fixtures/requests.jsonl")

  private func evaluate(_ more: [String], input: String = "") throws -> Finished {
    try runProgram(
      Self.program, ["eval", "requests", Self.model, "--requests"] + more, input: input,
      environment: ["ROPECONV_ISA": References.environment["ROPECONV_ISA"] ?? "avx512"])
  }

  private func lines(_ path: String) throws -> [JSONValue] {
    try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map {
      try JSONValue.parse(Array($0.utf8), file: path)
    }
  }

  @Test func answersStandAtThePlacesOfTheirRequests() throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let finished = try evaluate([Self.requests, "-o", "\(folder)/out.jsonl", "--json", "--quiet"])
    let result = try json(finished)
    let asked = try lines(Self.requests)
    let answers = try lines("\(folder)/out.jsonl")
    #expect(asked.map { $0["type"] } == answers.map { $0["type"] })
    #expect(result["units"]?.array?.map { $0["values"] } == answers)
    #expect(
      result["requests"]?.array?.map { $0["type"]?.string }
        == ["loglikelihood", "loglikelihood_rolling", "generate_until"])
    // The tasks that the model was trained for: the right choice is the likeliest.
    let choices = try (0..<4).map { try #require(answers[$0]["loglikelihood"]?.double) }
    #expect(choices.firstIndex(of: try #require(choices.max())) == 2)
    expectFailure(
      try evaluate([Self.requests, "-o", "\(folder)/out.jsonl"]), 73, containing: "exists")
    let page = try run("report", try result.written(to: folder), "-o", "\(folder)/page.html")
    #expect(page.status == 0, "\(page.errors)")
    #expect(
      try String(contentsOfFile: "\(folder)/page.html", encoding: .utf8)
        .contains("<section id=\"requests\""))
  }

  @Test func shardsAndAStateGiveTheSameLines() throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    #expect(try evaluate([Self.requests, "-o", "\(folder)/whole.jsonl"]).status == 0)
    let shards = try (1...2).map { number in
      let shard = try evaluate([
        Self.requests, "--shard", "\(number)/2", "--json", "--state", "\(folder)/state",
      ])
      return try json(shard).written(to: folder, as: "\(number).json")
    }
    let merged = try run("eval", "merge", shards[1], shards[0], "-o", "\(folder)/merged.jsonl")
    #expect(merged.status == 0, "\(merged.errors)")
    #expect(try lines("\(folder)/merged.jsonl") == lines("\(folder)/whole.jsonl"))
    let resumed = try evaluate([
      Self.requests, "--state", "\(folder)/state", "-o", "\(folder)/resumed.jsonl",
    ])
    #expect(resumed.errors.contains("all 83 units are in"))
    #expect(try lines("\(folder)/resumed.jsonl") == lines("\(folder)/whole.jsonl"))
    expectFailure(
      try run("eval", "merge", shards[0], shards[1], "-o", shards[0], "--force"), 73,
      containing: "the output is the input")
  }

  @Test func whatIsCutIsSaid() throws {
    let finished = try evaluate([Self.requests, "--ctx", "24"])
    #expect(finished.errors.contains("longer than the context, and cut at the beginning: "))
    let piped = try evaluate(
      ["-", "--json"], input: #"{"type": "loglikelihood_rolling", "text": "There is fog."}"#)
    #expect(try json(piped)["units_total"] == 1)
  }

  @Test(arguments: [
    (["-"], 65, "line 1: expected at least one request"),
    ([text], 65, "line 1: is not JSON"),
    (["/nonexistent"], 66, "/nonexistent"),
    ([requests, "--shard", "1/2", "-o", "/tmp/x.jsonl"], 64, "eval merge"),
    ([requests, "--ctx", "1"], 64, "error: --ctx is 1, expected a number from 2"),
    ([requests, "--ctx", "6"], 65, "leave no room"),
    ([requests, "--force"], 64, "--force has no effect"),
  ])
  func wrongCalls(arguments: [String], status: Int32, word: String) throws {
    expectFailure(try evaluate(arguments), status, containing: word)
  }
}

extension JSONValue {
  /// Writes it to a file of a folder; its path.
  fileprivate func written(to folder: String, as name: String = "result.json") throws -> String {
    try serialized(pretty: true).write(
      toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
    return "\(folder)/\(name)"
  }
}
