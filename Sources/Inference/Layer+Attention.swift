import Foundation
import Models
import Tensors

extension Layer {
  /// Blocked causal attention of the unit's rows over their sequence, all heads, with the outputs
  /// turned back where the variant says so.
  ///
  /// Tiles of queries run over tiles of keys with a running maximum and sum (arXiv:2112.05682), so
  /// memory does not grow with length; tiles above the diagonal or before the window are skipped.
  /// The heads of a KV group stand one below the other in a tile: their keys and values are read
  /// once (arXiv:2305.13245).
  /// - Parameters:
  ///   - unit: the rows to compute.
  ///   - attended: receives the heads' outputs, [rows, heads * valueWidth].
  ///   - scratch: working memory of the calling thread.
  ///   - shares: in a layer with sinks, receives the sum of each head's weights, [rows, heads].
  func attend(
    _ unit: SequenceBatch.Unit, to attended: UnsafeMutablePointer<Float>, _ scratch: LayerScratch,
    shares: UnsafeMutablePointer<Float>? = nil
  ) {
    let began = times.now
    switch mixer {
    case .sharedVector(let shared):
      // It adds its times by itself.
      guard let memory = activations.shared else { return }
      return attend(shared, unit, to: attended, memory, scratch, shares: shares)
    case .decay(let decay): attend(decay, unit, to: attended, scratch.decay)
    case .heads, .latent:
      for stretch in unit.stretches {
        let row = stretch.firstRow - unit.firstRow
        attend(
          stretch, to: attended + row * attention.outputColumns, scratch.attention,
          shares: shares.map { $0 + row * attention.heads })
      }
    // Its heads' outputs come of the recurrence.
    case .deltaRule: return
    }
    times.add(.attention, since: began)
  }

  /// The same for rows of one sequence.
  private func attend(
    _ stretch: SequenceBatch.Stretch, to attended: UnsafeMutablePointer<Float>,
    _ scratch: AttentionTile, shares: UnsafeMutablePointer<Float>?
  ) {
    let places = stretch.places
    let tile = AttentionTile.queries(
      groupSize: attention.groupSize, position: places.lowerBound)
    // A tile that begins with rows of another sequence is computed whole.
    let before = stretch.before.isEmpty ? 0 : places.lowerBound % tile
    for group in 0..<attention.keyValueHeads {
      for first in stride(from: places.lowerBound - before, to: places.upperBound, by: tile) {
        let queries = first..<min(first + tile, places.upperBound)
        attendTile(stretch, group: group, queries: queries, scratch)
        if let sinks = weights.vector(.attentionSinks) {
          addSinks(sinks, group: group, count: queries.count, scratch)
          if let shares, before == 0 {
            let first = (queries.lowerBound - places.lowerBound) * attention.heads
            copyShares(group: group, count: queries.count, to: shares + first, scratch)
          }
        }
        finishTile(stretch, group: group, queries: queries, to: attended, scratch)
      }
    }
  }

  /// Weighted sums of the values, not yet divided by the sums of the weights.
  private func attendTile(
    _ stretch: SequenceBatch.Stretch, group: Int, queries: Range<Int>, _ scratch: AttentionTile
  ) {
    let stride = attention.queryRows
    let (count, heads) = (queries.count, attention.groupSize)
    let rows = count * heads
    let parts = stretch.rows(of: queries)
    for head in 0..<heads {
      var place = head * count
      for part in parts {
        scratch.queries.put(
          activations.queries.pointer + part.lowerBound * stride
            + (group * heads + head) * attention.keyWidth,
          stride: stride, rows: part.count, width: attention.keyWidth,
          scale: Float(attention.scale), first: place * attention.keyWidth)
        place += part.count
      }
    }
    let factors = scratch.queries.rows(rows, width: attention.keyWidth)
    scratch.runningMax.pointer.update(repeating: -.infinity, count: rows)
    scratch.runningSum.pointer.update(repeating: 0, count: rows)
    let window = attention.window
    let firstKey = window > 0 ? max(0, queries.lowerBound - window + 1) : 0
    for start in Swift.stride(from: firstKey, to: queries.upperBound, by: AttentionTile.keys) {
      let keys = min(AttentionTile.keys, queries.upperBound - start)
      let row = stretch.keyStart + start
      MatrixProduct.multiply(
        factors, activations.keys(head: group, row: row, count: keys), transposed: true,
        to: scratch.scores.pointer)
      for head in 0..<heads {
        let offset = head * count
        Kernels.softmaxTile(
          scratch.scores.pointer + offset * keys, rows: count, keys: keys,
          firstQuery: queries.lowerBound, firstKey: start, window: window,
          softcap: Float(attention.softcap), runningMax: scratch.runningMax.pointer + offset,
          runningSum: scratch.runningSum.pointer + offset,
          correction: scratch.correction.pointer + offset, to: scratch.weights,
          first: offset * keys)
      }
      if start > firstKey {
        Kernels.rescaleRows(
          scratch.outputs.pointer, rows: rows, width: attention.valueWidth,
          stride: attention.valueWidth,
          by: scratch.correction.pointer)
      }
      MatrixProduct.multiply(
        scratch.weights.rows(rows, width: keys),
        activations.values(head: group, row: row, count: keys), transposed: false,
        to: scratch.outputs.pointer, accumulate: start > firstKey)
    }
  }

  /// Takes the heads' sinks into the sums of weights: a sink is a score without a value
  /// (arXiv:2309.17453, learned as in arXiv:2508.10925).
  private func addSinks(
    _ sinks: UnsafePointer<Float>, group: Int, count: Int, _ scratch: AttentionTile
  ) {
    for head in 0..<attention.groupSize {
      let sink = Double(sinks[group * attention.groupSize + head])
      for row in (head * count)..<((head + 1) * count) {
        let tokens = scratch.runningSum.pointer[row]
        let sum = tokens + exp(sink - Double(scratch.runningMax.pointer[row]))
        scratch.runningSum.pointer[row] = sum
        scratch.shares.pointer[row] = Float(tokens / sum)
      }
    }
  }

  private func copyShares(
    group: Int, count: Int, to shares: UnsafeMutablePointer<Float>, _ scratch: AttentionTile
  ) {
    for head in 0..<attention.groupSize {
      for row in 0..<count {
        shares[row * attention.heads + group * attention.groupSize + head] =
          scratch.shares.pointer[head * count + row]
      }
    }
  }

  /// Divides the sums, puts them in their heads' places and turns them back.
  private func finishTile(
    _ stretch: SequenceBatch.Stretch, group: Int, queries: Range<Int>,
    to attended: UnsafeMutablePointer<Float>, _ scratch: AttentionTile
  ) {
    let stride = attention.outputColumns
    let (whole, heads) = (queries.count, attention.groupSize)
    // Rows of another sequence have their outputs already.
    let skipped = max(stretch.places.lowerBound - queries.lowerBound, 0)
    let count = whole - skipped
    let first = queries.lowerBound + skipped - stretch.places.lowerBound
    let output = attended + first * stride + group * heads * attention.valueWidth
    for head in 0..<heads {
      Kernels.divideRows(
        scratch.outputs.pointer + (head * whole + skipped) * attention.valueWidth,
        xStride: attention.valueWidth, rows: count, width: attention.valueWidth,
        by: scratch.runningSum.pointer + head * whole + skipped,
        to: output + head * attention.valueWidth, yStride: stride)
    }
    if rotation.sites.contains(.output), let tables = rotation.value {
      LayerRotation.rotate(
        output, stride: stride, rows: count, heads: heads, headWidth: attention.valueWidth,
        tables: tables,
        positions: .from(queries.lowerBound + skipped, lengthClass: stretch.lengthClass),
        layout: rotation.valueLayout, inverse: true)
    }
    if rotation.addsBiasToAggregate, let bias = weights.vector(.valueBias) {
      addBias(
        bias + group * attention.valueWidth, to: output, stride: stride, count: count,
        shares: scratch.shares.pointer + skipped, sharesStride: whole)
    }
  }

  /// Adds the value bias of a group to its heads' outputs, times the sum of their weights.
  private func addBias(
    _ bias: UnsafePointer<Float>, to output: UnsafeMutablePointer<Float>, stride: Int, count: Int,
    shares: UnsafePointer<Float>, sharesStride: Int
  ) {
    let width = attention.valueWidth
    for head in 0..<attention.groupSize {
      let output = output + head * width
      if weights.vector(.attentionSinks) != nil {
        Kernels.addBias(
          bias, times: shares + head * sharesStride, to: output, rows: count,
          width: width, stride: stride)
      } else {
        Kernels.addBias(bias, to: output, rows: count, width: width, stride: stride)
      }
    }
  }
}
