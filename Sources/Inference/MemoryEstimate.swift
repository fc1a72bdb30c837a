import Models
import Tensors

/// How much memory a forward pass takes, to choose a batch that fits a cap.
package struct MemoryEstimate: Sendable {
  package let plan: ModelPlan
  package let arithmetic: Arithmetic
  package let threads: Int

  package init(plan: ModelPlan, arithmetic: Arithmetic, threads: Int) {
    self.plan = plan
    self.arithmetic = arithmetic
    self.threads = threads
  }

  /// Bytes needed whatever the batch: one decoded layer, a block of the output and the scratch.
  package var fixedBytes: Int {
    let shape = plan.shape
    let factor = FactorBuffer.elementSize(arithmetic)
    let layer = plan.layers.map { $0.values.reduce(0) { $0 + $1.count } }.max() ?? 0
    let heads = shape.heads * shape.valueWidth
    let keyValues = shape.keyValueHeads * (shape.keyWidth + shape.valueWidth)
    let scratch =
      SequenceBatch.unitRows
      * (8 * (shape.width + heads + shape.feedForward) + 4 * keyValues
        + factor * (shape.width + max(heads, shape.width) + shape.feedForward))
      + 4 * LogitBlocks.unitRows * LogitBlocks.columns
    let output = LogitBlocks.columns * shape.width
    return factor * (layer + output) + threads * scratch + Self.programBytes
  }

  /// The program itself, its libraries, the vocabulary and the mapped pages in use.
  private static let programBytes = 128 << 20

  /// Bytes per token in flight: residual stream, queries, keys, values, normed output rows.
  package var bytesPerToken: Int {
    let shape = plan.shape
    let factor = FactorBuffer.elementSize(arithmetic)
    return 4 * (shape.width + shape.heads * shape.keyWidth)
      + factor * (shape.width + shape.keyValueHeads * (shape.keyWidth + shape.valueWidth)) + 64
  }
}
