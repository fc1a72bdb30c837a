import Base
import Checkpoints
import Evaluation
import Foundation
import Rotary
import TestSupport
import Testing

/// Requests of a harness, against whole passes over ids that are made here as
/// lm-evaluation-harness makes them.
@Suite struct RequestsTests {
  private let model: Model

  init() throws { model = try Model(opening: References.file("fixtures/lantern.gguf")) }

  private func ids(_ text: String) throws -> [Int32] {
    try model.tokenizer().encode(Array(text.utf8), addSpecial: false, parseSpecial: true)
  }

  private var prefix: Int32 {
    get throws {
      let tokenizer = try model.tokenizer()
      return try #require(tokenizer.bos ?? tokenizer.eos)
    }
  }

  /// The log-likelihood of the last `count` ids and whether each is the likeliest, from all logits in
  /// double precision; the last id does not go through the model.
  private func scored(_ ids: [Int32], last count: Int) throws -> (sum: Double, isGreedy: Bool) {
    let vocabulary = model.plan.shape.vocabulary
    let logits = try model.logits(Array(ids.dropLast()))
    var (sum, isGreedy) = (0.0, true)
    for place in (ids.count - count)..<ids.count {
      let row = (0..<vocabulary).map { Double(logits[(place - 1) * vocabulary + $0]) }
      let top = try #require(row.max())
      sum -= log(row.reduce(0) { $0 + exp($1 - top) }) + top - row[Int(ids[place])]
      isGreedy = isGreedy && row.firstIndex(of: top) == Int(ids[place])
    }
    return (sum, isGreedy)
  }

  private func file(_ requests: [JSONValue]) throws -> RequestFile {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let text = requests.map { $0.serialized(pretty: false) }.joined(separator: "\n")
    try text.write(toFile: "\(folder)/in.jsonl", atomically: true, encoding: .utf8)
    return try RequestFile(path: "\(folder)/in.jsonl")
  }

  private func answers(
    _ requests: [JSONValue], context: Int? = nil, batch: Int? = nil
  ) throws -> [JSONValue] {
    let evaluation = RequestsEvaluation(
      context: context, options: RunOptions(threads: 2, batch: batch))
    let result = try evaluation.run(model, on: file(requests), onLengths: { _, _ in })
    return result.record.units.map(\.values)
  }

  private func request(_ context: String, _ continuation: String) -> JSONValue {
    [
      "type": "loglikelihood", "context": .string(context),
      "continuation": .string(continuation),
    ]
  }

  private static let question =
    "The code of the little lantern is 8481. The code of the green whistle is 5083. What is the"
    + " code of the little lantern?"

  @Test func aContinuationIsScoredBehindItsContext() throws {
    let found = try answers([
      request(Self.question, " 8481."), request(Self.question + " ", "8481."),
      request(Self.question, " 5083."), request("", "There is fog over the market."),
    ])
    let context = try ids(Self.question)
    for (answer, continuation) in [
      (found[0], " 8481."), (found[1], " 8481."), (found[2], " 5083."),
    ] {
      let whole = try ids(Self.question + continuation)
      #expect(Array(whole.prefix(context.count)) == context)
      let expected = try scored(whole, last: whole.count - context.count)
      #expect(abs(try #require(answer["loglikelihood"]?.double) - expected.sum) < 1e-4)
      #expect(answer["is_greedy"]?.bool == expected.isGreedy)
      #expect(answer["tokens"]?.int == whole.count - context.count)
    }
    #expect(found[0]["is_greedy"] == true && found[2]["is_greedy"] == false)
    let alone = try ids("There is fog over the market.")
    let expected = try scored([try prefix] + alone, last: alone.count)
    #expect(abs(try #require(found[3]["loglikelihood"]?.double) - expected.sum) < 1e-4)
  }

  /// What is too long is cut at its beginning: the model sees `context` tokens.
  @Test func aLongContextIsCutAtItsBeginning() throws {
    let context = try ids(Self.question)
    let whole = try ids(Self.question + " 8481.")
    let found = try answers([request(Self.question, " 8481.")], context: 16)[0]
    let expected = try scored(Array(whole.suffix(17)), last: whole.count - context.count)
    #expect(abs(try #require(found["loglikelihood"]?.double) - expected.sum) < 1e-4)
    #expect(found["cut"]?.int == whole.count - 17)
  }

  /// Each token is predicted once; the last window reaches back as far as it can.
  @Test(arguments: [8, 100])
  func aWholeTextIsScoredInWindows(length: Int) throws {
    let text = String(Self.question.prefix(120))
    let tokens = try ids(text)
    let found = try answers(
      [["type": "loglikelihood_rolling", "text": .string(text)]], context: length)[0]
    var sum = 0.0
    for first in stride(from: 0, to: tokens.count, by: length) {
      let last = min(first + length, tokens.count)
      // Ids of `[prefix] + tokens` up to `last`, at most `length` before the one predicted last.
      let window = Array(([try prefix] + tokens)[...last].suffix(length + 1))
      sum += try scored(window, last: last - first).sum
    }
    #expect(tokens.count > 8)
    #expect(abs(try #require(found["loglikelihood"]?.double) - sum) < 1e-4)
    #expect(found["tokens"]?.int == tokens.count)
  }

  @Test func generationIsGreedyUpToTheFirstOfSomeTexts() throws {
    let prompts = [Self.question, "There is fog over"]
    let found = try answers(
      prompts.map { prompt in
        [
          "type": "generate_until", "context": .string(prompt), "until": [".", " over"],
          "max_tokens": 12, "temperature": 0,
        ]
      } + [["type": "generate_until", "context": .string(prompts[0]), "max_tokens": 3]])
    for (prompt, answer) in zip(prompts, found) {
      let tokens = try model.generate([ids(prompt)], maximum: 12)[0]
      let text = String(decoding: try model.tokenizer().decode(tokens), as: UTF8.self)
      let cut = text.components(separatedBy: ".")[0].components(separatedBy: " over")[0]
      #expect(answer["text"]?.string == cut)
    }
    #expect(found[0]["text"] == " 8481")
    #expect(found[2]["tokens"] == 3)
  }

  @Test func batchesAndEqualRequestsChangeNothing() throws {
    let file = try RequestFile(path: References.file("fixtures/requests.jsonl"))
    func run(_ batch: Int?, threads: Int) throws -> RequestsResult {
      try RequestsEvaluation(options: RunOptions(threads: threads, batch: batch))
        .run(model, on: file, onLengths: { _, _ in })
    }
    let whole = try run(nil, threads: 2)
    #expect(try run(1, threads: 1).record.units == whole.record.units)
    let units = whole.record.units
    #expect(units.count == file.requests.count)
    for index in 0..<4 { #expect(units[units.count - 4 + index].values == units[index].values) }
    // Choices of a question share it; the last four requests are the first four.
    #expect(whole.record.computedTokens + 1000 < whole.record.evaluatedTokens)
    #expect(whole.summaries.map(\.kind) == ModelRequest.Kind.allCases)
    #expect(whole.answerLines?.count == units.count)
  }

  /// A continuation's likelihood in the place of a whole text's has all fields that it needs, and answers
  /// another request. The digest is hashlib's, of both types with their line feeds.
  @Test func answersOfAnotherTypeAreNotMerged() throws {
    let requests = try file([
      request("There is", " fog"), ["type": "loglikelihood_rolling", "text": "There is fog"],
    ])
    let parts = try (1...2).map { number in
      let options = RunOptions(shard: try Shard(parsing: "\(number)/2"))
      return try RequestsEvaluation(options: options)
        .run(model, on: requests, onLengths: { _, _ in }).record
    }
    #expect(
      parts[0].identity["materials"]?["types_sha256"]
        == "89ff613184abb166f7a501e1ae354b1bae057812a1e5285f86af8b4f667aef75")
    func merged(_ second: JSONValue) throws -> RequestsResult {
      var object = parts[1].header
      object["units"] = [["unit": 1, "values": second]]
      let other = try EvaluationRecord(.object(object), file: "2.json")
      let whole = try EvaluationRecord.merge([
        (file: "1.json", record: parts[0]), (file: "2.json", record: other),
      ])
      return try RequestsResult(whole, file: "1.json")
    }
    let own = try #require(parts[1].units.first?.values)
    #expect(try merged(own).summaries.map(\.requests) == [1, 1])
    let error = #expect(throws: EvaluationError.self) {
      try merged(["type": "loglikelihood", "loglikelihood": -1.5, "is_greedy": true, "tokens": 4])
    }
    #expect(error?.summary.contains("of other types than the requests") == true)
    #expect(error?.exitStatus == .malformedData)
  }

  /// Parts of two files of requests are of two evaluations, whatever their types.
  @Test func answersToOtherRequestsAreNotMerged() throws {
    let parts = try ["fog", "mud"].enumerated().map { index, word in
      let options = RunOptions(shard: try Shard(parsing: "\(index + 1)/2"))
      let requests = try file([request("There is", " \(word)"), request("It is", " \(word)")])
      let record = try RequestsEvaluation(options: options)
        .run(model, on: requests, onLengths: { _, _ in }).record
      return (file: "\(word).json", record: record)
    }
    let error = #expect(throws: EvaluationError.self) { try EvaluationRecord.merge(parts) }
    #expect(error?.summary.contains("'identity.materials.requests_sha256' differs") == true)
  }

  /// Equal for Swift, of other code points: other tokens.
  @Test func textsAreComparedByTheirBytes() throws {
    let found = try answers([request("caf", "\u{e9}"), request("caf", "e\u{301}")])
    #expect(found[0]["loglikelihood"] != found[1]["loglikelihood"])
  }

  @Test(arguments: [
    (#"{"type": "loglikelihood", "context": "a""#, "line 2: is not JSON"),
    ("[1]", "is not a JSON object"),
    (#"{"type": "guess"}"#, "expected \"type\": one of loglikelihood, "),
    (#"{"type": "loglikelihood", "context": "a"}"#, "expected \"continuation\""),
    (#"{"type": "loglikelihood_rolling", "text": 3}"#, "expected \"text\""),
    (#"{"type": "generate_until", "context": "a", "until": [1]}"#, "expected \"until\""),
    (#"{"type": "generate_until", "context": "a", "max_tokens": 0}"#, "expected \"max_tokens\""),
    (#"{"type": "generate_until", "context": "a", "temperature": 1}"#, "expected \"temperature\""),
    (#"{"type": "loglikelihood_rolling", "text": "a", "contxt": 1}"#, "\"contxt\" is not a field"),
    (#"{"type": "loglikelihood", "context": "a", "continuation": ""}"#, "no token of its own"),
    (#"{"type": "generate_until", "context": "a", "max_tokens": 9999}"#, "leave no room"),
  ])
  func aBadLineIsNamed(line: String, problem: String) throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let good = #"{"type": "loglikelihood_rolling", "text": "fog"}"#
    try "\(good)\n\(line)\n".write(toFile: "\(folder)/in", atomically: true, encoding: .utf8)
    let error = try #require(
      #expect(throws: EvaluationError.self) {
        try RequestsEvaluation().run(
          model, on: RequestFile(path: "\(folder)/in"), onLengths: { _, _ in })
      })
    #expect(error.summary.hasPrefix("line 2: ") && error.summary.contains(problem))
    #expect(error.file == "\(folder)/in")
    #expect(error.exitStatus == .malformedData)
  }
}
