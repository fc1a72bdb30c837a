import Base
import Checkpoints
import Conversion
import Evaluation
import Foundation
import Models
import OrderedCollections
import Rotary
import TestSupport
import Testing

/// GGUF files as other converters make them, and what other readers make of ours.
@Suite struct ForeignFileTests {
  private static let tokens = (0..<48).map { Int32(($0 * 31 + 7) % 300) }

  /// A family's parity folder and a plain GGUF file of it; nil where there is none.
  private func converted(
    _ family: String, in work: String
  ) throws -> (source: Model, file: String)? {
    guard let folder = try References.shared("parity/\(family)") else { return nil }
    let source = try Model(opening: folder)
    try convert(source, "\(work)/plain.gguf")
    return (source, "\(work)/plain.gguf")
  }

  @discardableResult
  private func convert(
    _ source: Model, sites: RotarySites? = nil, _ output: String
  ) throws -> ConversionPlan {
    let plan = try ConversionPlan(source.plan, ConversionRequest(sites: sites, output: output))
    _ = try plan.write(version: "test")
    return plan
  }

  /// A file with further keys and divisors, and the rows of some tensors in another order.
  private func rewrite(
    _ source: String, to path: String, _ keys: OrderedDictionary<String, MetadataValue>,
    divisors: [Float] = [], order: (TensorEntry) -> [Int]? = { _ in nil }
  ) throws {
    let file = try Checkpoint.open(source)
    func computed(_ name: String, _ shape: [Int], _ values: [Float]) -> OutputTensor {
      OutputTensor(
        name: name, type: .f32, shape: shape,
        contents: .computed {
          values.flatMap { value in
            withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) }
          }
        })
    }
    var tensors = try file.tensors.values.map { entry -> OutputTensor in
      guard let order = order(entry) else {
        return OutputTensor(
          name: entry.name, type: entry.type, shape: entry.shape, contents: .copy(entry))
      }
      let columns = entry.shape.count > 1 ? entry.shape[1] : 1
      let values = try entry.decoded()
      let moved = order.flatMap { Array(values[($0 * columns)..<(($0 + 1) * columns)]) }
      return computed(entry.name, entry.shape, moved)
    }
    if !divisors.isEmpty {
      tensors.append(computed("rope_freqs.weight", [divisors.count], divisors))
    }
    try GGUFWriter.write(
      to: path, metadata: file.metadata.merging(keys) { $1 }, tensors: tensors, force: true,
      inputs: [])
  }

  private func largest(_ one: [Float], _ other: [Float]) -> Float {
    zip(one, other).map { abs($0 - $1) }.max() ?? .infinity
  }

  /// `Glm4Model.normal_to_neox` of llama.cpp's converter, for folders with `mrope_section`: of each head
  /// the even dims that rotate stand before the odd ones.
  @Test func sectionsSayThatPairsAreHalvesInGLM4() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    guard let (source, file) = try converted("glm4", in: work) else { return }
    let (width, turning) = (16, 8)
    let head =
      Array(stride(from: 0, to: turning, by: 2))
      + Array(stride(from: 1, to: turning, by: 2)) + Array(turning..<width)
    func sections(_ values: [Int32]) -> OrderedDictionary<String, MetadataValue> {
      ["glm4.rope.dimension_sections": .array(.int32(values))]
    }
    try rewrite(file, to: "\(work)/half.gguf", sections([2, 1, 1, 0])) { entry in
      guard entry.name.contains("attn_q.") || entry.name.contains("attn_k.") else { return nil }
      return (0..<(entry.shape[0] / width)).flatMap { index in head.map { index * width + $0 } }
    }
    let half = try Model(opening: "\(work)/half.gguf")
    let expected = try source.logits(Self.tokens)
    #expect(try largest(half.logits(Self.tokens), expected) < 1e-4)
    #expect(half.plan.notes.isEmpty)
    // Sections that are all 0 say nothing.
    try rewrite(file, to: "\(work)/none.gguf", sections([0, 0, 0, 0]))
    let none = try Model(opening: "\(work)/none.gguf").logits(Self.tokens)
    #expect(largest(none, expected) < 1e-4)
    // A folder of it has the source's own rows.
    try convert(half, "\(work)/folder/")
    let folder = try Checkpoint.open("\(work)/folder")
    for name in ["model.layers.1.self_attn.q_proj.weight", "model.layers.1.self_attn.k_proj.bias"] {
      let tensor = try #require(folder.tensors[name])
      let original = try #require(source.plan.checkpoint.tensors[name])
      #expect(try tensor.decoded() == original.decoded(), "\(name)")
    }
    try convert(half, sites: .all, "\(work)/variant.gguf")
    let variant = try Model(opening: "\(work)/variant.gguf").logits(Self.tokens)
    // Values turn in the layout of the file's queries and keys.
    let asIf = try half.logits(Self.tokens, rotary: RotaryRequest(sites: .all))
    #expect(largest(variant, asIf) < 1e-4)
  }

  /// Mistral Large 3 as a file of DeepSeek-V2: `llm_graph_input_attn_temp` multiplies queries by
  /// 1 + scale ln(1 + floor(position / length)).
  @Test func latentAttentionHasATemperature() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    guard let (source, file) = try converted("deepseek-v3", in: work) else { return }
    let scale = "deepseek2.attention.temperature_scale"
    let length = "deepseek2.attention.temperature_length"
    try rewrite(
      file, to: "\(work)/warm.gguf", [scale: .float32(0.5), length: .uint32(16)])
    let warm = try Model(opening: "\(work)/warm.gguf")
    for layer in warm.plan.layers {
      let temperature = try #require(layer.recipe.attention?.temperature)
      let steps = [(0, 1.0), (15, 1.0), (16, 1 + 0.5 * log(2)), (47, 1 + 0.5 * log(3))]
      for (position, expected) in steps {
        #expect(abs(temperature.factor(position: position) - expected) < 1e-12)
      }
    }
    let (found, without) = (try warm.logits(Self.tokens), try source.logits(Self.tokens))
    let vocabulary = source.plan.shape.vocabulary
    func row(_ logits: [Float], _ position: Int) -> [Float] {
      Array(logits[(position * vocabulary)..<((position + 1) * vocabulary)])
    }
    for position in [0, 15] {
      #expect(largest(row(found, position), row(without, position)) < 1e-4, "\(position)")
    }
    for position in [16, 47] {
      #expect(largest(row(found, position), row(without, position)) > 1e-4, "\(position)")
    }
    // A folder has no member for it, a file without the length says too little.
    #expect(throws: ModelError.self) { try convert(warm, "\(work)/folder/") }
    try rewrite(file, to: "\(work)/half.gguf", [scale: .float32(0.5)])
    let error = #expect(throws: ModelError.self) { try Model(opening: "\(work)/half.gguf") }
    #expect(error?.summary.contains("'\(length)' is missing") == true)
  }

  /// llama.cpp's Granite rotates nothing then.
  @Test func aSwitchOfGraniteKeepsEveryLayerStill() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    guard let (_, file) = try converted("granite-moe", in: work) else { return }
    let key = "granitemoe.rope.scaling.finetuned"
    try rewrite(file, to: "\(work)/on.gguf", [key: .bool(true)])
    try rewrite(file, to: "\(work)/off.gguf", [key: .bool(false)])
    let on = try Model(opening: "\(work)/on.gguf")
    #expect(try on.plan.rotary.scores == Model(opening: file).plan.rotary.scores)
    let off = try Model(opening: "\(work)/off.gguf")
    #expect(off.plan.layers.allSatisfy { $0.recipe.rotation.score == nil })
    // Pairs that are divided by 1e30 stay where they are.
    try rewrite(
      file, to: "\(work)/still.gguf", [:],
      divisors: [Float](repeating: 1e30, count: on.plan.rotary.pairs))
    let still = try Model(opening: "\(work)/still.gguf").logits(Self.tokens)
    let found = try off.logits(Self.tokens)
    let turning = try on.logits(Self.tokens)
    #expect(largest(found, still) < 1e-5)
    #expect(largest(found, turning) > 1e-4)
    #expect(throws: (any Error).self) { try convert(off, "\(work)/folder/") }
  }

  /// `hunyuan-vl.cpp`: base alpha^(d / (d - 2)).
  @Test func aBaseIsStretchedInHunYuan() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    guard let (_, file) = try converted("hunyuan", in: work) else { return }
    let plain = try #require(try Model(opening: file).plan.rotary.scores.first)
    let size = Double(plain.dimensions)
    for alpha: Float in [0, 1, 50] {
      try rewrite(
        file, to: "\(work)/s.gguf", ["hunyuan-dense.rope.scaling.alpha": .float32(alpha)])
      let score = try #require(try Model(opening: "\(work)/s.gguf").plan.rotary.scores.first)
      let expected = plain.base * (alpha == 0 ? 1 : pow(Double(alpha), size / (size - 2)))
      #expect(abs(score.base - expected) <= 1e-9 * expected, "\(alpha)")
    }
  }

  @Test func anotherBaseOfWindowedLayersIsRefused() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    guard let (_, file) = try converted("gemma2", in: work) else { return }
    let base = try #require(try Model(opening: file).plan.rotary.scores.first).base
    let key = "gemma2.rope.freq_base_swa"
    try rewrite(file, to: "\(work)/same.gguf", [key: .float32(Float(base))])
    _ = try Model(opening: "\(work)/same.gguf")
    try rewrite(file, to: "\(work)/other.gguf", [key: .float32(2 * Float(base))])
    let error = #expect(throws: ModelError.self) { try Model(opening: "\(work)/other.gguf") }
    #expect(error?.summary.contains("'\(key)'") == true)
  }

  /// `cohere2.cpp`, `exaone4.cpp` and `olmo2.cpp` read the key and turn every layer that turns by `freq_base`.
  @Test(arguments: [("cohere2", "cohere2"), ("exaone4", "exaone4"), ("olmo3", "olmo2")])
  func aBaseOfWindowedLayersThatMovesNothingIsLeft(family: String, prefix: String) throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    guard let (_, file) = try converted(family, in: work) else { return }
    let plain = try Model(opening: file).plan
    let base = try #require(plain.rotary.scores.first).base
    try rewrite(
      file, to: "\(work)/other.gguf", ["\(prefix).rope.freq_base_swa": .float32(2 * Float(base))])
    let other = try Model(opening: "\(work)/other.gguf").plan
    #expect(other.layers.contains { ($0.recipe.attention?.window ?? 0) > 0 })
    #expect(other.layers.map(\.recipe) == plain.layers.map(\.recipe))
    #expect(other.notes == plain.notes)
  }

  /// GPT-J has no keys for the widths of heads, which are 64 / 4, and none for a window: its context is 256.
  @Test func whatAFamilyHasAnywayIsNotSaid() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    guard let (_, file) = try converted("gptj", in: work) else { return }
    let path = "\(work)/stated.gguf"
    for (name, harmless, other) in [
      ("key_length", [16], [8, 32]), ("value_length", [16], [8, 32]),
      ("sliding_window", [0, 256, 4096], [255]),
    ] as [(String, [UInt32], [UInt32])] {
      let key = "gptj.attention.\(name)"
      for value in harmless {
        try rewrite(file, to: path, [key: .uint32(value)])
        let notes = try Model(opening: path).plan.notes
        #expect(notes.isEmpty, "\(key) \(value): \(notes)")
      }
      for value in other {
        try rewrite(file, to: path, [key: .uint32(value)])
        let notes = try Model(opening: path).plan.notes
        #expect(notes.count == 1 && notes.first?.contains("'\(key)'") == true, "\(value): \(notes)")
      }
    }
  }

  /// A file of a model that is not stretched may say so by a factor; GPT-J's folders have no scaling.
  @Test(arguments: ["rope.scaling.factor", "rope.scale_linear"])
  func aFactorOfOneGoesIntoAFolder(key: String) throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    guard let (source, file) = try converted("gptj", in: work) else { return }
    try rewrite(file, to: "\(work)/one.gguf", ["gptj.\(key)": .float32(1)])
    try convert(Model(opening: "\(work)/one.gguf"), "\(work)/folder/")
    let folder = try Model(opening: "\(work)/folder").plan
    #expect(folder.rotary.scores.map(\.scaling) == source.plan.rotary.scores.map(\.scaling))
  }

  /// The keys that `src/models` of llama.cpp reads: none for a llama, the multiplier for DeepSeek, all but
  /// the attention factor for Mistral 3; ramps are rounded everywhere.
  @Test func whatLlamaCppDoesNotReadOfYaRNIsSaid() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let yarn: [String: Any] = [
      "rope_type": "yarn", "rope_theta": 10_000.0, "factor": 4.0,
      "original_max_position_embeddings": 64,
    ]
    let cases: [(String, [String: Any], [String])] = [
      ("llama", [:], []), ("llama", ["beta_fast": 32.0, "beta_slow": 1.0], []),
      ("llama", ["attention_factor": 1.5], ["yarn_attn_factor"]),
      ("llama", ["beta_fast": 8.0, "beta_slow": 4.0], ["yarn_beta_fast", "yarn_beta_slow"]),
      ("llama", ["mscale": 0.5, "mscale_all_dim": 0.5], ["yarn_log_multiplier"]),
      (
        "deepseek-v3", ["beta_fast": 1.0, "mscale": 1.0, "mscale_all_dim": 1.0],
        ["yarn_beta_fast"]
      ),
      ("ministral3", ["beta_fast": 8.0, "llama_4_scaling_beta": 0.1], []),
    ]
    for (index, (family, members, keys)) in cases.enumerated() {
      guard let folder = try References.shared("parity/\(family)") else { return }
      try References.folder(like: folder, at: "\(work)/\(index)") {
        $0["rope_parameters"] = yarn.merging(members) { $1 }
      }
      let plan = try convert(Model(opening: "\(work)/\(index)"), "\(work)/\(index).gguf")
      let said = plan.warnings.compactMap { warning -> String? in
        guard case .otherYarn(let sentence) = warning else { return nil }
        return sentence
      }
      #expect(said.count == (keys.isEmpty ? 0 : 1), "\(family) \(members): \(said)")
      for key in ["yarn_attn_factor", "yarn_beta_fast", "yarn_beta_slow", "yarn_log_multiplier"] {
        #expect(
          (said.first?.contains(".rope.scaling.\(key)'") ?? false) == keys.contains(key),
          "\(family) \(members): \(said)")
      }
    }
    guard let folder = try References.shared("parity/gpt-oss") else { return }
    let plan = try convert(Model(opening: folder), "\(work)/oss.gguf")
    #expect(plan.warnings.contains { $0.text.contains("rounds the ends of the ramp") })
  }
}
