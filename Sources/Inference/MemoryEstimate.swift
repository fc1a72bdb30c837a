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

  /// Bytes needed whatever the batch: one decoded layer, with as many of its experts as are in memory
  /// together, a block of the output and the scratch.
  package var fixedBytes: Int {
    let (width, capacity) = (plan.shape.width, plan.capacity)
    let factor = FactorBuffer.elementSize(arithmetic)
    let layer =
      plan.layers.map {
        $0.elementsBesideExperts
          + $0.elementsOfExpert * ExpertWeights.groupSize($0, arithmetic: arithmetic)
      }.max() ?? 0
    let ofExperts = capacity.experts > 0 ? (4 + factor) * width + 4 * capacity.experts : 0
    let streams = plan.shape.hyperConnections.map {
      4 * (plan.shape.streamWidth + $0.coefficients + width)
    }
    let scratch =
      SequenceBatch.unitRows
      * (8 * (width + capacity.outputs + capacity.feedForward) + 4 * capacity.gates
        + 4 * (capacity.keys + capacity.values + capacity.shared.outputs)
        + factor * (width + max(capacity.outputs, width) + capacity.feedForward) + ofExperts
        + (streams ?? 0))
      + 4 * LogitBlocks.unitRows * LogitBlocks.columns
    let output = LogitBlocks.columns * width
    return factor * (layer + output) + threads * scratch + Self.programBytes
  }

  /// The program itself, its libraries, the vocabulary and the mapped pages in use.
  private static let programBytes = 128 << 20

  /// Bytes per sequence, whatever its length: what delta rules and decay attention keep of it, each
  /// layer where a sequence comes in parts.
  package var bytesPerSequence: Int {
    let ofDecay = plan.layers.reduce(0) { $0 + ($1.recipe.attention?.stateCount ?? 0) }
    return 4 * (plan.capacity.ruleState + plan.capacity.ruleTail + ofDecay)
  }

  /// Bytes per token in flight: residual stream, queries, keys, values, normed output rows.
  package var bytesPerToken: Int {
    let (width, capacity) = (plan.shape.width, plan.capacity)
    let factor = FactorBuffer.elementSize(arithmetic)
    return 4
      * (plan.shape.streamWidth + capacity.queries + 2 * capacity.ruleHeads
        + capacity.shared.floatsPerRow)
      + factor * (width + capacity.keys + capacity.values) + 64
      + ExpertBatch.bytesPerRow(plan, arithmetic: arithmetic) + LayerInputs.bytesPerRow(plan)
      + factor * keptKeyValues
  }

  /// Bytes per token of a sequence whose keys and values are gathered from rows of others.
  package var bytesPerGatheredToken: Int {
    let factor = FactorBuffer.elementSize(arithmetic)
    return factor * (plan.capacity.keys + plan.capacity.values + keptKeyValues)
  }

  /// Elements of the keys and values of one token that later layers use, of all such layers.
  private var keptKeyValues: Int {
    zip(plan.layers, plan.lastUsers).reduce(0) { sum, layer in
      guard layer.1 != nil, let attention = layer.0.recipe.attention else { return sum }
      return sum + attention.keyRows + attention.valueRows
    }
  }
}
