import Inference
import Tensors

/// Negative log-likelihoods of targets from hidden states, in one pass over the vocabulary blocks.
package struct TargetScorer {
  let blocks: LogitBlocks

  package init(blocks: LogitBlocks) { self.blocks = blocks }

  /// - Parameters:
  ///   - rows: rows of `hidden`, each predicting the target of the same index.
  ///   - counts: how many of them belong to each sequence, one after another.
  /// - Returns: `log sum exp(logits) - logit(target)` of every row, in nats.
  package func negativeLogLikelihoods(
    _ hidden: ForwardPass.HiddenStates, rows: [Int], counts: [Int], targets: [Int32]
  ) throws -> [Double] {
    let normed = try blocks.normed(hidden, rows: rows)
    let count = rows.count
    let maxima = FloatBuffer(count: max(count, 1))
    let chosen = FloatBuffer(count: max(count, 1))
    for row in 0..<count { maxima.pointer[row] = -.infinity }
    let sums = SumBuffer(count: max(count, 1))
    let units = LogitBlocks.units(counts)
    let scratch = (0..<blocks.threads).map { _ in
      FloatBuffer(count: LogitBlocks.unitRows * LogitBlocks.columns)
    }
    for block in 0..<blocks.count {
      let range = blocks.range(block)
      let weights = try blocks.weights(block)
      Parallel.forEach(count: units.count, threads: blocks.threads) { unit, worker in
        let span = units[unit]
        let logits = scratch[worker].pointer
        blocks.multiply(weights, normed, rows: span, to: logits)
        Kernels.logSumExpUpdate(
          logits, stride: LogitBlocks.columns, rows: span.count, columns: range.count, softcap: 0,
          runningMax: maxima.pointer + span.lowerBound, runningSum: sums.pointer + span.lowerBound)
        for row in span where range.contains(Int(targets[row])) {
          chosen.pointer[row] =
            logits[
              (row - span.lowerBound) * LogitBlocks.columns
                + Int(targets[row]) - range.lowerBound]
        }
      }
    }
    return (0..<count).map { row in
      Double(maxima.pointer[row]) + logarithm(sums.pointer[row]) - Double(chosen.pointer[row])
    }
  }
}
