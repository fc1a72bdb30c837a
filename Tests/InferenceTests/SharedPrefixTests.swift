import Evaluation
import Inference
import Models
import Rotary
import Tensors
import TestSupport
import Testing

/// Rows computed once for several sequences: each sequence has the digits that it has alone.
@Suite struct SharedPrefixTests {
  /// Windows, learned positions, latent vectors, sinks, soft caps, one stream for both sublayers,
  /// values that are keys, keys of other layers, inputs of layers, experts of several kinds.
  static let sharing = [
    "llama", "mistral-window", "gemma3", "gemma2", "gpt2", "gpt-neox", "deepseek-v2-mla", "cohere2",
    "gpt-oss", "gemma4", "mixtral", "qwen3-moe", "deepseek-v3",
  ]
  /// Layers that keep more of a sequence than keys and values.
  static let others = ["qwen3-5", "deepseek-v4"]

  private func noise(_ count: Int, _ seed: Int, _ plan: ModelPlan) -> [Int32] {
    (0..<count).map { Int32(($0 * 7919 + $0 * $0 * 31 + seed * 101) % plan.shape.vocabulary) }
  }

  /// Sequences that part from one text, or from each other, before, at and after borders of tiles
  /// (64 and 32 queries) and of units (256 rows); last units of few rows and of many; one sequence
  /// twice, one within another; others that are alike in nothing.
  private func sequences(_ plan: ModelPlan) -> [[Int32]] {
    let longest = min(plan.globals[.positions]?.rows ?? 1500, 1500)
    let text = noise(1400, 0, plan)
    let parts = [
      (1, 30), (31, 40), (63, 9), (64, 1), (65, 130), (127, 2), (128, 200), (130, 64), (255, 3),
      (256, 1), (257, 10), (300, 100), (300, 101), (319, 60), (511, 20), (512, 256), (600, 7),
      (600, 0), (1030, 90), (1150, 14), (1151, 200), (1400, 0),
    ]
    var sequences = parts.enumerated().map { index, part in
      Array(text[..<part.0]) + noise(part.1, index + 1, plan)
    }
    sequences.append(sequences[6])
    sequences.append(sequences[6] + noise(40, 77, plan))
    sequences.append(noise(90, 99, plan))
    sequences = sequences.map { Array($0.prefix(longest)) }
    // Their order in a batch is not that of their tokens.
    return sequences.indices.map { sequences[($0 * 7) % sequences.count] }
  }

  private func bits(
    _ states: ForwardPass.HiddenStates, _ sequence: Int, _ places: Range<Int>, _ plan: ModelPlan
  ) -> [UInt32] {
    let width = plan.shape.streamWidth
    return places.flatMap { place in
      let row = states.values.pointer + states.row(place, of: sequence) * width
      return (0..<width).map { row[$0].bitPattern }
    }
  }

  private func check(_ name: String, _ arithmetic: Arithmetic) throws {
    guard let folder = try References.shared("parity/\(name)") else { return }
    let plan = try Model(opening: folder).plan
    let sequences = sequences(plan)
    let all = sequences.map { 0..<$0.count }
    let pass = ForwardPass(plan: plan, arithmetic: arithmetic, threads: 1)
    let alone = try sequences.map { try pass.run([$0]) }
    let tokens = sequences.reduce(0) { $0 + $1.count }
    for threads in [1, 2] {
      let pass = ForwardPass(plan: plan, arithmetic: arithmetic, threads: threads)
      let together = try pass.run(
        sequences, wanted: ForwardPass.Wanted(all, sharesPrefixes: true))
      #expect(
        Self.others.contains(name) ? together.rows == tokens : together.rows < tokens * 4 / 5)
      for (index, states) in alone.enumerated() {
        let differs =
          bits(states, 0, all[index], plan) != bits(together, index, all[index], plan)
        #expect(!differs, "\(name) \(arithmetic): sequence \(index) of \(all[index].count)")
      }
    }
    // The end alone is read: the last layer need not compute the rest.
    let ends = sequences.map { max($0.count - 3, 0)..<$0.count }
    for shares in [true, false] {
      let together = try ForwardPass(plan: plan, arithmetic: arithmetic, threads: 2).run(
        sequences, wanted: ForwardPass.Wanted(ends, sharesPrefixes: shares))
      for (index, states) in alone.enumerated() {
        let differs =
          bits(states, 0, ends[index], plan) != bits(together, index, ends[index], plan)
        #expect(!differs, "\(name) \(arithmetic): the end of sequence \(index)")
      }
    }
  }

  @Test(arguments: sharing + others)
  func sharedRowsAreThoseOfEachSequence(name: String) throws {
    try check(name, .float32)
  }

  @Test(arguments: sharing + others)
  func sharedRowsAreThoseOfEachSequenceInBFloat16(name: String) throws {
    try check(name, .bfloat16)
  }

  /// Frequencies that depend on the length of a sequence: only those of a class share rows.
  @Test func lengthsOfDifferentFrequenciesShareNothing() throws {
    guard let folder = try References.shared("parity/llama") else { return }
    let plan = try Model(opening: folder).plan
    let text = noise(400, 0, plan)
    let pass = ForwardPass(
      plan: plan,
      as: RotaryRequest(scaling: .dynamic(factor: 4, originalContext: 256)), threads: 2)
    let sequences = [Array(text[..<200]), Array(text[..<240]), text]
    let together = try pass.run(
      sequences,
      wanted: ForwardPass.Wanted(sequences.map { 0..<$0.count }, sharesPrefixes: true))
    #expect(together.rows < 840 && together.rows >= 640)
    for (index, sequence) in sequences.enumerated() {
      let alone = try pass.run([sequence])
      let all = 0..<sequence.count
      #expect(bits(alone, 0, all, plan) == bits(together, index, all, plan))
    }
  }
}
