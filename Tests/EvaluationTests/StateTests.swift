import Base
import Checkpoints
import Evaluation
import Foundation
import TestSupport
import Testing

/// State files hold what evaluations gave, and nothing else.
@Suite struct StateTests {
  private func withFolder(_ body: (String) throws -> Void) throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try body(folder)
  }

  private func evaluate(
    state: String?, chunks: Int = 4, progress: (PerplexityEvaluation.Progress) -> Void = { _ in }
  ) throws -> PerplexityResult {
    let model = try Model(opening: References.file("fixtures/lantern.gguf"))
    let text = try TokenizedText(
      .tokens(path: References.file("fixtures/lantern.ids.json")), for: model)
    return try PerplexityEvaluation(
      windows: WindowPlan(context: 32, limit: chunks),
      options: RunOptions(state: try state.map { try StateFile($0) })
    ).run(model, on: text, progress: progress)
  }

  private func lines(_ path: String) throws -> [String] {
    try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map(String.init)
  }

  @Test func identitiesStandBeforeUnits() throws {
    try withFolder { folder in
      let result = try evaluate(state: "\(folder)/state")
      let found = try lines("\(folder)/state")
      #expect(found.count == 6)
      #expect(found[0] == #"{"ropeconv_state":2}"#)
      let identity = try JSONValue.parse(Array(found[1].utf8), file: "state")
      #expect(identity["evaluation"]?.string == result.record.key)
      #expect(identity["identity"] == .object(result.record.identity))
      #expect(identity["units_total"] == 4)
    }
  }

  /// The first unit is on disk while the others are computed, though all fit one batch.
  @Test func unitsAreWrittenAsTheyFinish() throws {
    try withFolder { folder in
      let path = "\(folder)/state"
      var seen: Set<Int> = []
      let result = try evaluate(state: path, chunks: 8) { progress in
        if progress.tokens < Double(progress.totalTokens) {
          seen.insert((try? lines(path).count - 2) ?? 0)
        }
      }
      #expect(seen.contains(1))
      #expect(seen.contains(3))
      #expect(try result.perplexity == evaluate(state: nil, chunks: 8).perplexity)
    }
  }

  @Test(arguments: [
    (#""scored":15"#, #""scored":-15"#), (#""scored":15"#, #""scored":0"#),
    (#""nll_sum":"#, #""nll_sum":-"#), (#""nll_sum":"#, #""nll_sum":1e999,"x":"#),
    (#""nll_squares":"#, #""nll_squares":-"#), (#""nll_squares":"#, #""squares":"#),
    (#""unit":3"#, #""unit":4"#), (#""unit":3"#, #""unit":-1"#), (#""unit":3"#, #""unit":0"#),
    (#"{"evaluation":""#, #"{"evaluation":"0"#),
    // Windows of 32 tokens score 15 targets, and the squares of numbers with a sum are no fewer than
    // those of equal ones and no more than that of one alone.
    (#""scored":15"#, #""scored":14"#), (#""scored":15"#, #""scored":1000000000"#),
    (#""nll_squares":"#, #""nll_squares":0,"x":"#),
    (#""nll_squares":"#, #""nll_squares":1e9,"x":"#), (#""nll_sum":"#, #""nll_sum":1e308,"x":"#),
  ])
  func linesThatCannotBeAreRefused(_ old: String, _ new: String) throws {
    try withFolder { folder in
      let path = "\(folder)/state"
      _ = try evaluate(state: path)
      var changed = try lines(path)
      #expect(changed[5].contains(old))
      changed[5] = changed[5].replacing(old, with: new)
      let text = changed.joined(separator: "\n") + "\n"
      try text.write(toFile: path, atomically: true, encoding: .utf8)
      let error = #expect(throws: EvaluationError.self) { try StateFile(path) }
      #expect(error?.exitStatus == .malformedData)
      #expect(error?.summary.contains("line 6 ") == true)
      #expect(try String(contentsOfFile: path, encoding: .utf8) == text)
    }
  }

  @Test func anIdentityMustBeThatOfItsKey() throws {
    try withFolder { folder in
      let path = "\(folder)/state"
      _ = try evaluate(state: path)
      try String(contentsOfFile: path, encoding: .utf8)
        .replacing(#""ctx":32"#, with: #""ctx":33"#)
        .write(toFile: path, atomically: true, encoding: .utf8)
      let error = #expect(throws: EvaluationError.self) { try StateFile(path) }
      #expect(error?.summary.contains("line 2 ") == true)
    }
  }

  @Test(arguments: [
    "a text\n", "no end", "{}\n", "{\"ropeconv_state\":3}\n", "\n", "{",
    "{\"evaluation\":\"1\",\"unit\":0,\"values\":{}}\n", "{\"evaluation\":\"1\",\"un",
  ])
  func filesOfOthersStayAsTheyAre(_ text: String) throws {
    try withFolder { folder in
      let path = "\(folder)/file"
      try text.write(toFile: path, atomically: true, encoding: .utf8)
      let error = #expect(throws: EvaluationError.self) { try StateFile(path) }
      #expect(error?.exitStatus == .cannotCreate)
      #expect(error?.summary.contains("older") == text.contains("evaluation"))
      #expect(try String(contentsOfFile: path, encoding: .utf8) == text)
      #expect(throws: EvaluationError.self) { try StateFile("/dev/null") }
    }
  }

  /// A disk that takes no byte and names no error is full: writing to it ends.
  @Test func aDiskThatTakesNothing() throws {
    try withFolder { folder in
      let path = "\(folder)/state"
      let faults = WriteFaults(failing: 0, with: 0, persists: true)
      let error = WriteFaults.$current.withValue(faults) {
        #expect(throws: EvaluationError.self) { try evaluate(state: path) }
      }
      #expect(error?.summary.hasSuffix(": \(errorText(ENOSPC))") == true)
      #expect(faults.operations == 1)
    }
  }

  @Test func shardsOfOtherSettingsNameTheField() throws {
    let model = try Model(opening: References.file("fixtures/lantern.gguf"))
    let text = try TokenizedText(
      .tokens(path: References.file("fixtures/lantern.ids.json")), for: model)
    func shard(_ number: Int, _ change: (inout PerplexityEvaluation) -> Void) throws
      -> EvaluationRecord
    {
      var evaluation = PerplexityEvaluation(
        windows: WindowPlan(context: 32, limit: 4),
        options: RunOptions(shard: try Shard(number, of: 2)))
      change(&evaluation)
      return try evaluation.run(model, on: text).record
    }
    let one = try shard(1) { _ in }
    func problem(_ change: (inout PerplexityEvaluation) -> Void) throws -> String {
      let two = try shard(2, change)
      let error = #expect(throws: EvaluationError.self) {
        try EvaluationRecord.merge([("one", one), ("two", two)])
      }
      return error?.summary ?? ""
    }
    #expect(try problem { $0.start = 5 }.hasSuffix("settings.start' differs: 5 in two, 0 in one"))
    #expect(try problem { $0.rotary.sites = .all }.contains("identity.models[0].rotation.sites"))
    #expect(try problem { $0.windows.limit = 5 }.contains("identity.settings.chunks"))
    // A number that cannot be, an edited identity, and another protocol are told on reading.
    let good = try json(one)
    _ = try EvaluationRecord(good, file: "good")
    for (key, value) in [
      ("protocol", 1), ("key", "0"), ("units_total", 5),
      ("units", [["unit": 0, "values": ["scored": 15, "nll_sum": -9.0, "nll_squares": 9.0]]]),
    ] as [(String, JSONValue)] {
      var object = try #require(good.object)
      object[key] = value
      #expect(throws: EvaluationError.self) { try EvaluationRecord(.object(object), file: "bad") }
    }
  }

  private func json(_ record: EvaluationRecord) throws -> JSONValue {
    var object = record.header
    object["units"] = record.unitsJSON
    let text = JSONValue.object(object).serialized(pretty: true)
    return try JSONValue.parse(Array(text.utf8), file: "json")
  }
}
