import Base
import Models
import Tensors

/// Greedy decoding: the most likely token, again and again; of equals the one with the lowest id.
package struct GreedyDecoder: Sendable {
  package let pass: ForwardPass
  /// Tokens that end a sequence; they are not part of what is generated.
  package var stops: Set<Int32>

  package init(_ pass: ForwardPass, stops: Set<Int32> = []) {
    self.pass = pass
    self.stops = stops
  }

  /// Decoded weights up to this size are kept between steps.
  private static let keptBytes = 4 << 30

  /// Bytes that keys, values and the stream of one token take.
  package static func bytesPerToken(_ plan: ModelPlan) -> Int {
    let kept = plan.layers.lazy.filter { !$0.recipe.usesOtherKeys }.reduce(0) {
      let capacity = LayerCapacity(CollectionOfOne($1.recipe))
      return $0 + capacity.keys + capacity.values + capacity.shared.floatsPerRow
    }
    let shared = plan.capacity.queries + 2 * plan.capacity.ruleHeads
    return 4 * (kept + shared + plan.shape.streamWidth)
      + ExpertBatch.bytesPerRow(plan, arithmetic: .float32) + LayerInputs.bytesPerRow(plan)
  }

  /// Bytes that the delta rules of a sequence take, whatever its length.
  package static func bytesPerSequence(_ plan: ModelPlan) -> Int {
    plan.layers.reduce(0) {
      let capacity = LayerCapacity(CollectionOfOne($1.recipe))
      return $0 + 4 * (capacity.ruleState + capacity.ruleTail)
    }
  }

  /// Continues prompts until a stop token or `maximum` tokens. Frequencies that depend on the
  /// length are those of the prompt and `maximum` tokens after it.
  /// - Parameters:
  ///   - prompts: token ids, at least one each.
  ///   - maximum: the most tokens to generate for a prompt.
  ///   - isDone: called after each token with the prompt's index and what was generated; true ends
  ///     that sequence.
  ///   - onStep: called after each step with the number of steps done.
  /// - Returns: the generated tokens of each prompt.
  /// - Throws: `ModelError` for a token outside the vocabulary, a position without an embedding, or
  ///   logits that are not finite.
  package func generate(
    _ prompts: [[Int32]], maximum: Int, isDone: (Int, [Int32]) -> Bool = { _, _ in false },
    onStep: (Int) -> Void = { _ in }
  ) throws -> [[Int32]] {
    var results = [[Int32]](repeating: [], count: prompts.count)
    guard maximum > 0, !prompts.isEmpty else { return results }
    let capacity = (prompts.map(\.count).max() ?? 0) + maximum
    let keeps = pass.plan.decodedBytes <= Self.keptBytes
    let sequences = try CachedSequences(
      pass, count: prompts.count, capacity: capacity, ends: prompts.map { $0.count + maximum },
      keepsWeights: keeps)
    let logits = try TopLogits(LogitBlocks(plan: pass.plan, threads: pass.threads), keeps: keeps)
    try sequences.append(prompts)
    var isActive = prompts.map { !$0.isEmpty }
    for step in 0..<maximum {
      let active = isActive.indices.filter { isActive[$0] }
      let (hidden, last) = sequences.states
      let tops = try logits.tokens(hidden, rows: active.map { last[$0] })
      var added = [[Int32]](repeating: [], count: prompts.count)
      for (index, token) in zip(active, tops) {
        if stops.contains(token) {
          isActive[index] = false
          continue
        }
        results[index].append(token)
        if isDone(index, results[index]) { isActive[index] = false }
        if isActive[index] { added[index] = [token] }
      }
      onStep(step + 1)
      guard step + 1 < maximum, isActive.contains(true) else { break }
      try sequences.append(added)
    }
    return results
  }
}

/// The most likely tokens after rows of hidden states.
private struct TopLogits {
  let blocks: LogitBlocks
  private let kept: [LogitBlocks.Weights]

  init(_ blocks: LogitBlocks, keeps: Bool) throws {
    self.blocks = blocks
    kept = keeps ? try (0..<blocks.count).map { try blocks.weights($0) } : []
  }

  func tokens(_ hidden: ForwardPass.HiddenStates, rows: [Int]) throws -> [Int32] {
    let normed = try blocks.normed(hidden, rows: rows)
    let found = (0..<blocks.count).map { _ in FloatBuffer(count: max(2 * rows.count, 1)) }
    let scratch = (0..<blocks.threads).map { _ in
      FloatBuffer(count: PreparedMatrix.fewRows * LogitBlocks.columns)
    }
    // Decoding a block takes all threads by itself; blocks that are kept are shared out.
    if kept.isEmpty {
      for block in 0..<blocks.count {
        look(block, try blocks.weights(block), normed, rows.count, scratch[0], found[block])
      }
    } else {
      Parallel.forEach(count: blocks.count, threads: blocks.threads) { block, worker in
        look(block, kept[block], normed, rows.count, scratch[worker], found[block])
      }
    }
    return try rows.indices.map { row in
      var (value, token) = (-Float.infinity, Int32(0))
      for block in 0..<blocks.count where !(found[block].pointer[2 * row] <= value) {
        value = found[block].pointer[2 * row]
        token = Int32(blocks.range(block).lowerBound) + Int32(found[block].pointer[2 * row + 1])
      }
      guard value.isFinite else {
        throw ModelError.notFinite(file: blocks.plan.checkpoint.path, what: "a logit")
      }
      return token
    }
  }

  /// The largest logit of each row in a block, and its place.
  private func look(
    _ block: Int, _ weights: LogitBlocks.Weights, _ normed: LogitBlocks.NormedRows, _ rows: Int,
    _ scratch: FloatBuffer, _ found: FloatBuffer
  ) {
    for first in stride(from: 0, to: rows, by: PreparedMatrix.fewRows) {
      let group = first..<min(first + PreparedMatrix.fewRows, rows)
      blocks.multiply(weights, normed, rows: group, to: scratch.pointer)
      for row in group {
        let logits = scratch.pointer + (row - first) * weights.outputs
        var best = 0
        for column in 1..<max(weights.outputs, 1) where !(logits[column] <= logits[best]) {
          best = column
        }
        found.pointer[2 * row] = logits[best]
        found.pointer[2 * row + 1] = Float(best)
      }
    }
  }
}
