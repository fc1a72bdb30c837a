import Base
import Foundation
import Inference
import Tensors

/// Negative log-likelihoods of targets from hidden states, in one pass over the vocabulary blocks.
package struct TargetScorer {
  let blocks: LogitBlocks

  private let times: PhaseTimes

  package init(blocks: LogitBlocks, times: PhaseTimes = PhaseTimes()) {
    self.blocks = blocks
    self.times = times
  }

  /// What the model thinks of one target.
  package struct Score: Sendable {
    /// `log sum exp(logits) - logit(target)`, in nats.
    package let negativeLogLikelihood: Double
    /// Whether no other token has a larger logit, and none before it the same.
    package let isTop: Bool
  }

  /// Negative log-likelihoods alone; see `scores`.
  package func negativeLogLikelihoods(
    _ hidden: ForwardPass.HiddenStates, at scored: ScoredPlaces
  ) throws -> [Double] {
    try scores(hidden, at: scored, findsTop: false).map(\.negativeLogLikelihood)
  }

  /// A score for every target; `findsTop` also looks for the most likely token, without it `isTop`
  /// is false.
  package func scores(
    _ hidden: ForwardPass.HiddenStates, at scored: ScoredPlaces, findsTop: Bool = true
  ) throws -> [Score] {
    let (rows, targets) = (scored.rows, scored.targets)
    let began = times.now
    defer { times.add(.logits, since: began, threads: blocks.threads) }
    let normed = try blocks.normed(hidden, rows: rows)
    let count = rows.count
    let maxima = FloatBuffer(count: count)
    let chosen = FloatBuffer(count: count)
    let tops = findsTop ? RowMaxima(rows: count) : nil
    for row in 0..<count { maxima.pointer[row] = -.infinity }
    let sums = DoubleBuffer(count: max(count, 1))
    let units = blocks.units(scored.counts)
    let scratch = (0..<blocks.threads).map { _ in
      FloatBuffer(count: LogitBlocks.unitRows * LogitBlocks.columns)
    }
    var previous: LogitBlocks.Weights?
    for block in 0..<blocks.count {
      let range = blocks.range(block)
      let weights = try blocks.weights(block, recycling: previous)
      previous = weights
      Parallel.forEach(count: units.count, threads: blocks.threads) { unit, worker in
        let span = units[unit]
        let logits = scratch[worker].pointer
        blocks.multiply(weights, normed, rows: span, to: logits)
        Kernels.logSumExpUpdate(
          logits, stride: range.count, rows: span.count, columns: range.count, softcap: 0,
          runningMax: maxima.pointer + span.lowerBound, runningSum: sums.pointer + span.lowerBound)
        tops?.take(logits, rows: span, columns: range)
        for row in span where range.contains(Int(targets[row])) {
          chosen.pointer[row] =
            logits[
              (row - span.lowerBound) * range.count
                + Int(targets[row]) - range.lowerBound]
        }
      }
    }
    return (0..<count).map { row in
      Score(
        negativeLogLikelihood: Double(maxima.pointer[row]) + log(sums.pointer[row])
          - Double(chosen.pointer[row]),
        isTop: tops?.place(row) == targets[row])
    }
  }
}
