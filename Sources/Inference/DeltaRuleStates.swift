import Models
import Tensors

/// What a delta rule keeps of sequences: the matrix of each head, and the newest rows before the
/// convolution. Zeros stand for what came before a sequence.
///
/// Layers use one in turn where sequences are whole; where they grow, each layer has its own.
struct DeltaRuleStates: Sendable {
  /// [sequences, value heads, keyWidth, valueWidth]
  private let matrices: FloatBuffer
  /// [sequences, kernel - 1, channels]
  private let tails: FloatBuffer

  /// Memory for sequences, of layers up to the sizes of `capacity`.
  init(_ capacity: LayerCapacity, sequences: Int) {
    matrices = FloatBuffer(count: sequences * capacity.ruleState)
    tails = FloatBuffer(count: sequences * capacity.ruleTail)
  }

  /// Forgets a sequence, in the memory of a layer.
  func begin(_ sequence: Int, _ rule: DeltaRuleRecipe) {
    matrix(sequence, head: 0, rule).update(repeating: 0, count: rule.stateCount)
    tail(sequence, rule).update(repeating: 0, count: (rule.kernel - 1) * rule.channels)
  }

  func matrix(_ sequence: Int, head: Int, _ rule: DeltaRuleRecipe) -> UnsafeMutablePointer<Float> {
    matrices.pointer + sequence * rule.stateCount + head * rule.keyWidth * rule.valueWidth
  }

  func tail(_ sequence: Int, _ rule: DeltaRuleRecipe) -> UnsafeMutablePointer<Float> {
    tails.pointer + sequence * (rule.kernel - 1) * rule.channels
  }
}

/// New rows of one sequence, all of which a delta rule takes in order.
struct SequenceSpan: Sendable {
  /// Which of the sequences that states are kept of.
  let sequence: Int
  /// Its first new row in the batch.
  let firstRow: Int
  let rows: Int
  /// Whether it begins here: nothing came before.
  let isWhole: Bool
}
