import Base
import Checkpoints
import Foundation
import TestSupport
import Testing

/// `eval perplexity --lengths`.
@Suite struct LengthCommandTests: CommandSuite {
  private func sweep(_ arguments: String...) throws -> JSONValue {
    try sweep(arguments: arguments)
  }

  private func sweep(arguments: [String]) throws -> JSONValue {
    let all =
      ["eval", "perplexity", Self.model, "--text", Self.text, "--json", "--quiet"] + arguments
    let level = References.environment["ROPECONV_ISA"] ?? "avx512"
    let finished = try runProgram(Self.program, all, environment: ["ROPECONV_ISA": level])
    #expect(finished.status == 0, "\(finished.errors)")
    return try json(finished)
  }

  private func points(_ sweep: JSONValue) throws -> [JSONValue] {
    try #require(sweep["sweeps"]?.array?.first?["points"]?.array)
  }

  @Test func everyLengthScoresTheTargetsOfTheLongest() throws {
    for more in [[], ["--score", "all"], ["--start", "17"]] {
      let sweep = try sweep(arguments: ["--lengths", "64,256,100", "--chunks", "3"] + more)
      #expect(sweep["length_targets"]?.string == "same")
      let points = try points(sweep)
      #expect(Set(points.map { $0["scored"]?.int }).count == 1)
      let plain = try self.sweep(arguments: ["--ctx", "256", "--chunks", "3"] + more)
      #expect(plain["nll"]?.double != nil)
      for key in ["nll", "ppl", "ppl_stderr", "scored", "identity"] {
        #expect(points[1][key] == plain[key], "\(key)")
      }
      // Less context before the same targets: a worse prediction of them.
      let nats = points.compactMap { $0["nll"]?.double }
      #expect(nats[0] > nats[2] && nats[2] > nats[1])
    }
  }

  @Test func ownTargetsAreThoseOfEachLengthAlone() throws {
    let sweep = try sweep("--lengths", "64,256", "--chunks", "3", "--length-targets", "own")
    #expect(sweep["length_targets"]?.string == "own")
    let points = try points(sweep)
    for (index, length) in ["64", "256"].enumerated() {
      let plain = try self.sweep("--ctx", length, "--chunks", "3")
      #expect(points[index]["nll"] == plain["nll"])
    }
  }

  @Test func modelsOfOneNameGoByTheirFiles() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    try FileManager.default.createDirectory(
      atPath: "\(work)/other", withIntermediateDirectories: false)
    for name in ["one.gguf", "two.gguf", "other/one.gguf"] {
      try FileManager.default.copyItem(atPath: Self.model, toPath: "\(work)/\(name)")
    }
    func firstWords(_ models: String..., scalings: String = "checkpoint") throws -> [String] {
      let finished = try runProgram(
        Self.program,
        ["eval", "perplexity"] + models.map { "\(work)/\($0)" }
          + ["--text", Self.text, "--lengths", "64", "--chunks", "1", "--quiet"]
          + (scalings == "checkpoint" ? [] : ["--rope-scaling", scalings, "--rope-factor", "2"]))
      let count = models.count * scalings.split(separator: ",").count
      let rows = finished.output.split(separator: "\n").prefix(count + 1).dropFirst()
      return rows.map { String($0.prefix { $0 != " " }) }
    }
    #expect(try firstWords("one.gguf", "two.gguf") == ["one.gguf", "two.gguf"])
    #expect(try firstWords("two.gguf") == ["Lantern,"])
    #expect(try firstWords("one.gguf", "other/one.gguf").last == "other/one.gguf")
    let scaled = try firstWords("one.gguf", "two.gguf", scalings: "checkpoint,linear")
    #expect(scaled.sorted() == ["one.gguf", "one.gguf", "two.gguf", "two.gguf"])
  }

  @Test func theTableSaysWhatWasScored() throws {
    let arguments = [
      "eval", "perplexity", Self.model, "--text", Self.text, "--lengths", "64,128", "--chunks", "2",
      "--quiet",
    ]
    let same = try runProgram(Self.program, arguments)
    #expect(same.output.contains("the same 126 targets at every length"))
    let own = try runProgram(Self.program, arguments + ["--length-targets", "own"])
    #expect(own.output.contains("each length scores targets of its own"))
  }

  @Test func aReportSaysWhatWasScored() throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    for (targets, words) in [
      ("same", "The same 126 targets at every length"), ("own", "targets of its own"),
    ] {
      let result = try sweep(
        "--lengths", "64,128", "--chunks", "2", "--length-targets", targets)
      try result.serialized(pretty: true).write(
        toFile: "\(folder)/sweep.json", atomically: true, encoding: .utf8)
      let page = "\(folder)/\(targets).html"
      #expect(try run("report", "\(folder)/sweep.json", "-o", page).status == 0)
      #expect(try String(contentsOfFile: page, encoding: .utf8).contains(words))
    }
  }

  /// Models of equal bytes differ by nothing, which is a difference all the same.
  @Test func modelsThatAreEqual() throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let copy = "\(folder)/copy.gguf"
    try FileManager.default.copyItem(atPath: Self.model, toPath: copy)
    let arguments = [
      "eval", "perplexity", Self.model, copy, Self.model, "--text", Self.text, "--ctx", "64",
      "--chunks", "3", "--quiet",
    ]
    let result = try json(runProgram(Self.program, arguments + ["--json"]))
    let differences = try #require(result["sweeps"]?.array).map {
      $0["points"]?.array?.first?["difference"]
    }
    #expect(differences.count == 3 && differences[0] == .null)
    for difference in differences.dropFirst() {
      #expect(difference?["ppl_percent"]?.double == 0)
      #expect(difference?["ppl_percent_stderr"]?.double == 0)
    }
    let table = try runProgram(Self.program, arguments).output
    #expect(table.split(separator: "\n").count { $0.contains(" 0.00 % +- 0.00") } == 2, "\(table)")
  }

  @Test func settingsWithoutSenseAreRefused() throws {
    expectFailure(
      try run(
        "eval", "perplexity", Self.model, "--text", Self.text, "--length-targets", "own"), 64,
      containing: "--length-targets", "--lengths")
    expectFailure(
      try run(
        "eval", "perplexity", Self.model, "--text", Self.text, "--lengths", "64,128", "--stride",
        "16"), 64, containing: "--stride", "--length-targets own")
    let slid = try sweep("--lengths", "64,128", "--stride", "32", "--length-targets", "own")
    #expect(try points(slid).count == 2)
  }
}
