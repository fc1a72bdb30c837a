import Base
import Evaluation
import Foundation
import Reports
import Testing

/// Cells that lie on a diagonal: a map of them has as many places as the square of their number.
@Suite struct LargeGridTests {
  /// 200 rows and 200 lengths: 40,000 places, of which 20,000 are drawn at most.
  private static let many = 200

  @Test(arguments: ["needle", "ruler"])
  func aPageHasATableInPlaceOfAMapOfTooManyPlaces(kind: String) throws {
    func page(_ count: Int) throws -> String {
      let cells = (1...count).map { index in
        kind == "needle"
          ? """
          {"length":\(index),"depth":\(Double(index) / 2),"trials":1,"correct":1,"accuracy":1,
           "answer_nll":1}
          """
          : #"{"task":"t\#(index)","length":\#(index),"samples":1,"score":50,"answer_nll":1}"#
      }
      let list = kind == "needle" ? "grid" : "tasks"
      let text = cells.joined(separator: ",")
      let json = #"{"kind":"\#(kind)","model":"a.gguf","\#(list)":[\#(text)]}"#
      return try ReportTests.page([try ReportTests.result(json)])
    }
    // Every cell of both maps is a rectangle.
    #expect(try page(10).split(separator: "<rect").count > 200)
    let large = try page(Self.many)
    #expect(large.split(separator: "<rect").count < 200)
    #expect(large.contains("200 rows") && large.contains("at most 20000 cells"))
    // The table has them all the same.
    for index in [1, 77, Self.many] { #expect(large.contains(">\(index)<")) }
    #expect(large.utf8.count < 1 << 20)
  }

  /// Curves of one point each, all at other lengths.
  @Test func aSweepOfManyLengthsHasARowForEachPoint() throws {
    func page(_ count: Int) throws -> String {
      let curves = (1...count).map { index in
        """
        {"model":"m\(index).gguf","sites":"qk","rope_scaling":"none","points":[
         {"ctx":\(index),"ppl":5,"ppl_stderr":0.125,"nll":1.6,"scored":10,"chunks":1}]}
        """
      }
      let json = #"{"kind":"sweep","sweeps":[\#(curves.joined(separator: ","))]}"#
      return try ReportTests.page([try ReportTests.result(json)])
    }
    let small = try page(10)
    #expect(!small.contains("at most 20000 cells"))
    // 10 by 10 in the section and in the summary.
    #expect(small.split(separator: "<td").count > 200)
    let large = try page(Self.many)
    #expect(large.contains("No table of 200 models by 200 lengths; at most 20000 cells"))
    #expect(large.contains("No table of 200 variants and 200 scores; at most 20000 cells"))
    // Either table would have 40,000.
    #expect(large.split(separator: "<td").count < 20_000)
    for index in [1, 77, Self.many] { #expect(large.contains(">\(index)<")) }
  }

  /// The names of 30,000 tasks, each looked for among those before it.
  @Test func manyTasksTakeNoSquareOfTheirNumber() throws {
    let tasks = (0..<30_000).map {
      #"{"task":"t\#($0)","type":"schema","shots":0,"examples":2,"accuracy":0.5,"centered":0}"#
    }
    let json = #"{"kind":"icl","model":"a.gguf","tasks":[\#(tasks.joined(separator: ","))]}"#
    let results = try [ReportTests.result(json), ReportTests.result(json)]
    var page = ""
    let time = ContinuousClock().measure { page = (try? ReportTests.page(results)) ?? "" }
    #expect(page.contains("t29999, 0 shots"))
    // Two such results took over ten seconds.
    #expect(time < .seconds(6))
  }

  /// Curves that nothing tells apart: each has a row of its own, and a number.
  @Test func manyCurvesAlikeTakeNoSquareOfTheirNumber() throws {
    let count = 4000
    let curves = (0..<count).map { index in
      """
      {"model":"x.gguf","sites":"qk","rope_scaling":"checkpoint",
       "models":[{"name":"Tiny","role":"model","variant":"RoPE"}],
       "points":[{"ctx":64,"ppl":\(7 + index % 7),"ppl_stderr":0.5,"nll":2,"scored":10,"chunks":1}]}
      """
    }
    let json = #"{"kind":"sweep","text":"t.txt","sweeps":[\#(curves.joined(separator: ","))]}"#
    let results = [try ReportTests.result(json)]
    var page = ""
    let time = ContinuousClock().measure { page = (try? ReportTests.page(results)) ?? "" }
    let summary = page.components(separatedBy: "<section ").first { $0.hasPrefix("id=\"summary\"") }
    #expect((summary ?? "").components(separatedBy: "<th scope=\"row\">").count - 1 == count)
    // It took 27 seconds.
    #expect(time < .seconds(9))
  }

  @Test func aNeedleTextListsTheCellsOfTooManyPlaces() throws {
    func lines(_ count: Int) throws -> [Substring] {
      let units = (0..<count).map { (index: Int) -> JSONValue in
        let (length, depth) = (JSONValue.integer(Int64(index + 64)), Double(index) / 2)
        return .object([
          "length": length, "depth": .number(depth), "trial": .integer(0),
          "correct": .bool(index % 2 == 0), "answer_nll_sum": .number(1.5),
          "answer_tokens": .integer(1),
        ])
      }
      let result = try NeedleResult(record("needle", ["passages": "own"], units), file: "n")
      return result.lines(color: .none).split(separator: "\n")
    }
    #expect(try lines(3).first == "Needle in a haystack")
    let large = try lines(Self.many)
    // A heading, a line for each cell, the accuracy; no line is as long as a row of a map would be.
    #expect(large.count == Self.many + 2)
    #expect(large.contains { $0.split(separator: " ").map(String.init) == ["65", "0.5", "0.0"] })
    #expect(large.contains { $0.split(separator: " ").map(String.init) == ["66", "1", "100.0"] })
    #expect(large.allSatisfy { $0.count < 200 })
  }

  @Test func manyLengthsOfRulerTakeNoSquareOfTheirNumber() throws {
    let units = (0..<20_000).map { (index: Int) -> JSONValue in
      .object([
        "task": .string("niah_single_1"), "length": .integer(Int64(index + 1)),
        "sample": .integer(0), "score": .number(0.5), "output": .string("x"),
      ])
    }
    let result = try RulerResult(record("ruler", ["mode": "generate"], units), file: "r")
    var text = ""
    let time = ContinuousClock().measure { text = result.lines(color: .none) }
    #expect(text.contains("20000") && text.contains("no length has all 13 tasks"))
    // Searching 20,000 cells for each of 20,000 lengths took over ten seconds.
    #expect(time < .seconds(5))
  }

  private func record(
    _ kind: String, _ settings: JSONValue, _ units: [JSONValue]
  ) throws -> EvaluationRecord {
    let count: JSONValue = .integer(Int64(units.count))
    let identity: JSONValue = [
      "kind": .string(kind), "models": [], "settings": settings, "units": count,
    ]
    let fields = try #require(identity.object)
    let json: JSONValue = [
      "kind": .string(kind), "identity": identity, "units_total": count,
      "key": .string(EvaluationIdentity(fields: fields).key(of: .whole)),
      "protocol": .integer(Int64(EvaluationRecord.protocolVersion)),
      "shard": .string(Shard.whole.text),
      "units": .array(
        units.enumerated().map { index, values in
          ["unit": .integer(Int64(index)), "values": values]
        }),
    ]
    return try EvaluationRecord(json, file: kind)
  }
}
