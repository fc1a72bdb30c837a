import Base
import Checkpoints
import Conversion
import Evaluation
import Foundation
import Rotary
import TestSupport
import Testing
import Vocabulary

/// Models that name several tokens at which a text ends, as chat models do.
@Suite struct EndTokenTests {
  private static let prompt = "The code of the fox"
  /// ` the`, which the fixture writes soon after that prompt, and others that it does not.
  private static let ids: [Int32] = [767, 258, 538, 601]
  /// What lm-evaluation-harness 0.4.13's `hf` model answers in at most 12 tokens of the folder, by
  /// transformers' `generate`, which ends with token 258.
  private static let answer = " hammer777. The code of the"

  private let lantern = References.file("fixtures/lantern.gguf")

  private func convert(_ source: String, to output: String) throws {
    _ = try ConversionPlan(
      Model(opening: source).plan, ConversionRequest(sites: .scores, output: output)
    ).write(version: "1.2.3")
  }

  private func write(_ json: JSONValue, to path: String) throws {
    try json.serialized(pretty: true).write(toFile: path, atomically: true, encoding: .utf8)
  }

  /// Hands the body a folder of work with the fixture as a folder `hf` in it.
  private func folder(_ body: (_ work: String, _ model: String) throws -> Void) throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    try convert(lantern, to: "\(work)/hf/")
    try body(work, "\(work)/hf")
  }

  private var list: JSONValue { .array(Self.ids.map { .integer(Int64($0)) }) }

  private func generated(_ path: String) throws -> (text: GeneratedTexts.Text, stops: JSONValue?) {
    let model = try Model(opening: path)
    let generation = TextGeneration(maximum: 12)
    let prompts = try generation.prompts([Self.prompt], for: model)
    let text = try #require(try generation.run(prompts, model).texts.first)
    let identity = JSONValue.object(try generation.identity(prompts, model).fields)
    return (text, identity["settings"]?["stops"])
  }

  private func answered(_ path: String, in work: String) throws -> JSONValue? {
    let request: JSONValue = [
      "type": "generate_until", "context": .string(Self.prompt), "max_tokens": 12,
    ]
    try request.serialized(pretty: false).write(
      toFile: "\(work)/in.jsonl", atomically: true, encoding: .utf8)
    return try RequestsEvaluation().run(
      Model(opening: path), on: RequestFile(path: "\(work)/in.jsonl"), onLengths: { _, _ in }
    ).record.units.first?.values["text"]
  }

  @Test func textsEndAtEachOfThem() throws {
    let whole = try generated(lantern)
    #expect(whole.text.tokens.count == 12 && whole.stops == [767])
    let first = try #require(whole.text.tokens.firstIndex(of: 258))
    try folder { work, model in
      try write(
        ["bos_token_id": 767, "eos_token_id": list], to: "\(model)/generation_config.json")
      try convert(model, to: "\(work)/m.gguf")
      try convert("\(work)/m.gguf", to: "\(work)/again.gguf")
      try convert("\(work)/again.gguf", to: "\(work)/back/")
      for path in [model, "\(work)/m.gguf", "\(work)/again.gguf", "\(work)/back"] {
        let found = try generated(path)
        #expect(found.text.tokens == Array(whole.text.tokens[..<first]), "\(path)")
        #expect(found.text.end == .endToken)
        #expect(found.stops == list)
        #expect(try answered(path, in: work)?.string == Self.answer)
        let model = try Model(opening: path)
        let ids = try model.tokenizer().encode(
          Array(Self.prompt.utf8), addSpecial: true, parseSpecial: false)
        #expect(try model.generate([ids], maximum: 12)[0] == found.text.tokens)
      }
      let metadata = try Checkpoint.open("\(work)/m.gguf").metadata
      let keys = ["eos", "eot", "eom"].map { metadata["tokenizer.ggml.\($0)_token_id"]?.int }
      #expect(keys == [767, 258, 538])
      #expect(metadata["ropeconv.end_token_ids"]?.array?.ints() == [601])
      let back = try JSONValue.read(contentsOf: "\(work)/back/generation_config.json")
      #expect(back["eos_token_id"] == list)
    }
  }

  /// config.json counts where generation_config.json names none.
  @Test func whereTheyAreLookedFor() throws {
    try folder { work, model in
      let path = "\(model)/config.json"
      var fields = try #require(JSONValue.read(contentsOf: path).object)
      fields["eos_token_id"] = [767, 258]
      try write(.object(fields), to: path)
      #expect(try generated(model).stops == [767])
      try write(["bos_token_id": 767], to: "\(model)/generation_config.json")
      #expect(try generated(model).stops == [767, 258])
      try FileManager.default.removeItem(atPath: "\(model)/generation_config.json")
      #expect(try generated(model).stops == [767, 258])
      // No model writes a token that is not there.
      try write(["eos_token_id": [258, 768, -1]], to: "\(model)/generation_config.json")
      #expect(try generated(model).stops == [767, 258])
      try write(["eos_token_id": ["x"]], to: "\(model)/generation_config.json")
      let error = #expect(throws: VocabularyError.self) { try generated(model) }
      #expect(error?.exitStatus == .malformedData)
    }
  }

  @Test func idsOutsideTheVocabularyAreRefused() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let source = try Checkpoint.open(lantern)
    for value in [MetadataValue.array(.int32([5, 768])), .array(.int32([-1])), .uint32(5)] {
      var metadata = source.metadata
      metadata["ropeconv.end_token_ids"] = value
      try GGUFWriter.write(
        to: "\(work)/m.gguf", metadata: metadata,
        tensors: source.tensors.values.map {
          OutputTensor(name: $0.name, type: $0.type, shape: $0.shape, contents: .copy($0))
        }, force: true, inputs: [])
      let error = #expect(throws: VocabularyError.self) {
        try Tokenizer.check(Checkpoint.open("\(work)/m.gguf"))
      }
      #expect(error?.exitStatus == .malformedData)
    }
  }

  /// Of several templates a GGUF file gets the default one, which is said.
  @Test func listsOfChatTemplates() throws {
    try folder { work, model in
      let path = "\(model)/tokenizer_config.json"
      var fields = try #require(JSONValue.read(contentsOf: path).object)
      fields["chat_template"] = [
        ["name": "tool_use", "template": "tools"], ["name": "default", "template": "plain"],
      ]
      try write(.object(fields), to: path)
      let plan = try ConversionPlan(
        Model(opening: model).plan,
        ConversionRequest(sites: .scores, output: "\(work)/m.gguf"))
      #expect(plan.warnings == [.chatTemplates(["tool_use"])])
      _ = try plan.write(version: "1.2.3")
      let stored = try Checkpoint.open("\(work)/m.gguf").metadata["tokenizer.chat_template"]
      #expect(stored == .string("plain"))
      // As in transformers, the file counts before the list.
      try "file".write(
        toFile: "\(model)/chat_template.jinja", atomically: true, encoding: .utf8)
      try convert(model, to: "\(work)/other.gguf")
      let other = try Checkpoint.open("\(work)/other.gguf").metadata["tokenizer.chat_template"]
      #expect(other == .string("file"))
    }
  }
}
