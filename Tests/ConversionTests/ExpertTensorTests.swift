import Checkpoints
import Conversion
import Evaluation
import Foundation
import Rotary
import Tensors
import TestSupport
import Testing

/// Experts as the tensors of both containers: stacks in GGUF, one tensor each or fused stacks in
/// folders.
@Suite struct ExpertTensorTests {
  private func convert(
    _ source: String, to sites: RotarySites? = nil, _ output: String, type: OutputTypes = .keep
  ) throws -> ConversionPlan {
    let plan = try Model(opening: source).plan
    let conversion = try ConversionPlan(
      plan,
      ConversionRequest(sites: sites ?? plan.plainSites, output: output, type: type, threads: 2))
    _ = try conversion.write(version: "test")
    return conversion
  }

  private func bytes(_ tensor: TensorEntry) -> [UInt8] { tensor.withBytes { Array($0) } }

  @Test func stacksAreTheExpertsInOrder() throws {
    guard let folder = try References.shared("parity/qwen3-moe") else { return }
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    _ = try convert(folder, "\(work)/model.gguf")
    let (source, file) = (try Checkpoint.open(folder), try Checkpoint.open("\(work)/model.gguf"))
    for layer in 0..<3 {
      for (name, shape) in [("gate", [8, 48, 64]), ("up", [8, 48, 64]), ("down", [8, 64, 48])] {
        let stack = try #require(file.tensors["blk.\(layer).ffn_\(name)_exps.weight"])
        #expect(stack.shape == shape)
        let experts = try (0..<8).flatMap { expert in
          let name = "model.layers.\(layer).mlp.experts.\(expert).\(name)_proj.weight"
          return bytes(try #require(source.tensors[name]))
        }
        #expect(bytes(stack) == experts)
      }
    }
    #expect(file.metadata["qwen3moe.expert_count"] == .uint32(8))
    #expect(file.metadata["qwen3moe.expert_used_count"] == .uint32(2))
    #expect(file.metadata["qwen3moe.expert_feed_forward_length"] == .uint32(48))
    #expect(file.metadata["qwen3moe.feed_forward_length"] == .uint32(160))
    #expect(file.metadata["ropeconv.expert_weights_norm"] == nil)
  }

  /// Folder, GGUF, folder: the same tensors, byte for byte.
  @Test(arguments: [
    "mixtral", "qwen2-moe", "qwen3-moe", "olmoe", "granite-moe", "deepseek-v2-moe", "deepseek-v3",
    "glm4-moe",
  ])
  func foldersReturn(name: String) throws {
    guard let folder = try References.shared("parity/\(name)") else { return }
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    _ = try convert(folder, "\(work)/model.gguf")
    _ = try convert("\(work)/model.gguf", "\(work)/folder/")
    let (one, other) = (try Checkpoint.open(folder), try Checkpoint.open("\(work)/folder"))
    #expect(Set(one.tensors.keys) == Set(other.tensors.keys))
    for (name, tensor) in one.tensors {
      let back = try #require(other.tensors[name])
      #expect(back.shape == tensor.shape && bytes(back) == bytes(tensor), "\(name)")
    }
    for key in ["model_type", "architectures", "num_experts_per_tok", "norm_topk_prob"] {
      guard let value = one.configuration?[key] else { continue }
      #expect(other.configuration?[key] == value, "\(key)")
    }
  }

  /// qk -> qkvo -> qk: experts are copied both ways.
  @Test(arguments: ["mixtral", "deepseek-v3"])
  func variantsCopyExperts(name: String) throws {
    guard let folder = try References.shared("parity/\(name)") else { return }
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    _ = try convert(folder, "\(work)/plain.gguf")
    let rove = try convert("\(work)/plain.gguf", to: .all, "\(work)/rove.gguf")
    #expect(rove.rewrittenTensors == 0)
    _ = try convert("\(work)/rove.gguf", to: .scores, "\(work)/back.gguf")
    let plain = try Checkpoint.open("\(work)/plain.gguf")
    let back = try Checkpoint.open("\(work)/back.gguf")
    #expect(Array(plain.tensors.keys) == Array(back.tensors.keys))
    for (name, tensor) in plain.tensors {
      #expect(bytes(try #require(back.tensors[name])) == bytes(tensor), "\(name)")
    }
  }

  /// The identity that folds norms leaves the one before experts alone, and is still one.
  @Test func normsBeforeExpertsStay() throws {
    guard let folder = try References.shared("parity/deepseek-v2-moe") else { return }
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let source = try Model(opening: folder)
    _ = try ConversionPlan(
      source.plan,
      ConversionRequest(
        sites: .scores, output: "\(work)/model.gguf", absorb: [.normGain], type: .type(.f32))
    ).write(version: "test")
    let file = try Checkpoint.open("\(work)/model.gguf")
    func gains(_ layer: Int, _ name: String) throws -> [Float] {
      try #require(file.tensors["blk.\(layer).\(name)_norm.weight"]).decoded()
    }
    #expect(try gains(0, "ffn").allSatisfy { $0 == 1 }, "a dense layer")
    #expect(try gains(1, "attn").allSatisfy { $0 == 1 })
    let kept = try #require(
      source.checkpoint.tensors["model.layers.1.post_attention_layernorm.weight"])
    #expect(try gains(1, "ffn") == kept.decoded())
    let tokens = (0..<64).map { Int32(($0 * 31 + 7) % 320) }
    let (one, other) = (
      try source.logits(tokens), try Model(opening: "\(work)/model.gguf").logits(tokens)
    )
    #expect(zip(one, other).allSatisfy { abs($0 - $1) < 1e-3 })
  }

  /// Routers stay in float32, stacks are quantized by the rules for models with experts.
  @Test func typesOfAMix() throws {
    guard let folder = try References.shared("parity/deepseek-v3") else { return }
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let plan = try convert(
      folder, "\(work)/model.gguf", type: try OutputTypes(parsing: "q8_0"))
    func type(_ name: String) -> ElementType? {
      plan.tensors.first { $0.name == "blk.1.\(name).weight" }?.type
    }
    #expect(type("ffn_gate_inp") == .f32)
    for name in ["ffn_gate_exps", "ffn_up_exps", "ffn_down_exps", "ffn_up_shexp"] {
      #expect(type(name) == .q8_0, "\(name)")
    }
    // Stacks written piece by piece hold what each expert's tensor encodes to.
    let source = try Checkpoint.open(folder)
    let stack = try #require(
      Checkpoint.open("\(work)/model.gguf").tensors["blk.2.ffn_up_exps.weight"])
    let expected = try (0..<8).flatMap { expert in
      let tensor = try #require(
        source.tensors["model.layers.2.mlp.experts.\(expert).up_proj.weight"])
      return try tensor.decoded().withUnsafeBufferPointer { try Encoding.encode($0, as: .q8_0) }
    }
    #expect(bytes(stack) == expected)
  }
}
