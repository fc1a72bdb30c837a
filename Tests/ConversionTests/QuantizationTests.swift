import Checkpoints
import Conversion
import Evaluation
import Foundation
import OrderedCollections
import Rotary
import Tensors
import TestSupport
import Testing

/// Types that mixes give to tensors; what llama-quantize chooses was read off its files
/// (Tests/Checks/quantize compares whole files).
@Suite struct QuantizationTests {
  private func plan(_ path: String, _ type: String, pure: Bool = false) throws -> ConversionPlan {
    try ConversionPlan(
      Model(opening: path).plan,
      ConversionRequest(
        sites: .scores, output: "unwritten.gguf", type: OutputTypes(parsing: type, pure: pure)))
  }

  private func counts(_ plan: ConversionPlan) -> [ElementType: Int] {
    plan.tensors.reduce(into: [:]) { $0[$1.type, default: 0] += 1 }
  }

  /// Eight layers whose rows are whole blocks of 256, four heads to a value head.
  /// - Parameters:
  ///   - path: the file.
  ///   - tied: there is no output matrix.
  ///   - last: the last number of some tensors, by their names.
  private func writeModel(_ path: String, tied: Bool, last: [String: Float] = [:]) throws {
    let shapes: [(String, [Int])] =
      [("token_embd.weight", [64, 256])]
      + (0..<8).flatMap { layer in
        [
          ("attn_norm.weight", [256]), ("attn_q.weight", [256, 256]), ("attn_k.weight", [64, 256]),
          ("attn_v.weight", [64, 256]), ("attn_output.weight", [256, 256]),
          ("ffn_norm.weight", [256]), ("ffn_gate.weight", [256, 256]),
          ("ffn_up.weight", [256, 256]), ("ffn_down.weight", [256, 256]),
        ].map { ("blk.\(layer).\($0.0)", $0.1) }
      } + [("output_norm.weight", [256])] + (tied ? [] : [("output.weight", [64, 256])])
    let metadata: OrderedDictionary<String, MetadataValue> = [
      "general.architecture": .string("llama"), "llama.block_count": .uint32(8),
      "llama.context_length": .uint32(64), "llama.embedding_length": .uint32(256),
      "llama.feed_forward_length": .uint32(256), "llama.attention.head_count": .uint32(8),
      "llama.attention.head_count_kv": .uint32(2), "llama.vocab_size": .uint32(64),
      "llama.attention.layer_norm_rms_epsilon": .float32(1e-5),
      "llama.rope.dimension_count": .uint32(32),
    ]
    let tensors = shapes.map { name, shape in
      let count = shape.reduce(1, *)
      return OutputTensor(
        name: name, type: .f32, shape: shape,
        contents: .computed {
          var numbers = (0..<count).map { Float($0 * 7 % 31 - 15) / 64 }
          if let number = last[name] { numbers[count - 1] = number }
          return try numbers.withUnsafeBufferPointer { try Encoding.encode($0, as: .f32) }
        })
    }
    try GGUFWriter.write(to: path, metadata: metadata, tensors: tensors, force: true, inputs: [])
  }

  /// float16 ends at 65,504; a block of eight bits has the largest number over 127 as its scale, in
  /// float16.
  @Test(arguments: [("f16", 70_000), ("q8_0", 1e7)] as [(String, Float)])
  func whatATypeCannotHoldIsRefused(_ type: String, _ number: Float) throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let name = "blk.3.ffn_up.weight"
    try writeModel("\(work)/m.gguf", tied: true, last: [name: number])
    let model = try Model(opening: "\(work)/m.gguf")
    for output in type == "f16" ? ["x.gguf", "x/", "x.tar"] : ["x.gguf"] {
      let request = ConversionRequest(
        sites: nil, output: "\(work)/\(output)", type: try OutputTypes(parsing: type, pure: false))
      let plan = try ConversionPlan(model.plan, request)
      let error = #expect(throws: ConversionError.self) { try plan.write(version: "test") }
      #expect(error?.place?.contains(output == "x/" ? "up_proj" : name) == true)
      #expect(error?.exitStatus == .malformedData)
      #expect(try FileManager.default.contentsOfDirectory(atPath: work) == ["m.gguf"])
    }
    let request = ConversionRequest(
      sites: nil, output: "\(work)/x.gguf", type: try OutputTypes(parsing: "bf16", pure: false))
    _ = try ConversionPlan(model.plan, request).write(version: "test")
    let written = try #require(Model(opening: "\(work)/x.gguf").checkpoint.tensors[name])
    #expect(written.type == .bf16)
  }

  @Test func mixesGiveBitsByTensorAndLayer() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let path = "\(work)/model.gguf"
    try writeModel(path, tied: false)
    func layers(_ plan: ConversionPlan, _ name: String) -> [ElementType] {
      (0..<8).compactMap { layer in
        plan.tensors.first { $0.name == "blk.\(layer).\(name).weight" }?.type
      }
    }
    func type(_ plan: ConversionPlan, _ name: String) -> ElementType? {
      plan.tensors.first { $0.name == "\(name).weight" }?.type
    }
    let (four, five, six) = (ElementType.q4_k, ElementType.q5_k, ElementType.q6_k)
    let medium = try plan(path, "Q4_K_M")
    // Layer 0 is the first eighth, 7 the last; 3 and 6 are every third between.
    let more: Set<Int> = [0, 3, 6, 7]
    #expect(layers(medium, "attn_v") == (0..<8).map { more.contains($0) ? six : four })
    #expect(layers(medium, "ffn_down") == (0..<8).map { more.contains($0) ? six : four })
    #expect(layers(medium, "ffn_up") == Array(repeating: four, count: 8))
    #expect(type(medium, "output") == six && type(medium, "token_embd") == four)
    #expect(layers(medium, "attn_norm") == Array(repeating: .f32, count: 8))
    #expect(try plan(path, "q4_k").tensors.map(\.type) == medium.tensors.map(\.type))
    let small = try plan(path, "q4_k_s")
    #expect(layers(small, "attn_v") == (0..<8).map { $0 < 4 ? five : four })
    #expect(layers(small, "ffn_down") == (0..<8).map { $0 < 1 ? five : four })
    let nonlinear = try plan(path, "iq4_nl")
    #expect(layers(nonlinear, "attn_v") == Array(repeating: five, count: 8))
    #expect(layers(nonlinear, "ffn_down").prefix(2) == [five, .iq4_nl])
    #expect(try counts(plan(path, "q4_k", pure: true)) == [.f32: 17, .q4_k: 58])
    #expect(try counts(plan(path, "q8_0")) == [.f32: 17, .q8_0: 58])
    // Only experts are of its main type, and this model has none.
    #expect(try counts(plan(path, "mxfp4_moe")) == [.f32: 17, .q8_0: 58])
    #expect(try counts(plan(path, "mxfp4_moe", pure: true)) == [.f32: 17, .mxfp4: 58])
    try writeModel(path, tied: true)
    #expect(try type(plan(path, "q4_0"), "token_embd") == six)
    #expect(try type(plan(path, "q4_0", pure: true), "token_embd") == .q4_0)
    #expect(try plan(path, "q4_k_m").warnings.isEmpty)
  }

  @Test func rowsThatDoNotFitTakeAnotherType() throws {
    guard let path = try References.smolLM2() else { return }
    let expected: [String: [ElementType: Int]] = [
      "q8_0": [.f32: 61, .q8_0: 211], "q4_0": [.f32: 61, .q4_0: 210, .q8_0: 1],
      "q4_k_m": [.f32: 61, .q4_k: 16, .q5_0: 166, .q6_k: 14, .q8_0: 15],
      "q5_k_s": [.f32: 61, .q5_1: 180, .q5_k: 30, .q8_0: 1],
    ]
    for (type, tensors) in expected {
      let plan = try plan(path, type)
      #expect(counts(plan) == tensors, "\(type)")
      #expect(plan.warnings.contains { $0.text.contains("not whole blocks") } == (type != "q8_0"))
    }
  }

  @Test func fileStatesItsTypeAndReadsBack() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let path = References.file("fixtures/lantern.gguf")
    let tokens = (0..<64).map { Int32($0 * 31 % 768) }
    let exact = try Model(opening: path).logits(tokens)
    for (type, number, bound) in [("q8_0", 7, 0.02), ("q5_1", 9, 0.15), ("q4_k_m", 15, 0.3)] {
      let output = "\(work)/\(type).gguf"
      _ = try ConversionPlan(
        Model(opening: path).plan,
        ConversionRequest(
          sites: .scores, output: output, type: OutputTypes(parsing: type), threads: 2)
      ).write(version: "test")
      let file = try Checkpoint.open(output)
      #expect(file.metadata["general.file_type"] == .uint32(UInt32(number)))
      #expect(file.metadata["general.quantization_version"] == .uint32(2))
      let logits = try Model(opening: output).logits(tokens)
      let error = zip(exact, logits).reduce(0.0) { $0 + pow(Double($1.0 - $1.1), 2) }
      let size = exact.reduce(0.0) { $0 + Double($1 * $1) }
      #expect((error / size).squareRoot() < bound, "\(type): \((error / size).squareRoot())")
      // The same type again copies every byte.
      let again = try plan(output, type)
      #expect(again.rewrittenTensors == 0)
    }
  }

  @Test func bytesDoNotDependOnThreads() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let path = References.file("fixtures/lantern.gguf")
    let files = try [1, 3].map { threads in
      let output = "\(work)/\(threads).gguf"
      _ = try ConversionPlan(
        Model(opening: path).plan,
        ConversionRequest(
          sites: .message, output: output, absorb: [.normGain],
          type: OutputTypes(parsing: "q4_k_m"),
          threads: threads)
      ).write(version: "test")
      return FileManager.default.contents(atPath: output)
    }
    #expect(files[0] != nil)
    #expect(files[0] == files[1])
  }

  @Test func refusals() throws {
    #expect(throws: ConversionError.self) { try OutputTypes(parsing: "iq2_xs") }
    #expect(throws: ConversionError.self) { try OutputTypes(parsing: "f16", pure: true) }
    for output in ["x.safetensors", "x/"] {
      #expect(throws: ConversionError.self) {
        try ConversionPlan(
          Model(opening: References.file("fixtures/lantern.gguf")).plan,
          ConversionRequest(sites: .scores, output: output, type: OutputTypes(parsing: "q4_0")))
      }
    }
  }
}
