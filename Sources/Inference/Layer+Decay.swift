import Base
import Foundation
import Models
import Tensors

/// Attention by decay, in both of its forms. Products are float32 whatever others are.
extension Layer {
  // MARK: - As attention

  /// Weighted sums of the values before each of the unit's rows, turned back where the variant says so.
  func attend(
    _ decay: DecayRecipe, _ unit: SequenceBatch.Unit, to attended: UnsafeMutablePointer<Float>,
    _ tile: DecayTile
  ) {
    for stretch in unit.stretches {
      let output = attended + (stretch.firstRow - unit.firstRow) * attention.outputColumns
      for head in 0..<attention.heads {
        for first in stride(
          from: stretch.places.lowerBound, to: stretch.places.upperBound, by: DecayTile.rows)
        {
          let queries = first..<min(first + DecayTile.rows, stretch.places.upperBound)
          attend(decay, head: head, queries, stretch, tile)
          let place = queries.lowerBound - stretch.places.lowerBound
          finish(
            decay, head: head, tile, columns: attention.valueWidth, places: queries,
            to: output + place * attention.outputColumns + head * attention.valueWidth)
        }
      }
      turnBack(
        output, rows: stretch.places.count,
        positions: .from(stretch.places.lowerBound, lengthClass: stretch.lengthClass))
    }
  }

  /// One head's queries over all keys before them; those that have faded to nothing are passed over.
  private func attend(
    _ decay: DecayRecipe, head: Int, _ queries: Range<Int>, _ stretch: SequenceBatch.Stretch,
    _ tile: DecayTile
  ) {
    guard let (keys, values) = activations.plain else { return }
    let (width, rows) = (attention.valueWidth, queries.count)
    let row = stretch.firstRow + queries.lowerBound - stretch.places.lowerBound
    let query = activations.queries.pointer + row * attention.queryRows + head * attention.keyWidth
    let (scores, outputs) = (tile.scores.pointer, tile.outputs.pointer)
    outputs.update(repeating: 0, count: rows * width)
    for row in 0..<rows { tile.sums.pointer[row] = 0 }
    for start in stride(from: 0, to: queries.upperBound, by: DecayTile.keys) {
      let count = min(DecayTile.keys, queries.upperBound - start)
      let nearest = max(queries.lowerBound - (start + count - 1), 0)
      guard Float(pow(decay.factors[head], Double(nearest))) != 0 else { continue }
      let first = stretch.keyStart + start
      MatrixProduct.multiply(
        m: rows, n: count, k: attention.keyWidth, alpha: Float(attention.scale), a: query,
        lda: attention.queryRows, b: keys + first * attention.keyRows + head * attention.keyWidth,
        ldb: attention.keyRows, transposeB: true, beta: 0, c: scores, ldc: count)
      fade(
        scores, by: decay.factors[head], queries: queries, keys: start..<(start + count), tile)
      if decay.normalizes {
        for row in 0..<rows {
          for key in 0..<count { tile.sums.pointer[row] += Double(scores[row * count + key]) }
        }
      }
      MatrixProduct.multiply(
        m: rows, n: width, k: count, alpha: 1, a: scores, lda: count,
        b: values + first * attention.valueRows + head * width, ldb: attention.valueRows,
        transposeB: false, beta: 1, c: outputs, ldc: width)
    }
  }

  /// Scores times what is left of them at their distance; 0 for keys after their query.
  private func fade(
    _ scores: UnsafeMutablePointer<Float>, by factor: Double, queries: Range<Int>,
    keys: Range<Int>, _ tile: DecayTile
  ) {
    let powers = tile.powers.pointer
    guard keys.upperBound > queries.lowerBound else {
      // All keys are before all queries: from a key to the last of them, and from there on.
      for key in keys {
        powers[key - keys.lowerBound] = Float(pow(factor, Double(keys.upperBound - 1 - key)))
      }
      for row in 0..<queries.count {
        let rest = Float(pow(factor, Double(queries.lowerBound + row - keys.upperBound + 1)))
        let line = scores + row * keys.count
        for key in 0..<keys.count { line[key] *= powers[key] * rest }
      }
      return
    }
    for distance in 0..<(keys.count + queries.count) {
      powers[distance] = Float(pow(factor, Double(distance)))
    }
    for row in 0..<queries.count {
      let place = queries.lowerBound + row
      let line = scores + row * keys.count
      for key in keys {
        line[key - keys.lowerBound] *= key > place ? 0 : powers[place - key]
      }
    }
  }

  /// What a block's queries have found of one head, divided and put in its place; `output` is that of
  /// the first row, whose rows are the layer's outputs.
  private func finish(
    _ decay: DecayRecipe, head: Int, _ tile: DecayTile, columns: Int, places: Range<Int>,
    to output: UnsafeMutablePointer<Float>
  ) {
    let width = attention.valueWidth
    for row in 0..<places.count {
      let found = tile.outputs.pointer + row * columns
      let target = output + row * attention.outputColumns
      let divisor = decay.divisor(
        sum: tile.sums.pointer[row], head: head, place: places.lowerBound + row)
      for dim in 0..<width {
        target[dim] = divisor == 1 ? found[dim] : Float(Double(found[dim]) / divisor)
      }
    }
  }

  private func turnBack(
    _ output: UnsafeMutablePointer<Float>, rows: Int, positions: SequenceBatch.RowPositions
  ) {
    guard rotation.sites.contains(.output), let tables = rotation.value else { return }
    LayerRotation.rotate(
      output, stride: attention.outputColumns, rows: rows, heads: attention.heads,
      headWidth: attention.valueWidth, tables: tables, positions: positions,
      layout: rotation.valueLayout, inverse: true)
  }

  // MARK: - As a recurrence

  /// Takes sequences through the recurrence, once the rows of all are projected: what the heads give
  /// takes the place of the values. Digits depend on a sequence and where it was cut alone.
  func mix(
    _ decay: DecayRecipe, _ spans: [SequenceSpan], from place: Int, _ states: DecayStates,
    _ scratch: [LayerScratch], threads: Int
  ) {
    let began = times.now
    for span in spans where span.isWhole { states.begin(span.sequence, attention) }
    Parallel.forEach(count: spans.count * attention.heads, threads: threads) { work, worker in
      mix(
        decay, head: work % attention.heads, spans[work / attention.heads], from: place, states,
        scratch[worker].decay)
    }
    times.add(.attention, since: began, threads: threads)
  }

  /// One head of one sequence, block after block; its first row stands at `place`.
  private func mix(
    _ decay: DecayRecipe, head: Int, _ span: SequenceSpan, from place: Int, _ states: DecayStates,
    _ tile: DecayTile
  ) {
    guard let (keys, values) = activations.plain else { return }
    let (keyWidth, width) = (attention.keyWidth, attention.valueWidth)
    let columns = decay.stateColumns(valueWidth: width)
    let matrix = states.matrix(span.sequence, head: head, attention)
    let (scores, outputs, powers) = (
      tile.scores.pointer, tile.outputs.pointer, tile.powers.pointer
    )
    for distance in 0...DecayTile.rows {
      powers[distance] = Float(pow(decay.factors[head], Double(distance)))
    }
    for start in stride(from: 0, to: span.rows, by: DecayTile.rows) {
      let (first, rows) = (span.firstRow + start, min(DecayTile.rows, span.rows - start))
      let query =
        activations.queries.pointer + first * attention.queryRows + head * keyWidth
      let key = keys + first * attention.keyRows + head * keyWidth
      let value = values + first * attention.valueRows + head * width
      for row in 0..<rows {
        let target = tile.values.pointer + row * columns
        target.update(from: value + row * attention.valueRows, count: width)
        if decay.normalizes { target[width] = 1 }
      }
      // What is left of all tokens before the block, and those of the block.
      MatrixProduct.multiply(
        m: rows, n: columns, k: keyWidth, alpha: Float(attention.scale), a: query,
        lda: attention.queryRows, b: matrix, ldb: columns, transposeB: false, beta: 0, c: outputs,
        ldc: columns)
      for row in 0..<rows {
        Kernels.scale(outputs + row * columns, by: powers[row + 1], count: columns)
      }
      MatrixProduct.multiply(
        m: rows, n: rows, k: keyWidth, alpha: Float(attention.scale), a: query,
        lda: attention.queryRows, b: key, ldb: attention.keyRows, transposeB: true, beta: 0,
        c: scores, ldc: rows)
      for row in 0..<rows {
        for other in 0..<rows {
          scores[row * rows + other] *= other > row ? 0 : powers[row - other]
        }
      }
      MatrixProduct.multiply(
        m: rows, n: columns, k: rows, alpha: 1, a: scores, lda: rows, b: tile.values.pointer,
        ldb: columns, transposeB: false, beta: 1, c: outputs, ldc: columns)
      for row in 0..<rows {
        tile.sums.pointer[row] =
          decay.normalizes ? Double(outputs[row * columns + width]) : 0
        let faded = tile.faded.pointer + row * keyWidth
        faded.update(from: key + row * attention.keyRows, count: keyWidth)
        Kernels.scale(faded, by: powers[rows - 1 - row], count: keyWidth)
      }
      Kernels.scale(matrix, by: powers[rows], count: keyWidth * columns)
      MatrixProduct.multiply(
        m: keyWidth, n: columns, k: rows, alpha: 1, a: tile.faded.pointer, lda: keyWidth,
        transposeA: true, b: tile.values.pointer, ldb: columns, transposeB: false, beta: 1,
        c: matrix, ldc: columns)
      let places = (place + start)..<(place + start + rows)
      finish(decay, head: head, tile, columns: columns, places: places, to: value)
    }
  }

  /// What the recurrence gave the unit's rows, turned back where the variant says so.
  func gatherDecayed(
    _ unit: SequenceBatch.Unit, to attended: UnsafeMutablePointer<Float>
  ) {
    guard let (_, values) = activations.plain else { return }
    let width = attention.outputColumns
    attended.update(from: values + unit.firstRow * width, count: unit.rows.count * width)
    turnBack(attended, rows: unit.rows.count, positions: unit.positions)
  }
}
