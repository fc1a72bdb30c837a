import Base
import Checkpoints
import Evaluation
import Foundation
import Inference
import Models
import TestSupport
import Testing

/// Layers of experts as a whole: what may not change a digit, and what is refused.
@Suite struct ExpertTests {
  private static let families = ["mixtral", "qwen2-moe", "granite-moe", "deepseek-v3"]

  private func bits(_ states: ForwardPass.HiddenStates, _ width: Int, _ sequence: Int, _ count: Int)
    -> [UInt32]
  {
    let first = states.values.pointer + states.starts[sequence] * width
    return (0..<(count * width)).map { first[$0].bitPattern }
  }

  private func tokens(_ count: Int, _ seed: Int, _ plan: ModelPlan) -> [Int32] {
    (0..<count).map { Int32(($0 * 7919 + $0 * $0 * 31 + seed * 101) % plan.shape.vocabulary) }
  }

  /// Which rows go to an expert differs from batch to batch; what a sequence gives does not.
  @Test(arguments: families)
  func othersChangeNoDigit(name: String) throws {
    guard let folder = try References.shared("parity/\(name)") else { return }
    let plan = try Model(opening: folder).plan
    let width = plan.shape.width
    let sequences = [300, 1, 7, 40].enumerated().map { tokens($1, $0, plan) }
    let together = try ForwardPass(plan: plan, threads: 3).run(sequences)
    for (index, sequence) in sequences.enumerated() {
      let alone = try ForwardPass(plan: plan, threads: 1).run([sequence])
      #expect(
        bits(alone, width, 0, sequence.count) == bits(together, width, index, sequence.count))
    }
  }

  @Test(arguments: families)
  func othersChangeNoDigitOfDecoding(name: String) throws {
    guard let folder = try References.shared("parity/\(name)") else { return }
    let plan = try Model(opening: folder).plan
    func last(_ seeds: [Int], threads: Int, keeps: Bool) throws -> [[UInt32]] {
      let sequences = try CachedSequences(
        ForwardPass(plan: plan, threads: threads), count: seeds.count, capacity: 64,
        keepsWeights: keeps)
      // Some begin with one token, some with many.
      try sequences.append(seeds.map { tokens(1 + $0 * 5 % 30, $0, plan) })
      for step in 0..<4 { try sequences.append(seeds.map { tokens(1, $0 + step, plan) }) }
      let width = plan.shape.width
      return sequences.states.last.map { row in
        (0..<width).map { sequences.states.hidden.values.pointer[row * width + $0].bitPattern }
      }
    }
    let seeds = Array(0..<11)
    let together = try last(seeds, threads: 2, keeps: true)
    #expect(try last(seeds, threads: 3, keeps: false) == together)
    for index in [0, 5, 10] {
      #expect(try last([seeds[index]], threads: 1, keeps: false) == [together[index]])
    }
  }

  /// A batch of one token leaves most experts without one, and a batch of none all of them.
  @Test func expertsWithoutTokens() throws {
    guard let folder = try References.shared("parity/glm4-moe") else { return }
    let plan = try Model(opening: folder).plan
    let states = try ForwardPass(plan: plan, threads: 2).run([tokens(1, 3, plan)])
    #expect((0..<plan.shape.width).allSatisfy { states.values.pointer[$0].isFinite })
    #expect(try ForwardPass(plan: plan).run([]).rows == 0)
  }

  @Test func weightsOfExpertsAreNotInMemoryTogether() throws {
    guard let folder = try References.shared("parity/qwen3-moe") else { return }
    let plan = try Model(opening: folder).plan
    let layer = try #require(plan.layers.first)
    #expect(layer.experts.count == 8 && layer.elementsOfExpert == 3 * 48 * 64)
    #expect(layer.elementCount == layer.elementsBesideExperts + 8 * layer.elementsOfExpert)
    #expect(plan.layers.allSatisfy { $0[.expertGate] == nil && $0[.router] != nil })
  }

  /// Layers behind the model's own that predict further tokens are left out, with all their tensors.
  @Test func predictingLayersAreIgnored() throws {
    guard let folder = try References.shared("parity/glm4-moe") else { return }
    let source = try Checkpoint.open(folder)
    func plan(_ layers: Int, predicting: Int) throws -> ModelPlan {
      var fields = try #require(source.configuration?.object)
      fields["num_hidden_layers"] = .integer(Int64(layers))
      fields["num_nextn_predict_layers"] = .integer(Int64(predicting))
      return try ModelPlan(source.restated(as: .safetensors, configuration: .object(fields)))
    }
    let short = try plan(2, predicting: 1)
    #expect(short.layers.count == 2 && short.ignored.count == 35)
    #expect(short.ignored.allSatisfy { $0.name.hasPrefix("model.layers.2.") })
    #expect(throws: ModelError.self) { try plan(2, predicting: 0) }
    #expect(try plan(3, predicting: 1).ignored.isEmpty)
  }

  // MARK: - Refusals

  private func changed(
    _ name: String, _ changes: [String: JSONValue]
  ) throws -> ModelError? {
    guard let folder = try References.shared("parity/\(name)") else { return nil }
    let source = try Checkpoint.open(folder)
    var fields = try #require(source.configuration?.object)
    for (key, value) in changes { fields[key] = value }
    return #expect(throws: ModelError.self) {
      try ModelPlan(source.restated(as: .safetensors, configuration: .object(fields)))
    }
  }

  @Test func statementsThatCannotBe() throws {
    for (name, changes, words) in [
      ("qwen3-moe", ["num_experts_per_tok": 9], "is 9, more than the 8 experts"),
      ("qwen3-moe", ["num_local_experts": 2_000_000_000], "which no model has"),
      ("qwen3-moe", ["num_experts_per_tok": .null], "is missing"),
      ("qwen3-moe", ["moe_intermediate_size": .null], "is missing"),
      ("qwen3-moe", ["norm_topk_prob": .null], "'norm_topk_prob' is missing"),
      ("qwen3-moe", ["mlp_only_layers": ["a"]], "is no list of whole numbers"),
      ("deepseek-v3", ["n_group": 3], "is 3, into which 8 experts cannot be divided"),
      ("deepseek-v3", ["n_group": 8], "is 8, into which 8 experts cannot be divided"),
      ("deepseek-v3", ["topk_group": 3], "is 3 of 2 groups"),
      ("deepseek-v3", ["scoring_func": "softmax"], "supported: sigmoid"),
      ("olmoe", ["clip_qkv": 8], "'clip_qkv' is 8"),
    ] as [(String, [String: JSONValue], String)] {
      let error = try changed(name, changes)
      #expect(error?.summary.contains(words) == true, "\(error?.summary ?? "nothing")")
    }
  }

  @Test func tensorsOfExpertsAreCounted() throws {
    // One expert more than there are tensors: each of its matrices is named.
    guard let missing = try changed("olmoe", ["num_experts": 9, "num_hidden_layers": 1]) else {
      return
    }
    guard case .shape(_, let router, let found, let expected) = missing else {
      Issue.record("\(missing)")
      return
    }
    #expect(router.hasSuffix("mlp.gate.weight") && found == [8, 64] && expected == [9, 64])
    // A layer that is stated dense lacks its dense matrices and has experts that nobody asked for.
    let dense = try changed("qwen3-moe", ["mlp_only_layers": [1]])
    guard case .tensors(_, let lacking, let unexpected)? = dense else {
      Issue.record("\(String(describing: dense))")
      return
    }
    #expect(
      lacking
        == ["gate", "up", "down"].map { "model.layers.1.mlp.\($0)_proj.weight" })
    #expect(unexpected.count == 25 && unexpected.allSatisfy { $0.hasPrefix("model.layers.1.mlp.") })
  }

  /// A folder that lacks one matrix of one expert is refused by that tensor's name.
  @Test func oneMatrixOfOneExpertIsMissing() throws {
    guard let folder = try References.shared("parity/mixtral") else { return }
    let source = try Checkpoint.open(folder)
    let name = "model.layers.1.block_sparse_moe.experts.2.w3.weight"
    var tensors = source.tensors
    tensors[name] = nil
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    _ = try PairWriter.write(
      to: "\(work)/model.safetensors",
      tensors: tensors.values.map {
        OutputTensor(name: $0.name, type: $0.type, shape: $0.shape, contents: .copy($0))
      },
      configuration: { try #require(source.configuration).serialized(pretty: true) }, force: false,
      inputs: [], progress: nil)
    let error = #expect(throws: ModelError.self) { try Model(opening: work) }
    guard case .tensors(_, let missing, let unexpected)? = error else { return }
    #expect(missing == [name] && unexpected.isEmpty)
  }
}
