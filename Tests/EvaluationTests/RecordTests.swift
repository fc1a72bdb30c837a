import Base
import Checkpoints
import Crypto
import Evaluation
import Foundation
import TestSupport
import Testing

@Suite struct RecordTests {
  private func perplexity(
    chunks: Int = 6, shard: Shard = .whole, state: String? = nil, batch: Int? = nil,
    context: Int = 128
  ) throws -> PerplexityResult {
    let model = try Model(opening: References.file("fixtures/lantern.gguf"))
    let text = try TokenizedText(.text(path: References.file("fixtures/lantern.txt")), for: model)
    return try PerplexityEvaluation(
      windows: WindowPlan(context: context, limit: chunks),
      options: RunOptions(
        shard: shard, state: try state.map { try StateFile($0) }, threads: 2, batch: batch)
    ).run(model, on: text)
  }

  /// What a result's JSON holds of its record.
  private func json(_ record: EvaluationRecord) throws -> JSONValue {
    var object = record.header
    object["units"] = record.unitsJSON
    let text = JSONValue.object(object).serialized(pretty: true)
    return try JSONValue.parse(Array(text.utf8), file: "json")
  }

  @Test func shardsMergeToTheDigitsOfOneRun() throws {
    let whole = try perplexity()
    var parts: [(file: String, record: EvaluationRecord)] = []
    for number in [3, 1, 4, 2] {
      let shard = try perplexity(shard: Shard(number, of: 4))
      parts.append(("\(number)", try EvaluationRecord(json(shard.record), file: "\(number)")))
    }
    let merged = try PerplexityResult(EvaluationRecord.merge(parts), file: "merged")
    #expect(merged.record.units == whole.record.units)
    #expect(merged.perplexity == whole.perplexity)
    #expect(merged.perplexityError == whole.perplexityError)
  }

  /// A merged result was made by who made its shards, when the last of them was.
  @Test func aMergedResultNamesTheMakersOfItsShards() throws {
    let older: JSONValue = ["name": "ropeconv", "version": "0.0.9", "libraries": [:]]
    func part(_ number: Int, _ program: JSONValue?, _ date: String) throws -> EvaluationRecord {
      let record = try perplexity(chunks: 2, shard: Shard(number, of: 2)).record
      var object = try #require(json(record).object)
      if let program { object["program"] = program }
      object["date"] = .string(date)
      return try EvaluationRecord(.object(object), file: "\(number)")
    }
    func header(_ parts: [EvaluationRecord]) throws -> JSONValue {
      .object(try EvaluationRecord.merge(parts.map { (file: "x", record: $0) }).header)
    }
    let (early, late) = ("2025-01-02T03:04:05Z", "2025-06-07T08:09:10Z")
    let alike = try [part(1, older, late), part(2, older, early)]
    for parts in [alike, alike.reversed()] {
      let merged = try header(parts)
      #expect(merged["program"] == older && merged["date"]?.string == late)
      #expect(merged["programs"] == nil)
      #expect(merged["merged_by"]?["program"]?["version"]?.string == Program.version)
      #expect((merged["merged_by"]?["date"]?.string ?? "") > late)
    }
    let other = try part(2, nil, early)
    let merged = try header([alike[0], other])
    #expect(merged["program"] == older)
    #expect(merged["programs"]?.array?.map { $0["version"]?.string } == [Program.version, "0.0.9"])
    // What neither says is not put together.
    var object = try #require(json(other).object)
    object["program"] = nil
    object["date"] = nil
    let silent = try EvaluationRecord(.object(object), file: "silent")
    let error = #expect(throws: EvaluationError.self) { try header([alike[0], silent]) }
    #expect(error?.summary.contains("does not state its program") == true)
    object["date"] = "yesterday"
    #expect(throws: EvaluationError.self) { try EvaluationRecord(.object(object), file: "bad") }
  }

  /// What stands in a file as its makers has names, versions and dates, or is refused.
  @Test func makersOfAFileAreWhatTheyShouldBe() throws {
    let record = try perplexity(chunks: 2).record
    let program: JSONValue = ["name": "ropeconv", "version": "0.0.9"]
    func read(_ key: String, _ value: JSONValue) throws -> EvaluationRecord {
      var object = try #require(json(record).object)
      object[key] = value
      return try EvaluationRecord(.object(object), file: "x.json")
    }
    let lists: [JSONValue] = [
      [1, ["name": "x"]], "x", .null, [["name": "x", "version": 2]], [program, ["version": "1"]],
    ]
    let mergers: [JSONValue] = [
      [:], "x", .null, ["program": program], ["date": "2025-01-02T03:04:05Z"],
    ]
    for (key, values) in [("programs", lists), ("merged_by", mergers)] {
      for value in values {
        let error = #expect(throws: EvaluationError.self, "\(key) \(value)") {
          try read(key, value)
        }
        #expect(error?.file == "x.json" && error?.exitStatus == .malformedData)
      }
    }
    let merger: JSONValue = ["program": program, "date": "2025-01-02T03:04:05Z"]
    #expect(try read("programs", [program, program]).header["programs"]?.array?.count == 2)
    #expect(try read("merged_by", merger).header["merged_by"]?["program"] == program)
  }

  /// Equal keys promise equal digits, so that a shard's is not the whole's.
  @Test func aShardHasAKeyOfItsOwn() throws {
    let whole = try perplexity().record
    let shards = try (1...2).map { try perplexity(shard: Shard($0, of: 2)).record }
    #expect(shards.allSatisfy { $0.identity == whole.identity })
    #expect(Set(([whole] + shards).map(\.key)).count == 3)
    let identity = JSONValue.object(whole.identity).serialized(pretty: false)
    func hash(_ text: String) -> String {
      SHA256.hash(data: Data(text.utf8)).map { String(format: "%02x", $0) }.joined()
    }
    #expect(whole.key == hash(identity))
    #expect(shards[0].key == hash(String(identity.dropLast()) + #","shard":"1/2"}"#))
    let merged = try EvaluationRecord.merge([("1", shards[0]), ("2", shards[1])])
    #expect(merged.key == whole.key)
    // One that calls itself another shard, or the whole, is not what its key names.
    for shard in ["2/2", "1/4", "1/1"] {
      var object = try #require(json(shards[0]).object)
      object["shard"] = .string(shard)
      let error = #expect(throws: EvaluationError.self) {
        try EvaluationRecord(.object(object), file: "bad")
      }
      #expect(error?.summary.contains("'key' is not that of 'identity'") == true)
    }
  }

  @Test func shardsThatDoNotBelongTogetherAreRefused() throws {
    let one = try perplexity(shard: Shard(1, of: 2)).record
    let two = try perplexity(shard: Shard(2, of: 2)).record
    let other = try perplexity(chunks: 5, shard: Shard(2, of: 2)).record
    _ = try EvaluationRecord.merge([("1", one), ("2", two)])
    for parts in [
      [], [("1", one)], [("1", one), ("1 again", one), ("2", two)], [("1", one), ("other", other)],
    ] {
      #expect(throws: EvaluationError.self) { try EvaluationRecord.merge(parts) }
    }
  }

  @Test func whatIsNoResultIsRefused() throws {
    let good = try json(perplexity(chunks: 2).record)
    _ = try EvaluationRecord(good, file: "good")
    for key in ["kind", "identity", "units_total", "shard", "units", "protocol"] {
      var object = try #require(good.object)
      object[key] = key == "protocol" ? 99 : nil
      #expect(throws: EvaluationError.self) {
        try EvaluationRecord(.object(object), file: "bad")
      }
    }
    var object = try #require(good.object)
    object["units"] = []
    object["units_total"] = -1
    #expect(throws: EvaluationError.self) { try EvaluationRecord(.object(object), file: "bad") }
    object["units_total"] = .integer(1 << 60)
    #expect(throws: EvaluationError.self) { try EvaluationRecord(.object(object), file: "bad") }
    // As many as these cannot be counted one by one.
    var identity = try #require(object["identity"]?.object)
    identity["units"] = .integer(1 << 60)
    object["identity"] = .object(identity)
    object["key"] = .string(EvaluationIdentity(fields: identity).key)
    let vast = try EvaluationRecord(.object(object), file: "bad")
    #expect(throws: EvaluationError.self) { try EvaluationRecord.merge([("bad", vast)]) }
    object = try #require(good.object)
    object["units"] = [["unit": 7, "values": [:]]]
    #expect(throws: EvaluationError.self) { try EvaluationRecord(.object(object), file: "bad") }
    object["units"] = [["unit": 0, "values": ["scored": 0]]]
    #expect(throws: EvaluationError.self) { try EvaluationRecord(.object(object), file: "bad") }
  }

  @Test func aStateIsContinuedAndNoUnitDoneTwice() throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = "\(folder)/state"
    let whole = try perplexity()
    _ = try perplexity(shard: Shard(1, of: 2), state: path, batch: 1)
    // A kill in the middle of a line leaves half of it.
    let handle = try #require(FileHandle(forWritingAtPath: path))
    try handle.seekToEnd()
    try handle.write(contentsOf: Data(#"{"evaluation":"1","un"#.utf8))
    try handle.close()

    let resumed = try perplexity(state: path)
    #expect(resumed.record.units == whole.record.units)
    #expect(resumed.record.evaluatedTokens == 3 * 128)
    let again = try perplexity(state: path)
    #expect(again.record.units == whole.record.units)
    #expect(again.record.evaluatedTokens == 0)
    // Another evaluation in the same file finds nothing of its own.
    #expect(try perplexity(state: path, context: 64).record.evaluatedTokens == 6 * 64)
    // Neither does one of another number of units: its numbers may mean other units.
    #expect(try perplexity(chunks: 5, state: path).record.evaluatedTokens == 5 * 128)
    let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
    #expect(lines.count == 1 + 1 + 6 + 1 + 6 + 1 + 5)
    #expect(Set(lines).count == lines.count)
  }

  @Test func statesInUseAndForeignFilesAreRefused() throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let open = try StateFile("\(folder)/state")
    #expect(throws: EvaluationError.self) { try StateFile("\(folder)/state") }
    withExtendedLifetime(open) {}
    try "a text\n".write(toFile: "\(folder)/text", atomically: true, encoding: .utf8)
    #expect(throws: EvaluationError.self) { try StateFile("\(folder)/text") }
    #expect(try String(contentsOfFile: "\(folder)/text", encoding: .utf8) == "a text\n")
    try "no end".write(toFile: "\(folder)/text", atomically: true, encoding: .utf8)
    #expect(throws: EvaluationError.self) { try StateFile("\(folder)/text") }
    #expect(try String(contentsOfFile: "\(folder)/text", encoding: .utf8) == "no end")
    #expect(throws: EvaluationError.self) { try StateFile("\(folder)/none/state") }
  }

  @Test func shardsByNumber() throws {
    let shards = try (1...3).map { try Shard($0, of: 3) }
    for unit in 0..<10 { #expect(shards.filter { $0.contains(unit) }.count == 1) }
    #expect(try Shard(parsing: "2/3").contains(1))
    for bad in ["0/3", "4/3", "1", "a/b", "1/0", "1/2/3", ""] {
      #expect(throws: EvaluationError.self) { try Shard(parsing: bad) }
    }
  }
}
