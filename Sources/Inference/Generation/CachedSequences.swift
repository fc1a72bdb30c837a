import Base
import Models
import Rotary
import Tensors

/// Sequences that grow token by token, with every layer's keys and values kept.
///
/// Always in float32, in which keys and values are kept. Prompts are computed in units of their
/// own, single tokens of all sequences in shared products of few rows: what a sequence gives does
/// not depend on the others.
package final class CachedSequences {
  let pass: ForwardPass
  /// Tokens a sequence can grow to.
  let capacity: Int
  /// Tokens each sequence holds.
  private(set) var lengths: [Int]
  /// The residual stream, [sequences * capacity, width].
  private let hidden: FloatBuffer
  private let tokens: Int32Buffer
  /// Of each layer; queries are not kept, so all layers take turns with theirs.
  private let caches: [ActivationMemory]
  private let ruleStates: [DeltaRuleStates]
  private let inputs: LayerInputs?
  private let scratch: [LayerScratch]
  private let kept: [LayerWeights]
  private let classes: LengthClasses
  private let spans: [RotationSpan]
  private var tables = RotationTables()

  /// Empty sequences of a model, with room for their tokens.
  /// - Parameters:
  ///   - pass: the model and its variant.
  ///   - count: sequences.
  ///   - capacity: the most tokens of a sequence.
  ///   - ends: tokens each sequence may grow to, which decide frequencies that depend on the
  ///     length; nil: all to the capacity.
  ///   - keepsWeights: decode all layers once instead of once a step.
  /// - Throws: `RotaryError` for frequencies that cannot be computed, the errors of decoding
  ///   weights, and `TensorError.outOfMemory` where there is no memory for so many tokens.
  package init(
    _ pass: ForwardPass, count: Int, capacity: Int, ends: [Int]? = nil, keepsWeights: Bool
  ) throws {
    self.pass = pass.inFloat32
    classes = pass.rotary.lengthClasses(of: ends ?? [Int](repeating: capacity, count: count))
    spans = try classes.longest.map {
      RotationSpan(
        rotary: try pass.rotary.configuration(length: $0), length: $0, positions: $0)
    }
    self.capacity = capacity
    lengths = [Int](repeating: 0, count: count)
    let plan = pass.plan
    let (rows, isTooLarge) = count.multipliedReportingOverflow(by: capacity)
    try Libraries.checkRoom(
      for: isTooLarge ? .max : rows, of: TokenGenerator.bytesPerToken(plan))
    hidden = FloatBuffer(count: rows * plan.shape.streamWidth)
    tokens = Int32Buffer(count: rows)
    inputs = try LayerInputs(plan, rows: rows)
    for span in spans { try plan.checkValues(span.rotary) }
    let capacities = plan.layers.map { LayerCapacity(CollectionOfOne($0.recipe)) }
    let shared = ActivationMemory(plan.capacity.withoutKeys, rows: rows)
    var caches: [ActivationMemory] = []
    for (layer, capacity) in zip(plan.layers, capacities) {
      let source = layer.recipe.attention?.keyValueSource
      caches.append(
        source.map { caches[$0] } ?? ActivationMemory(capacity, rows: rows, sharing: shared))
    }
    self.caches = caches
    ruleStates = capacities.map { DeltaRuleStates($0, sequences: count) }
    scratch = (0..<pass.threads).map { _ in LayerScratch(plan, rows: SequenceBatch.unitRows) }
    kept =
      keepsWeights
      ? try plan.layers.map { try LayerWeights($0, threads: pass.threads, keepsExperts: true) }
      : []
  }

  /// Appends tokens to sequences and computes them.
  /// - Parameter tokens: for every sequence what is appended; a sequence with none rests.
  /// - Throws: `ModelError` for a token outside the vocabulary or a position without an embedding.
  package func append(_ tokens: [[Int32]]) throws {
    let streamWidth = pass.plan.shape.streamWidth
    var units: [SequenceBatch.Unit] = []
    var grown: [SequenceSpan] = []
    var members: [GatheredRows.Member] = []
    for (sequence, added) in tokens.enumerated() where !added.isEmpty {
      let (start, length) = (sequence * capacity, lengths[sequence])
      let embedded = try pass.embed(
        [added], SequenceBatch(lengths: [added.count]), start: length)
      (hidden.pointer + (start + length) * streamWidth).update(
        from: embedded.hidden.pointer, count: added.count * streamWidth)
      (self.tokens.pointer + start + length).update(
        from: embedded.tokens.pointer, count: added.count)
      inputs?.put(added, embedded.hidden.pointer, row: start + length)
      guard added.count > 1 else {
        members.append(
          GatheredRows.Member(
            sequence: sequence, sequenceStart: start, position: length,
            lengthClass: classes.ofSequence[sequence]))
        continue
      }
      grown.append(
        SequenceSpan(
          sequence: sequence, firstRow: start + length, rows: added.count, isWhole: length == 0))
      for first in stride(from: 0, to: added.count, by: SequenceBatch.unitRows) {
        let last = min(first + SequenceBatch.unitRows, added.count)
        units.append(
          SequenceBatch.Unit(
            sequenceStart: start, rows: (length + first)..<(length + last),
            lengthClass: classes.ofSequence[sequence]))
      }
    }
    let gathered = try GatheredRows(members, of: hidden, self.tokens, inputs, plan: pass.plan)
    let (work, scratch) = (units, scratch)
    let experts = ExpertBatch(work, of: pass.plan, arithmetic: .float32)
    for index in pass.plan.layers.indices {
      let weights =
        kept.isEmpty
        ? try LayerWeights(pass.plan.layers[index], threads: pass.threads) : kept[index]
      let recipe = pass.plan.layers[index].recipe
      let rotation = try LayerRotation(
        spans, layer: index, of: recipe.attention, start: 0, reusing: &tables)
      let layer = Layer(
        recipe, index: index, width: pass.plan.shape.width, weights: weights, rotation: rotation,
        memory: caches[index], hidden: hidden, tokens: self.tokens, inputs: inputs,
        times: pass.times)
      Parallel.forEach(count: work.count, threads: pass.threads) { unit, worker in
        layer.project(work[unit], scratch[worker])
      }
      if let rule = layer.recipe.deltaRule {
        layer.mix(rule, grown, ruleStates[index], scratch, threads: pass.threads)
      }
      if layer.compresses {
        Parallel.forEach(count: work.count, threads: pass.threads) { unit, _ in
          layer.compress(work[unit])
        }
      }
      Parallel.forEach(count: work.count, threads: pass.threads) { unit, worker in
        layer.finish(work[unit], scratch[worker], experts: experts?.rows(ofUnit: unit))
      }
      try experts?.apply(layer, scratch, threads: pass.threads)
      try layer.failure.check()
      try gathered.apply(layer, ruleStates[index], scratch, threads: pass.threads)
    }
    gathered.restore(to: hidden)
    for (sequence, added) in tokens.enumerated() { lengths[sequence] += added.count }
  }

  /// The residual stream, and the row of each sequence's last token in it.
  package var states: (hidden: ForwardPass.HiddenStates, last: [Int]) {
    let starts = lengths.indices.map { $0 * capacity }
    return (
      ForwardPass.HiddenStates(values: hidden, starts: starts, rows: lengths.count * capacity),
      zip(starts, lengths).map { $0 + max($1, 1) - 1 }
    )
  }
}
