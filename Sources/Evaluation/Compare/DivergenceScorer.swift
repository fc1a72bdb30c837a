import Base
import Foundation
import Inference
import Tensors

/// What two models give one target.
struct TargetDivergence: Sendable, Equatable {
  /// Negative log-likelihoods of the target, in nats.
  let base: Double
  let other: Double
  /// KL divergence of the other model's distribution from the base's, in nats; rounding can leave
  /// one of nothing a little above or below zero.
  let divergence: Double
  /// Whether the most likely token is the same.
  let agrees: Bool
}

/// Compares two models' distributions in one pass over the vocabulary blocks of both.
struct DivergenceScorer {
  let base: LogitBlocks
  let other: LogitBlocks
  private var threads: Int { base.threads }

  init(_ base: LogitBlocks, _ other: LogitBlocks) {
    self.base = base
    self.other = other
  }

  /// Per row: running maxima, sums and so on of both models.
  private final class Sums: Sendable {
    let maxima: [FloatBuffer]
    let sums: [DoubleBuffer]
    let weighted: DoubleBuffer
    let chosen: [FloatBuffer]
    let tops: [RowMaxima]

    init(rows: Int) {
      func floats() -> [FloatBuffer] { (0..<2).map { _ in FloatBuffer(count: rows) } }
      func doubles() -> [DoubleBuffer] { (0..<2).map { _ in DoubleBuffer(count: max(rows, 1)) } }
      maxima = floats()
      chosen = floats()
      sums = doubles()
      tops = (0..<2).map { _ in RowMaxima(rows: rows) }
      weighted = DoubleBuffer(count: max(rows, 1))
      for row in 0..<rows {
        for side in 0..<2 { maxima[side].pointer[row] = -.infinity }
      }
    }
  }

  /// Compares the models at every target, from the hidden states of both for the same sequences.
  func compare(
    _ hidden: (ForwardPass.HiddenStates, ForwardPass.HiddenStates), at scored: ScoredPlaces
  ) throws -> [TargetDivergence] {
    let rows = scored.rows
    let normed = [
      try base.normed(hidden.0, rows: rows), try other.normed(hidden.1, rows: rows),
    ]
    let sums = Sums(rows: rows.count)
    let units = base.units(scored.counts)
    let scratch = (0..<(2 * threads)).map { _ in
      FloatBuffer(count: LogitBlocks.unitRows * LogitBlocks.columns)
    }
    var previous: [LogitBlocks.Weights?] = [nil, nil]
    for block in 0..<base.count {
      let weights = [
        try base.weights(block, recycling: previous[0]),
        try other.weights(block, recycling: previous[1]),
      ]
      previous = weights
      let range = base.range(block)
      Parallel.forEach(count: units.count, threads: threads) { unit, worker in
        let span = units[unit]
        let logits = [scratch[2 * worker].pointer, scratch[2 * worker + 1].pointer]
        base.multiply(weights[0], normed[0], rows: span, to: logits[0])
        other.multiply(weights[1], normed[1], rows: span, to: logits[1])
        let first = span.lowerBound
        Kernels.expectedDifferenceUpdate(
          logits[0], others: logits[1], stride: range.count, rows: span.count,
          columns: range.count, runningMax: sums.maxima[0].pointer + first,
          runningSum: sums.sums[0].pointer + first, weighted: sums.weighted.pointer + first)
        Kernels.logSumExpUpdate(
          logits[1], stride: range.count, rows: span.count, columns: range.count,
          runningMax: sums.maxima[1].pointer + first, runningSum: sums.sums[1].pointer + first)
        for side in 0..<2 {
          sums.tops[side].take(logits[side], rows: span, columns: range)
          for row in span where range.contains(Int(scored.targets[row])) {
            let target = Int(scored.targets[row]) - range.lowerBound
            sums.chosen[side].pointer[row] = logits[side][(row - first) * range.count + target]
          }
        }
      }
    }
    return rows.indices.map { row in
      let logSums = (0..<2).map {
        Double(sums.maxima[$0].pointer[row]) + log(sums.sums[$0].pointer[row])
      }
      let difference = sums.weighted.pointer[row] / sums.sums[0].pointer[row]
      return TargetDivergence(
        base: logSums[0] - Double(sums.chosen[0].pointer[row]),
        other: logSums[1] - Double(sums.chosen[1].pointer[row]),
        // Cut at zero, rounding would stay where it is above and go where it is below: the mean of
        // two equal models would be no longer nothing.
        divergence: difference + logSums[1] - logSums[0],
        agrees: sums.tops[0].place(row) == sums.tops[1].place(row))
    }
  }
}
