import Base
import Evaluation
import Reports
import TestSupport
import Testing

/// What is said of RULER as a whole is said of one set of tasks.
@Suite struct RulerReportTests {
  private struct Sample {
    let length: Int
    let task: RulerTask
    /// From 0 to 1.
    let score: Double

    init(_ length: Int, _ task: RulerTask, _ score: Double) {
      self.length = length
      self.task = task
      self.score = score
    }
  }

  /// A result of one sample a task and length.
  private func result(_ scores: [Sample], shard: Shard = .whole) throws -> RulerResult {
    let identity: JSONValue = [
      "kind": "ruler", "models": [], "settings": ["mode": "generate"],
      "units": .integer(Int64(scores.count)),
    ]
    let fields = try #require(identity.object)
    let units = scores.enumerated().map { index, sample -> JSONValue in
      [
        "unit": .integer(Int64(index)),
        "values": [
          "task": .string(sample.task.rawValue), "length": .integer(Int64(sample.length)),
          "sample": 0, "score": .number(sample.score), "output": "x",
        ],
      ]
    }
    let json: JSONValue = [
      "kind": "ruler", "identity": identity, "units_total": .integer(Int64(scores.count)),
      "key": .string(EvaluationIdentity(fields: fields).key(of: shard)),
      "protocol": .integer(Int64(EvaluationRecord.protocolVersion)),
      "shard": .string(shard.text), "units": .array(units),
    ]
    return try RulerResult(EvaluationRecord(json, file: "r"), file: "r")
  }

  private func all(_ length: Int, _ score: Double) -> [Sample] {
    RulerTask.allCases.map { Sample(length, $0, score) }
  }

  /// The threshold of 85.6 is for the mean of all thirteen.
  @Test func theEffectiveLengthIsOfAllTasks() throws {
    func effective(_ result: RulerResult) -> (length: Int?, reason: String?, text: String) {
      let json = result.json(peakBytes: 0)
      return (
        json["effective_length"]?.int, json["effective_length_reason"]?.string,
        result.lines(color: .none)
      )
    }
    let one = try effective(result([Sample(512, .niahSingle1, 1)]))
    #expect(one.length == nil && one.reason == "no length has all 13 tasks")
    #expect(one.text.contains("effective length none: no length has all 13 tasks"))
    // One perfect task at a greater length says nothing of the others there.
    let some = try effective(
      result(all(4096, 0.9) + all(8192, 0.85) + [Sample(16384, .niahSingle1, 1)]))
    #expect(some.length == 4096 && some.reason == nil)
    #expect(some.text.contains("effective length 4096, of those with all tasks"))
    let whole = try effective(result(all(4096, 0.9) + all(8192, 0.85)))
    #expect(whole.length == 4096)
    #expect(whole.text.hasSuffix("effective length 4096"))
    let low = try effective(result(all(4096, 0.85)))
    #expect(low.length == nil && low.reason == "no length with all 13 tasks scores 85.6")
    let part = try effective(result(all(4096, 1), shard: Shard(1, of: 2)))
    #expect(part.length == nil && part.reason == "a shard has not all samples")
  }

  @Test func meansByLengthAreOfTheSameTasks() throws {
    let lines = try result([
      Sample(2048, .niahSingle1, 1), Sample(4096, .niahSingle1, 0.5),
      Sample(2048, .variableTracking, 0.5), Sample(4096, .variableTracking, 0.5),
      Sample(4096, .commonWords, 1), Sample(2048, .frequentWords, 0),
    ]).lines(color: .none).split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
    // (100 + 50) / 2 and (50 + 50) / 2: with what only one length has they were 50.0 and 66.7.
    #expect(lines.contains(["common", "75.0", "50.0"]))
    #expect(lines.contains(["common", "at", "every", "length:", "niah_single_1,", "vt"]))
    #expect(!lines.contains { $0.first == "all" })
    let whole = try result([
      Sample(2048, .niahSingle1, 1), Sample(4096, .niahSingle1, 0.5),
      Sample(2048, .variableTracking, 0.5), Sample(4096, .variableTracking, 0.5),
    ]).lines(color: .none).split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
    #expect(whole.contains(["all", "75.0", "50.0"]))
    #expect(!whole.contains { $0.first == "common" })
  }
}
