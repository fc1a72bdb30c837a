import Base
import Models
import Tensors

/// Continues sequences token by token, several at a time: each as if it were alone.
package struct TokenGenerator: Sendable {
  package let pass: ForwardPass
  /// Tokens that end a sequence; they are not part of what is generated.
  package var stops: Set<Int32>
  /// How each token is chosen: greedily, if nothing else is said.
  package var choice: TokenChoice

  package init(
    _ pass: ForwardPass, stops: Set<Int32> = [], choice: TokenChoice = .mostLikely
  ) {
    self.pass = pass
    self.stops = stops
    self.choice = choice
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

  /// Continues prompts until a stop token or `maximum` tokens, all of them the same; see below.
  package func generate(
    _ prompts: [[Int32]], maximum: Int, isDone: (Int, [Int32]) -> Bool = { _, _ in false },
    onStep: (Int) -> Void = { _ in }
  ) throws -> [[Int32]] {
    try generate(
      prompts, maxima: [Int](repeating: maximum, count: prompts.count), isDone: isDone,
      onStep: onStep)
  }

  /// Continues prompts until a stop token or so many tokens. Frequencies that depend on the
  /// length are those of a prompt and its maximum after it.
  /// - Parameters:
  ///   - prompts: token ids, at least one each.
  ///   - maxima: the most tokens to generate for each prompt.
  ///   - isDone: called after each token with the prompt's index and what was generated; true ends
  ///     that sequence.
  ///   - onStep: called after each step with the number of steps done.
  /// - Returns: the generated tokens of each prompt.
  /// - Throws: `ModelError` for a token outside the vocabulary, a position without an embedding, or
  ///   logits that are not finite.
  package func generate(
    _ prompts: [[Int32]], maxima: [Int], isDone: (Int, [Int32]) -> Bool = { _, _ in false },
    onStep: (Int) -> Void = { _ in }
  ) throws -> [[Int32]] {
    var results = [[Int32]](repeating: [], count: prompts.count)
    let longest = maxima.max() ?? 0
    guard longest > 0, !prompts.isEmpty else { return results }
    try Libraries.checkRoom()
    let ends = zip(prompts, maxima).map { $0.count + max($1, 0) }
    let keeps = pass.plan.decodedBytes <= Self.keptBytes
    let sequences = try CachedSequences(
      pass, count: prompts.count, capacity: ends.max() ?? 0, ends: ends, keepsWeights: keeps)
    let next = try NextTokens(
      LogitBlocks(plan: pass.plan, threads: pass.threads), choice: choice, keeps: keeps)
    var isActive = zip(prompts, maxima).map { !$0.isEmpty && $1 > 0 }
    try sequences.append(zip(prompts, isActive).map { $1 ? $0 : [] })
    for step in 0..<longest {
      let active = isActive.indices.filter { isActive[$0] }
      let (hidden, last) = sequences.states
      let chosen = try next.tokens(hidden, rows: active.map { last[$0] }, step: step)
      var added = [[Int32]](repeating: [], count: prompts.count)
      for (index, token) in zip(active, chosen) {
        if stops.contains(token) {
          isActive[index] = false
          continue
        }
        results[index].append(token)
        if isDone(index, results[index]) || step + 1 == maxima[index] { isActive[index] = false }
        if isActive[index] { added[index] = [token] }
      }
      onStep(step + 1)
      guard isActive.contains(true) else { break }
      try sequences.append(added)
    }
    return results
  }
}

/// The tokens after rows of hidden states.
private struct NextTokens {
  let blocks: LogitBlocks
  let choice: TokenChoice
  private let norm: OutputNorm
  private let kept: [LogitBlocks.Weights]

  init(_ blocks: LogitBlocks, choice: TokenChoice, keeps: Bool) throws {
    self.blocks = blocks
    self.choice = choice
    norm = try OutputNorm(of: blocks)
    kept = keeps ? try (0..<blocks.count).map { try blocks.weights($0) } : []
  }

  /// A token for each row; `step` is how many were chosen before.
  func tokens(
    _ hidden: ForwardPass.HiddenStates, rows: [Int], step: Int
  ) throws -> [Int32] {
    let normed = norm.normed(hidden, rows: rows)
    // Of each block by itself: threads look at several at once.
    let found = (0..<blocks.count).map { _ in RowMaxima(rows: rows.count) }
    let scratch = (0..<blocks.threads).map { _ in
      FloatBuffer(count: PreparedMatrix.fewRows * LogitBlocks.columns)
    }
    // [rows, vocabulary], where a choice needs them all.
    let logits =
      choice.needsAllLogits ? FloatBuffer(count: rows.count * blocks.vocabulary) : nil
    // Decoding a block takes all threads by itself; blocks that are kept are shared out.
    if kept.isEmpty {
      for block in 0..<blocks.count {
        look(block, try blocks.weights(block), normed, rows.count, scratch[0], found[block], logits)
      }
    } else {
      Parallel.forEach(count: blocks.count, threads: blocks.threads) { block, worker in
        look(block, kept[block], normed, rows.count, scratch[worker], found[block], logits)
      }
    }
    let tops = RowMaxima(rows: rows.count)
    for block in found { tops.take(block) }
    return try rows.indices.map { row in
      guard tops.value(row).isFinite else {
        throw ModelError.notFinite(file: blocks.plan.checkpoint.path, what: "a logit")
      }
      guard case .drawn(let sampling) = choice, let logits else { return tops.place(row) }
      let start = logits.pointer + row * blocks.vocabulary
      return sampling.token(
        UnsafeBufferPointer(start: start, count: blocks.vocabulary), step: step)
    }
  }

  /// Finds the largest logit of each row in a block, and keeps all of them where they are wanted.
  private func look(
    _ block: Int, _ weights: LogitBlocks.Weights, _ normed: LogitBlocks.NormedRows, _ rows: Int,
    _ scratch: FloatBuffer, _ found: RowMaxima, _ all: FloatBuffer?
  ) {
    for first in stride(from: 0, to: rows, by: PreparedMatrix.fewRows) {
      let group = first..<min(first + PreparedMatrix.fewRows, rows)
      blocks.multiply(weights, normed, rows: group, to: scratch.pointer)
      found.take(scratch.pointer, rows: group, columns: blocks.range(block))
      guard let all else { continue }
      for row in group {
        let logits = scratch.pointer + (row - first) * weights.outputs
        let place = row * blocks.vocabulary + blocks.range(block).lowerBound
        (all.pointer + place).update(from: logits, count: weights.outputs)
      }
    }
  }
}
