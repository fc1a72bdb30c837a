import Models
import Tensors

/// What decay attention keeps of sequences in its recurrent form: a matrix for each head. Zeros stand
/// for what came before a sequence.
struct DecayStates: Sendable {
  /// [sequences, heads, keyWidth, columns]
  private let matrices: FloatBuffer

  /// Memory for sequences, of layers up to the sizes of `capacity`.
  init(_ capacity: LayerCapacity, sequences: Int) {
    matrices = FloatBuffer(count: sequences * capacity.decayState)
  }

  /// The matrix of a head, in the memory of one layer.
  func matrix(
    _ sequence: Int, head: Int, _ attention: AttentionRecipe
  ) -> UnsafeMutablePointer<Float> {
    let size = attention.stateCount / max(attention.heads, 1)
    return matrices.pointer + sequence * attention.stateCount + head * size
  }

  /// Forgets a sequence, in the memory of one layer.
  func begin(_ sequence: Int, _ attention: AttentionRecipe) {
    matrix(sequence, head: 0, attention).update(repeating: 0, count: attention.stateCount)
  }
}

/// What all layers of a model keep of sequences that come in parts.
package final class SequenceStates {
  /// Of each layer.
  let decay: [DecayStates]
  let rules: [DeltaRuleStates]
  /// Tokens of each whole sequence, which decide frequencies that depend on them.
  let lengths: [Int]
  /// Tokens that were computed of each.
  package private(set) var done = 0

  /// Nothing is kept yet of sequences of these lengths.
  package init(_ plan: ModelPlan, lengths: [Int]) {
    let capacities = plan.layers.map { LayerCapacity(CollectionOfOne($0.recipe)) }
    decay = capacities.map { DecayStates($0, sequences: lengths.count) }
    rules = capacities.map { DeltaRuleStates($0, sequences: lengths.count) }
    self.lengths = lengths
  }

  /// Says that a part of so many tokens went through all layers.
  func advance(_ tokens: Int) { done += tokens }
}

/// What one thread needs for decay attention: a block of queries of one head against some keys.
struct DecayTile: Sendable {
  /// Queries of a block, and tokens that the recurrence takes at a time.
  static let rows = 64
  /// Keys that a block of queries looks at together.
  static let keys = 512

  /// [rows, keys]: products of queries with keys, faded.
  let scores: FloatBuffer
  /// [rows, columns]: what the queries find.
  let outputs: FloatBuffer
  /// [rows, columns]: values, with a column of ones where weights are summed.
  let values: FloatBuffer
  /// [rows, keyWidth]: keys that fade to the block's end.
  let faded: FloatBuffer
  /// [keys + rows]: a head's powers.
  let powers: FloatBuffer
  /// [rows]: sums of weights.
  let sums: DoubleBuffer

  init(_ capacity: LayerCapacity) {
    let rows = capacity.decayState > 0 ? Self.rows : 0
    func buffer(_ count: Int) -> FloatBuffer { FloatBuffer(count: count) }
    scores = buffer(rows * Self.keys)
    outputs = buffer(rows * (capacity.valueWidth + 1))
    values = buffer(rows * (capacity.valueWidth + 1))
    faded = buffer(rows * capacity.keyWidth)
    powers = buffer(Self.keys + Self.rows)
    sums = DoubleBuffer(count: max(rows, 1))
  }
}
