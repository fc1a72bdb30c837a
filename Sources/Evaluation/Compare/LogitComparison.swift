import Base
import Foundation
import Inference
import Models
import Rotary
import Tensors

/// Whether two models give the same logits on a text.
package struct LogitComparison {
  package var windows: WindowPlan
  package var rotary: (RotaryRequest, RotaryRequest)
  package var start: Int
  package var options: RunOptions

  package init(
    windows: WindowPlan = WindowPlan(scored: .all), start: Int = 0,
    options: RunOptions = RunOptions()
  ) {
    self.windows = windows
    rotary = (.asStored, .asStored)
    self.start = start
    self.options = options
  }

  /// Differences over all compared logits.
  package struct Result: Sendable, Equatable {
    package var positions = 0
    package var logits = 0
    package var maximum = 0.0
    var squares = 0.0
    var sum = 0.0
    var sumOfSquares = 0.0
    /// Of the other model's logits: not finite where one of them is not.
    var otherSumOfSquares = 0.0
    package var agreeing = 0

    /// Standard deviation of the first model's logits.
    package var deviation: Double {
      let mean = sum / Double(logits)
      let variance = sumOfSquares / Double(logits) - mean * mean
      // `max` with a NaN may be either of the two.
      return variance < 0 ? 0 : variance.squareRoot()
    }
    /// The largest absolute difference in standard deviations of the logits; NaN where a logit is.
    package var relativeMaximum: Double { maximum / deviation }
    /// The root mean square of the differences in standard deviations of the logits.
    package var relativeRMS: Double { (squares / Double(logits)).squareRoot() / deviation }
    /// The share of positions whose most likely token is the same.
    package var topAgreement: Double { Double(agreeing) / Double(positions) }
  }

  /// Compares logits at every position of every window but the last.
  package func run(
    _ one: Model, _ other: Model, on text: TokenizedText, progress: (Double) -> Void = { _ in }
  ) throws -> Result {
    guard one.plan.shape.vocabulary == other.plan.shape.vocabulary else {
      throw EvaluationError.vocabulariesDiffer(
        one: one.plan.shape.vocabulary, other: other.plan.shape.vocabulary)
    }
    let windows = try self.windows.windows(of: text)
    let batchSize = try options.batch(
      for: [one.plan, other.plan], context: self.windows.context, tokens: 8_192)
    _ = try self.windows.length(from: start)
    let passes = [(one, rotary.0), (other, rotary.1)].map { model, request in
      ForwardPass(
        plan: model.plan, as: request, arithmetic: options.arithmetic, threads: options.threads)
    }
    let blocks = passes.map { LogitBlocks(of: $0) }
    var result = Result()
    for first in stride(from: 0, to: windows.count, by: batchSize) {
      let group = windows[first..<min(first + batchSize, windows.count)]
      let sequences = text.sequences(Array(group))
      var normed: [LogitBlocks.NormedRows] = []
      var scored = ScoredPlaces()
      for (pass, blocks) in zip(passes, blocks) {
        let hidden = try pass.run(
          sequences, start: start,
          wanted: ForwardPass.Wanted(ScoredPlaces.predicting(group.map(\.targets))))
        scored = ScoredPlaces(sequences, group.map(\.targets), in: hidden)
        normed.append(try blocks.normed(hidden, rows: scored.rows))
      }
      try compare(
        blocks, normed, units: blocks[0].units(scored.counts), rows: scored.rows.count,
        into: &result)
      progress(Double(first + group.count) / Double(windows.count))
    }
    for (model, squares) in [(one, result.sumOfSquares), (other, result.otherSumOfSquares)]
    where !squares.isFinite {
      throw ModelError.notFinite(file: model.checkpoint.path, what: "a logit")
    }
    guard result.deviation > 0 else {
      throw ModelError.notFinite(
        file: one.checkpoint.path, what: "the difference relative to logits that do not vary")
    }
    return result
  }

  private func compare(
    _ blocks: [LogitBlocks], _ normed: [LogitBlocks.NormedRows], units: [Range<Int>], rows: Int,
    into result: inout Result
  ) throws {
    let scratch = (0..<(2 * options.threads)).map { _ in
      FloatBuffer(count: LogitBlocks.unitRows * LogitBlocks.columns)
    }
    // Per unit and block, so that sums are taken in one order whatever the threads.
    let columnsOfSums = 5
    let sums = DoubleBuffer(count: max(units.count * columnsOfSums, 1))
    let (ourTops, theirTops) = (RowMaxima(rows: rows), RowMaxima(rows: rows))
    var previous: [LogitBlocks.Weights?] = [nil, nil]
    for block in 0..<blocks[0].count {
      let weights = [
        try blocks[0].weights(block, recycling: previous[0]),
        try blocks[1].weights(block, recycling: previous[1]),
      ]
      previous = weights
      let range = blocks[0].range(block)
      Parallel.forEach(count: units.count, threads: options.threads) { unit, worker in
        let span = units[unit]
        let ours = scratch[2 * worker].pointer
        let theirs = scratch[2 * worker + 1].pointer
        blocks[0].multiply(weights[0], normed[0], rows: span, to: ours)
        blocks[1].multiply(weights[1], normed[1], rows: span, to: theirs)
        let target = sums.pointer + unit * columnsOfSums
        for row in span {
          let base = (row - span.lowerBound) * range.count
          for column in 0..<range.count {
            let a = ours[base + column]
            let b = theirs[base + column]
            let difference = abs(Double(a) - Double(b))
            // A NaN stays, whatever follows it.
            if difference > target[0] || difference.isNaN { target[0] = difference }
            target[1] += difference * difference
            target[2] += Double(a)
            target[3] += Double(a) * Double(a)
            target[4] += Double(b) * Double(b)
          }
        }
        ourTops.take(ours, rows: span, columns: range)
        theirTops.take(theirs, rows: span, columns: range)
      }
    }
    for unit in units.indices {
      let source = sums.pointer + unit * columnsOfSums
      if source[0] > result.maximum || source[0].isNaN { result.maximum = source[0] }
      result.squares += source[1]
      result.sum += source[2]
      result.sumOfSquares += source[3]
      result.otherSumOfSquares += source[4]
    }
    for row in 0..<rows where ourTops.place(row) == theirTops.place(row) {
      result.agreeing += 1
    }
    result.positions += rows
    result.logits += rows * blocks[0].vocabulary
  }
}
