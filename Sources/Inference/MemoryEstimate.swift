/// How much memory a forward pass takes, to choose a batch that fits a cap.
public struct MemoryEstimate: Sendable {
  public let plan: ModelPlan
  public let threads: Int

  public init(plan: ModelPlan, threads: Int) {
    self.plan = plan
    self.threads = threads
  }

  /// Bytes needed whatever the batch: one decoded layer, a block of the output and the scratch.
  public var fixedBytes: Int {
    let shape = plan.shape
    let layer = plan.layers.map { $0.values.reduce(0) { $0 + $1.count } }.max() ?? 0
    let rows = SequenceBatch.unitRows
    let scratch =
      rows * (2 * shape.width + shape.heads * shape.valueWidth + 2 * shape.feedForward)
      + LogitBlocks.unitRows * LogitBlocks.columns
    let output = LogitBlocks.columns * shape.width
    return 4 * (layer + output + threads * scratch) + 64 << 20
  }

  /// Bytes per token in flight: residual stream, queries, keys, values, normed output rows.
  public var bytesPerToken: Int {
    let shape = plan.shape
    return 4
      * (2 * shape.width + shape.heads * shape.keyWidth
        + shape.keyValueHeads * (shape.keyWidth + shape.valueWidth)) + 32
  }

  /// The largest batch of sequences of `context` tokens within `bytes`, at least 1.
  public func batch(context: Int, within bytes: Int) -> Int {
    max(1, (bytes - fixedBytes) / (bytesPerToken * max(context, 1)))
  }
}
