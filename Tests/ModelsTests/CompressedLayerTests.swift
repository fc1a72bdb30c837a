import Base
import Checkpoints
import Models
import Rotary
import TestSupport
import Testing

/// What DeepSeek-V4's files say of layers that compress: each way of stating it, and what does not fit.
@Suite struct CompressedLayerTests {
  private static let sliding: JSONValue = "sliding_attention"
  private static let sparse: JSONValue = "compressed_sparse_attention"
  private static let heavy: JSONValue = "heavily_compressed_attention"

  /// The parity folder with some members replaced, or left out where they are nil.
  private func changed(_ changes: [String: JSONValue?]) throws -> Checkpoint? {
    guard let folder = try References.shared("parity/deepseek-v4") else { return nil }
    let source = try Checkpoint.open(folder)
    var members = try #require(source.configuration?.object)
    for (key, value) in changes { members[key] = value }
    return source.restated(configuration: .object(members))
  }

  private func rates(_ plan: ModelPlan) -> [Int] {
    plan.layers.map { $0.recipe.attention?.compression?.rate ?? 0 }
  }

  @Test func ratesCanBeStatedInEveryWay() throws {
    let types: JSONValue = [Self.sliding, Self.heavy, Self.sparse, Self.sliding]
    let rates: JSONValue = ["compressed_sparse_attention": 4, "heavily_compressed_attention": 8]
    let other: JSONValue = ["compressed_sparse_attention": 9, "heavily_compressed_attention": 9]
    for changes: [String: JSONValue?] in [
      [:], ["layer_types": types, "compress_rates": rates],
      ["layer_types": nil, "compress_rates": nil, "compress_ratios": [0, 8, 4, 0]],
      // One more for a layer that predicts further tokens.
      ["layer_types": nil, "compress_ratios": [0, 8, 4, 0, 0]],
      ["compress_rates": other, "compress_rate_csa": 4, "compress_rate_hca": 8],
    ] {
      guard let source = try changed(changes) else { return }
      let plan = try ModelPlan(source)
      #expect(self.rates(plan) == [0, 8, 4, 0], "\(changes)")
      let compressions = plan.layers.map { $0.recipe.attention?.compression }
      #expect(compressions.map { $0?.overlaps } == [nil, false, true, nil])
      #expect(compressions.map { $0?.index != nil } == [false, false, true, false])
      // Layers that compress have a base of their own, and YaRN.
      let scores = try plan.layers.map { try #require($0.recipe.rotation.score) }
      #expect(scores.map(\.base) == [10_000, 160_000, 160_000, 10_000])
      #expect(scores.map { $0.scaling == .none } == [true, false, false, true])
      #expect(plan.rotary.sites == .all && plan.plainSites == .all)
    }
  }

  @Test func whatDoesNotFitIsRefused() throws {
    let cases: [([String: JSONValue?], String)] = [
      (["layer_types": nil], "'compress_ratios' is missing"),
      (["layer_types": nil, "compress_ratios": [0, 8]], "has no entry for each of 4 layers"),
      (["layer_types": nil, "compress_ratios": [0, -8, 4, 0]], "no number of tokens"),
      (["layer_types": nil, "compress_ratios": [0, "8", 4, 0]], "no number of tokens"),
      (["layer_types": [Self.sliding, "full", Self.sparse, Self.sliding]], "'layer_types'"),
      (["compress_rates": ["heavily_compressed_attention": 8]], "compressed_sparse_attention"),
      (
        ["compress_rates": ["compressed_sparse_attention": 0, "heavily_compressed_attention": 8]],
        "compressed_sparse_attention"
      ),
      (["compress_rate_csa": 0], "'compress_rate_csa'"),
      (
        ["compress_rate_hca": JSONValue(1 << 21)],
        "'compress_rate_hca' is 2097152, which no window has"
      ),
      (["num_key_value_heads": 2], "expected the 1 of a vector that all heads share"),
      (["o_groups": 3], "'o_groups' is 3, which does not divide the 128 outputs of all heads"),
      (["index_head_dim": 4], "'index_head_dim' is 4, less than the 8 dims that rotate"),
      (["index_topk": 0], "'index_topk'"), (["o_lora_rank": nil], "'o_lora_rank'"),
      (["hc_mult": 0], "'hc_mult'"), (["hc_eps": -1], "'hc_eps'"),
      (["mlp_layer_types": ["moe", "moe", "moe"]], "'mlp_layer_types'"),
      (["attention_bias": true], "attention_bias"),
    ]
    for (changes, problem) in cases {
      guard let source = try changed(changes) else { return }
      let error = #expect(throws: ModelError.self, "\(changes)") { try ModelPlan(source) }
      #expect(error?.summary.contains(problem) == true, "\(error?.summary ?? "")")
    }
  }

  /// Neither an identity that changes keys or values by themselves nor a value's own basis is possible.
  @Test func keysThatAreValuesAreBound() throws {
    guard let source = try changed([:]) else { return }
    for layer in try ModelPlan(source).layers {
      #expect(layer.boundKeys == "its keys are its values, which one vector makes")
      #expect(layer.keyMatrix == .sharedVector && layer.valueMatrix == .sharedVector)
    }
  }

  /// What DeepSeek publishes has layers that predict further tokens in a module of their own.
  @Test(arguments: ["deepseek-v4", "qwen3-5"])
  func modulesThatPredictFurtherTokensAreIgnored(family: String) throws {
    guard let folder = try References.shared("parity/\(family)") else { return }
    let source = try Checkpoint.open(folder)
    let spare = try #require(source.tensors.values.first).renamed("mtp.0.attn.wq_a.weight")
    let configuration = try #require(source.configuration)
    func plan(with tensor: TensorEntry) throws -> ModelPlan {
      try ModelPlan(
        source.restated(
          configuration: configuration, tensors: Array(source.tensors.values) + [tensor]))
    }
    #expect(try plan(with: spare).ignored.map(\.name) == [spare.name])
    #expect(throws: ModelError.self) { try plan(with: spare.renamed("extra.mtp_0.weight")) }
  }
}
