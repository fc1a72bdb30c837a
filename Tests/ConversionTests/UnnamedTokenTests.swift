import Base
import Checkpoints
import Conversion
import Evaluation
import Foundation
import TestSupport
import Testing
import Vocabulary

/// Folders whose tokenizer names no BOS, or no token that ends a text either, and GGUF files of them.
@Suite struct UnnamedTokenTests {
  private static let text = "There is fog over the market."
  /// The fixture's EOS.
  private static let end: Int32 = 767

  private func convert(_ source: String, to output: String) throws {
    _ = try ConversionPlan(
      Model(opening: source).plan, ConversionRequest(sites: .scores, output: output)
    ).write(version: "1.2.3")
  }

  /// Hands the body a folder of work and in it the fixture as a folder whose tokenizer_config.json and
  /// config.json have other members; null takes one away.
  private func folder(
    tokenizer: [String: JSONValue], configuration: [String: JSONValue],
    _ body: (_ work: String, _ model: String) throws -> Void
  ) throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let model = "\(work)/hf"
    try convert(References.file("fixtures/lantern.gguf"), to: model + "/")
    try FileManager.default.removeItem(atPath: "\(model)/generation_config.json")
    for (name, members) in [
      ("tokenizer_config.json", tokenizer), ("config.json", configuration),
    ] {
      var fields = try #require(JSONValue.read(contentsOf: "\(model)/\(name)").object)
      for (key, value) in members { fields[key] = value }
      try JSONValue.object(fields).serialized(pretty: true)
        .write(toFile: "\(model)/\(name)", atomically: true, encoding: .utf8)
    }
    try body(work, model)
  }

  private func likelihood(_ path: String, in work: String) throws -> Double {
    let request: JSONValue = ["type": "loglikelihood_rolling", "text": .string(Self.text)]
    try request.serialized(pretty: false).write(
      toFile: "\(work)/in.jsonl", atomically: true, encoding: .utf8)
    let result = try RequestsEvaluation().run(
      Model(opening: path), on: RequestFile(path: "\(work)/in.jsonl"), onLengths: { _, _ in })
    return try #require(result.record.units.first?.values["loglikelihood"]?.double)
  }

  /// The same of all logits in double precision, after a token.
  private func likelihood(after prefix: Int32) throws -> Double {
    let model = try Model(opening: References.file("fixtures/lantern.gguf"))
    let ids =
      [prefix]
      + (try model.tokenizer().encode(
        Array(Self.text.utf8), addSpecial: false, parseSpecial: false))
    let vocabulary = model.plan.shape.vocabulary
    let logits = try model.logits(Array(ids.dropLast()))
    var sum = 0.0
    for place in ids.indices.dropFirst() {
      let row = (0..<vocabulary).map { Double(logits[(place - 1) * vocabulary + $0]) }
      let top = try #require(row.max())
      sum -= log(row.reduce(0) { $0 + exp($1 - top) }) + top - row[Int(ids[place])]
    }
    return sum
  }

  private func stops(_ path: String) throws -> JSONValue? {
    let model = try Model(opening: path)
    let generation = TextGeneration(maximum: 1)
    let prompts = try generation.prompts([Self.text], for: model)
    return JSONValue.object(try generation.identity(prompts, model).fields)["settings"]?["stops"]
  }

  /// Qwen's pattern: before a text stands EOS, as in lm-evaluation-harness 0.4.13 (`prefix_token_id` of
  /// its `hf` model), and not the loader's token 11 nor config.json's BOS, which is written where
  /// gguf's `SpecialVocab` writes it.
  @Test func aTextStandsBehindWhatTheTokenizerNames() throws {
    try folder(
      tokenizer: ["bos_token": .null], configuration: ["bos_token_id": 258, "pad_token_id": 5]
    ) { work, model in
      try convert(model, to: "\(work)/m.gguf")
      try convert("\(work)/m.gguf", to: "\(work)/again.gguf")
      try convert("\(work)/m.gguf", to: "\(work)/back/")
      let metadata = try Checkpoint.open("\(work)/again.gguf").metadata
      let ids = ["bos", "eos", "padding"].map { metadata["tokenizer.ggml.\($0)_token_id"]?.int }
      #expect(ids == [258, 767, 5])
      #expect(metadata["ropeconv.unnamed_tokens"]?.strings == ["bos", "pad"])
      let expected = try likelihood(after: Self.end)
      #expect(abs(try likelihood(after: 11) - expected) > 1e-2)
      #expect(abs(try likelihood(after: 258) - expected) > 1e-2)
      for path in [model, "\(work)/m.gguf", "\(work)/again.gguf", "\(work)/back"] {
        #expect(abs(try likelihood(path, in: work) - expected) < 1e-4, "\(path)")
        #expect(try stops(path) == [767])
      }
      let back = try JSONValue.read(contentsOf: "\(work)/back/tokenizer_config.json")
      #expect(back["bos_token"] == nil && back["pad_token"] == nil)
      #expect(
        try JSONValue.read(contentsOf: "\(work)/back/config.json")["bos_token_id"] == 258)
    }
  }

  /// A GGUF file that has no key for BOS, as other converters write of such a folder: llama.cpp takes
  /// token 11, the harness knows none.
  @Test func defaultsOfTheLoaderStandBeforeNoText() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let source = try Checkpoint.open(References.file("fixtures/lantern.gguf"))
    func write(without keys: [String]) throws {
      var metadata = source.metadata
      for key in keys { metadata["tokenizer.ggml.\(key)_token_id"] = nil }
      try GGUFWriter.write(
        to: "\(work)/m.gguf", metadata: metadata,
        tensors: source.tensors.values.map {
          OutputTensor(name: $0.name, type: $0.type, shape: $0.shape, contents: .copy($0))
        }, force: true, inputs: [])
    }
    try write(without: ["bos"])
    let tokenizer = try #require(try Tokenizer.load(from: Checkpoint.open("\(work)/m.gguf")))
    #expect(tokenizer.bos == 11 && tokenizer.namedBOS == nil)
    let expected = try likelihood(after: Self.end)
    #expect(abs(try likelihood("\(work)/m.gguf", in: work) - expected) < 1e-4)
    try write(without: ["bos", "eos"])
    #expect(try stops("\(work)/m.gguf") == [])
    #expect(throws: EvaluationError.self) { try likelihood("\(work)/m.gguf", in: work) }
  }

  /// Where the tokenizer names neither, folder and GGUF file are refused alike, whatever config.json
  /// has for them; texts end where config.json says.
  @Test(arguments: [[:], ["bos_token_id": 258, "eos_token_id": 538]] as [[String: JSONValue]])
  func neitherIsNamed(stated: [String: JSONValue]) throws {
    let none: [String: JSONValue] = ["bos_token_id": .null, "eos_token_id": .null]
    try folder(
      tokenizer: ["bos_token": .null, "eos_token": .null],
      configuration: none.merging(stated) { $1 }
    ) { work, model in
      try convert(model, to: "\(work)/m.gguf")
      let metadata = try Checkpoint.open("\(work)/m.gguf").metadata
      #expect(metadata["ropeconv.unnamed_tokens"]?.strings == ["bos", "eos"])
      let ids = ["bos", "eos"].map { metadata["tokenizer.ggml.\($0)_token_id"]?.int }
      #expect(ids == (stated.isEmpty ? [nil, nil] : [258, 538]))
      for path in [model, "\(work)/m.gguf"] {
        #expect(throws: EvaluationError.self) { try likelihood(path, in: work) }
        #expect(try stops(path) == (stated.isEmpty ? [] : [538]), "\(path)")
      }
    }
  }

  @Test func namesOfNoTokenAreRefused() throws {
    let source = try Checkpoint.open(References.file("fixtures/lantern.gguf"))
    for value in [MetadataValue.array(.strings(["bos", "x"])), .array(.int32([1])), .uint32(5)] {
      var metadata = source.metadata
      metadata["ropeconv.unnamed_tokens"] = value
      let error = #expect(throws: VocabularyError.self) {
        try Tokenizer.check(gguf: metadata, file: "m.gguf")
      }
      #expect(error?.exitStatus == .malformedData)
    }
  }
}
