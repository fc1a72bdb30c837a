import Checkpoints
import Conversion
import Evaluation
import Foundation
import TestSupport
import Testing
import Vocabulary

/// A vocabulary's ids and lists are checked by `convert` and `inspect` too, which do not tokenize.
@Suite struct TokenizerFactTests {
  static let cases: [(String, MetadataValue)] =
    ["bos", "eos", "separator", "mask", "eot", "eom", "padding", "unknown", "fim_pre"].map {
      ("tokenizer.ggml.\($0)_token_id", MetadataValue.uint32(768))
    } + [
      ("tokenizer.ggml.eot_token_id", .int32(-2)),
      ("tokenizer.ggml.mask_token_id", .string("x")),
      ("tokenizer.ggml.token_type", .array(.int32([Int32](repeating: 1, count: 769)))),
      ("tokenizer.ggml.scores", .array(.floats([Float](repeating: 0, count: 769)))),
    ]

  private func write(_ key: String, _ value: MetadataValue, to path: String) throws {
    let source = try Checkpoint.open(References.file("fixtures/lantern.gguf"))
    var metadata = source.metadata
    metadata[key] = value
    try GGUFWriter.write(
      to: path, metadata: metadata,
      tensors: source.tensors.values.map {
        OutputTensor(name: $0.name, type: $0.type, shape: $0.shape, contents: .copy($0))
      }, force: true, inputs: [])
  }

  @Test(arguments: cases.indices)
  func factsOutsideTheVocabularyAreRefused(index: Int) throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let (key, value) = Self.cases[index]
    let path = "\(work)/model.gguf"
    try write(key, value, to: path)
    for body: () throws -> Void in [
      { try Tokenizer.check(Checkpoint.open(path)) },
      { _ = try Tokenizer.load(from: Checkpoint.open(path)) },
      {
        _ = try ConversionPlan(
          Model(opening: path).plan, ConversionRequest(sites: .all, output: "\(work)/out.gguf"))
      },
    ] {
      let error = #expect(throws: VocabularyError.self, "\(key)", performing: body)
      #expect(error?.file == path && error?.place == "key \(key)")
      #expect(error?.exitStatus == .malformedData)
    }
  }

  @Test func noneIsNoToken() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    for value in [MetadataValue.uint32(.max), .int32(-1), .uint32(767)] {
      try write("tokenizer.ggml.separator_token_id", value, to: "\(work)/model.gguf")
      try Tokenizer.check(Checkpoint.open("\(work)/model.gguf"))
    }
  }

  @Test func anEditMustNotMakeOne() throws {
    var request = ConversionRequest(sites: .scores, output: "/nowhere/out.gguf")
    request.edits = try MetadataEdits(set: ["tokenizer.ggml.eos_token_id=768"], remove: [])
    let model = try Model(opening: References.file("fixtures/lantern.gguf"))
    let error = #expect(throws: ConversionError.self) { try ConversionPlan(model.plan, request) }
    #expect(error?.exitStatus == .usage)
  }

  @Test func anEditMustLeaveAModelThatIsRead() throws {
    let model = try Model(opening: References.file("fixtures/lantern.gguf"))
    for edits in [
      ["llama.rope.scaling.type=linear", "llama.rope.scaling.factor=0.0"],
      ["llama.attention.layer_norm_rms_epsilon=-1.0"], ["llama.attention.head_count=7"],
    ] {
      var request = ConversionRequest(sites: .all, output: "/nowhere/out.gguf")
      request.edits = try MetadataEdits(set: edits, remove: [])
      let error = #expect(throws: ConversionError.self, "\(edits)") {
        try ConversionPlan(model.plan, request)
      }
      #expect(error?.exitStatus == .usage)
    }
  }
}
