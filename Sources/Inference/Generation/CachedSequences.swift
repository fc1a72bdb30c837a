import Base
import Rotary
import Tensors

/// Sequences that grow token by token, with every layer's keys and values kept.
///
/// Always in float32, in which keys and values are kept. Prompts are computed in units of their own, single tokens of all sequences in shared products of
/// few rows: what a sequence gives does not depend on the others.
package final class CachedSequences {
  let pass: ForwardPass
  /// Tokens a sequence can grow to.
  let capacity: Int
  /// Tokens each sequence holds.
  private(set) var lengths: [Int]
  /// The residual stream, [sequences * capacity, width].
  private let hidden: FloatBuffer
  private let caches: [LayerActivations]
  private let scratch: [LayerScratch]
  private let kept: [LayerWeights]
  private let classes: LengthClasses
  private let spans: [RotationSpan]
  private var tables = RotationTables()

  /// - Parameters:
  ///   - count: sequences.
  ///   - ends: tokens each sequence may grow to, which decide frequencies that depend on the
  ///     length; nil: all to the capacity.
  ///   - keepsWeights: decode all layers once instead of once a step.
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
    let shape = pass.plan.shape
    let rows = count * capacity
    hidden = FloatBuffer(count: max(rows * shape.width, 1))
    let first = LayerActivations(shape: shape, rows: rows)
    caches = pass.plan.layers.indices.map { $0 == 0 ? first : first.withOwnKeys() }
    scratch = (0..<pass.threads).map { _ in
      LayerScratch(
        shape: shape, latentWidth: pass.latentWidth, rows: SequenceBatch.unitRows)
    }
    kept =
      keepsWeights
      ? try pass.plan.layers.map { try LayerWeights($0, threads: pass.threads) } : []
  }

  /// Puts tokens behind sequences and computes them.
  /// - Parameter tokens: for every sequence what is appended; a sequence with none rests.
  /// - Throws: `ModelError` for a token outside the vocabulary or a position without an embedding.
  package func append(_ tokens: [[Int32]]) throws {
    let shape = pass.plan.shape
    var units: [SequenceBatch.Unit] = []
    var members: [GatheredRows.Member] = []
    for (sequence, added) in tokens.enumerated() where !added.isEmpty {
      let (start, length) = (sequence * capacity, lengths[sequence])
      let embedded = try pass.embed(
        [added], SequenceBatch(lengths: [added.count]), start: length)
      (hidden.pointer + (start + length) * shape.width).update(
        from: embedded.pointer, count: added.count * shape.width)
      guard added.count > 1 else {
        members.append(
          GatheredRows.Member(
            sequenceStart: start, position: length, lengthClass: classes.ofSequence[sequence]))
        continue
      }
      for first in stride(from: 0, to: added.count, by: SequenceBatch.unitRows) {
        let last = min(first + SequenceBatch.unitRows, added.count)
        units.append(
          SequenceBatch.Unit(
            sequenceStart: start, rows: (length + first)..<(length + last),
            lengthClass: classes.ofSequence[sequence]))
      }
    }
    let gathered = GatheredRows(members, of: hidden, shape: shape)
    let (work, scratch) = (units, scratch)
    for index in pass.plan.layers.indices {
      let weights =
        kept.isEmpty
        ? try LayerWeights(pass.plan.layers[index], threads: pass.threads) : kept[index]
      let rotation = try LayerRotation(spans, layer: index, start: 0, reusing: &tables)
      let layer = Layer(
        shape: shape, block: pass.plan.architecture.block, window: shape.windows[index],
        weights: weights, rotation: rotation, activations: caches[index], hidden: hidden,
        times: pass.times)
      Parallel.forEach(count: work.count, threads: pass.threads) { unit, worker in
        layer.project(work[unit], scratch[worker])
      }
      Parallel.forEach(count: work.count, threads: pass.threads) { unit, worker in
        layer.finish(work[unit], scratch[worker])
      }
      gathered.apply(layer, scratch, threads: pass.threads)
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
