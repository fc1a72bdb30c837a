import Foundation
import Models
import Tensors

extension Layer {
  /// Blocked attention of the unit's rows to the shared vectors of their window and to the entries of
  /// the windows that are closed, with the outputs turned back where the variant says so.
  ///
  /// As with keys of their own (`attend`), memory does not grow with length; the rows of a tile are
  /// those of all heads of a query, one query after another.
  func attend(
    _ sizes: AttentionRecipe.SharedVector, _ unit: SequenceBatch.Unit,
    to attended: UnsafeMutablePointer<Float>, _ memory: SharedVectorMemory, _ scratch: LayerScratch,
    shares: UnsafeMutablePointer<Float>?
  ) {
    let began = times.now
    let step = AttentionTile.queries(
      groupSize: attention.heads, position: unit.rows.lowerBound)
    for first in stride(from: unit.rows.lowerBound, to: unit.rows.upperBound, by: step) {
      let queries = first..<min(first + step, unit.rows.upperBound)
      let tile = SharedVectorTile(
        attention: attention, queries: queries,
        source: activations.queries.pointer
          + (unit.sequenceStart + first) * attention.queryRows,
        scratch: scratch.attention)
      tile.attendWindow(memory, sequence: unit.sequenceStart)
      if let compression = sizes.compression {
        attendEntries(compression, tile, unit, memory, scratch)
      }
      let row = first - unit.rows.lowerBound
      let sum = shares.map { $0 + row * attention.heads }
      if let sinks = weights.vector(.attentionSinks) { tile.addSinks(sinks, shares: sum) }
      let output = attended + row * attention.outputColumns
      tile.finish(to: output)
      if rotation.sites.contains(.output), let tables = rotation.value {
        LayerRotation.rotate(
          output + rotation.valueOffset, stride: attention.outputColumns, rows: queries.count,
          heads: attention.heads, headWidth: attention.valueWidth, tables: tables,
          positions: unit.positions.dropping(row), layout: rotation.valueLayout, inverse: true)
      }
    }
    times.add(.attention, since: began)
  }

  private func attendEntries(
    _ compression: AttentionRecipe.Compression, _ tile: SharedVectorTile,
    _ unit: SequenceBatch.Unit, _ memory: SharedVectorMemory, _ scratch: LayerScratch
  ) {
    let first = firstEntry(of: unit, compression) * attention.keyWidth
    let (keys, values) = (memory.entryKeys.pointer + first, memory.entryValues.pointer + first)
    let visible = compression.visible(at: tile.queries.upperBound - 1)
    guard let index = compression.index, visible > index.kept else {
      tile.attend(to: visible, keys, values, by: compression)
      return
    }
    let size = SharedVectorScratch.indexedQueries
    for first in stride(from: tile.queries.lowerBound, to: tile.queries.upperBound, by: size) {
      let queries = first..<min(first + size, tile.queries.upperBound)
      let chosen = choose(index, compression, queries, unit, memory, scratch)
      for (query, entries) in zip(queries, chosen) {
        tile.attend(query, to: entries, keys, values, scratch)
      }
    }
  }
}

/// Some queries of all heads on their way through blocked attention to shared vectors.
struct SharedVectorTile {
  let attention: AttentionRecipe
  /// Their places in the sequence.
  let queries: Range<Int>
  /// The queries of all heads, [queries, heads, keyWidth].
  let source: UnsafePointer<Float>
  let scratch: AttentionTile

  private var width: Int { attention.keyWidth }
  private var heads: Int { attention.heads }
  private var rows: Int { queries.count * heads }

  /// Attends to the vectors of the tokens in each query's window; this comes first.
  func attendWindow(_ memory: SharedVectorMemory, sequence: Int) {
    scratch.runningMax.pointer.update(repeating: -.infinity, count: rows)
    scratch.runningSum.pointer.update(repeating: 0, count: rows)
    let window = attention.window
    let firstKey = window > 0 ? max(0, queries.lowerBound - window + 1) : 0
    for start in stride(from: firstKey, to: queries.upperBound, by: AttentionTile.keys) {
      let count = min(AttentionTile.keys, queries.upperBound - start)
      let offset = (sequence + start) * width
      add(
        0..<rows, memory.keys.pointer + offset, memory.values.pointer + offset, count: count,
        isFirst: start == firstKey
      ) { row in
        let query = queries.lowerBound + row / heads
        let low = window > 0 ? max(0, query - window + 1 - start) : 0
        return min(low, count)..<max(min(low, count), min(count, query + 1 - start))
      }
    }
  }

  /// Attends to all entries that each query sees, `visible` of them at most.
  func attend(
    to visible: Int, _ keys: UnsafePointer<Float>, _ values: UnsafePointer<Float>,
    by compression: AttentionRecipe.Compression
  ) {
    for start in stride(from: 0, to: visible, by: AttentionTile.keys) {
      let count = min(AttentionTile.keys, visible - start)
      add(0..<rows, keys + start * width, values + start * width, count: count) { row in
        let seen = compression.visible(at: queries.lowerBound + row / heads)
        return 0..<min(max(seen - start, 0), count)
      }
    }
  }

  /// Attends to those entries that were chosen for one query.
  func attend(
    _ query: Int, to entries: [Int], _ keys: UnsafePointer<Float>, _ values: UnsafePointer<Float>,
    _ scratch: LayerScratch
  ) {
    guard let memory = scratch.shared else { return }
    let first = (query - queries.lowerBound) * heads
    for start in stride(from: 0, to: entries.count, by: AttentionTile.keys) {
      let part = entries[start..<min(start + AttentionTile.keys, entries.count)]
      for (place, entry) in part.enumerated() {
        (memory.keys.pointer + place * width).update(from: keys + entry * width, count: width)
        (memory.values.pointer + place * width).update(from: values + entry * width, count: width)
      }
      add(
        first..<(first + heads), memory.keys.pointer, memory.values.pointer, count: part.count
      ) { _ in 0..<part.count }
    }
  }

  /// Adds keys and values, [count, keyWidth], to the running sums of some rows; of the keys, each row
  /// sees those in the range that `visible` gives for it.
  private func add(
    _ rows: Range<Int>, _ keys: UnsafePointer<Float>, _ values: UnsafePointer<Float>, count: Int,
    isFirst: Bool = false, visible: (Int) -> Range<Int>
  ) {
    let scores = scratch.scores.pointer
    let outputs = scratch.outputs.pointer + rows.lowerBound * width
    MatrixProduct.multiply(
      m: rows.count, n: count, k: width, alpha: Float(attention.scale),
      a: source + rows.lowerBound * width, lda: width, b: keys, ldb: width, transposeB: true,
      beta: 0, c: scores, ldc: count)
    if attention.softcap > 0 {
      Kernels.softcap(scores, cap: Float(attention.softcap), count: rows.count * count)
    }
    for row in rows {
      let (range, line) = (visible(row), scores + (row - rows.lowerBound) * count)
      line.update(repeating: -.infinity, count: range.lowerBound)
      (line + range.upperBound).update(repeating: -.infinity, count: count - range.upperBound)
    }
    // What is not visible has no score: to the kernel all keys stand before all queries.
    Kernels.softmaxTile(
      scores, stride: count, rows: rows.count, keys: count, firstQuery: count, firstKey: 0,
      window: 0, softcap: 0, runningMax: scratch.runningMax.pointer + rows.lowerBound,
      runningSum: scratch.runningSum.pointer + rows.lowerBound,
      correction: scratch.correction.pointer + rows.lowerBound)
    if !isFirst {
      Kernels.rescaleRows(
        outputs, rows: rows.count, width: width, stride: width,
        by: scratch.correction.pointer + rows.lowerBound)
    }
    MatrixProduct.multiply(
      m: rows.count, n: width, k: count, alpha: 1, a: scores, lda: count, b: values, ldb: width,
      transposeB: false, beta: isFirst ? 0 : 1, c: outputs, ldc: width)
  }

  /// Takes the heads' sinks into the sums of weights; `shares` receives what tokens and entries have of
  /// them, [queries, heads].
  func addSinks(_ sinks: UnsafePointer<Float>, shares: UnsafeMutablePointer<Float>?) {
    for row in 0..<rows {
      let seen = scratch.runningSum.pointer[row]
      let sum =
        seen + exp(Double(sinks[row % heads]) - Double(scratch.runningMax.pointer[row]))
      scratch.runningSum.pointer[row] = sum
      shares?[row] = Float(seen / sum)
    }
  }

  /// Divides the sums of vectors by those of weights, [queries, heads * keyWidth].
  func finish(to output: UnsafeMutablePointer<Float>) {
    Kernels.divideRows(
      scratch.outputs.pointer, xStride: width, rows: rows, width: width,
      by: scratch.runningSum.pointer, to: output, yStride: width)
  }
}
