import Foundation
import Tensors
import Testing

@Suite struct SoftmaxTests {
  struct Shape: Sendable {
    var firstQuery = 0
    var rows = 0
    var keys = 0
    var tile = 1
    var window = 0
    var softcap: Float = 0
  }

  @Test(arguments: [
    Shape(firstQuery: 0, rows: 40, keys: 40, tile: 16),
    Shape(firstQuery: 50, rows: 10, keys: 60, tile: 23),
    Shape(firstQuery: 30, rows: 33, keys: 63, tile: 17, window: 9),
    Shape(firstQuery: 0, rows: 21, keys: 40, tile: 7, window: 3, softcap: 5),
    Shape(firstQuery: 100, rows: 2, keys: 102, tile: 102, window: 1),
  ])
  func tilesGiveTheWholeSoftmax(_ shape: Shape) {
    var noise = Noise(UInt64(shape.rows))
    let width = 5
    let scores = noise.floats(shape.rows * shape.keys, in: -20...20)
    let values = noise.floats(shape.keys * width)
    for variant in Variants.available {
      let found = Variants.with(variant) { attention(shape, scores, values, width) }
      for row in 0..<shape.rows {
        let query = shape.firstQuery + row
        let visible = (0..<shape.keys).filter {
          $0 <= query && (shape.window == 0 || query - $0 < shape.window)
        }
        let exponentials = visible.map { key -> Double in
          let score = Double(scores[row * shape.keys + key])
          let cap = Double(shape.softcap)
          return exp(cap > 0 ? cap * tanh(score / cap) : score)
        }
        let sum = exponentials.reduce(0, +)
        for column in 0..<width {
          let expected = zip(visible, exponentials).reduce(0) {
            $0 + $1.1 * Double(values[$1.0 * width + column]) / sum
          }
          #expect(close(found[row * width + column], expected, relative: 2e-6, absolute: 2e-6))
        }
      }
    }
  }

  @Test(arguments: [(3, 1), (70, 32), (129, 40)])
  func expectedDifferenceOfTwoRowsOfLogits(_ columns: Int, _ tile: Int) {
    var noise = Noise(UInt64(columns))
    let rows = 3
    let ours = noise.floats(rows * columns, in: -12...12)
    let theirs = noise.floats(rows * columns, in: -12...12)
    for variant in Variants.available {
      var maxima = [Float](repeating: -.infinity, count: rows)
      var sums = [Double](repeating: 0, count: rows)
      var weighted = sums
      Variants.with(variant) {
        for first in stride(from: 0, to: columns, by: tile) {
          ours.withUnsafeBufferPointer { ours in
            theirs.withUnsafeBufferPointer { theirs in
              Kernels.expectedDifferenceUpdate(
                ours.baseAddress! + first, others: theirs.baseAddress! + first, stride: columns,
                rows: rows, columns: min(tile, columns - first), runningMax: &maxima,
                runningSum: &sums, weighted: &weighted)
            }
          }
        }
      }
      for row in 0..<rows {
        let weights = (0..<columns).map { exp(Double(ours[row * columns + $0])) }
        let expected = (0..<columns).reduce(0) { sum, column in
          let place = row * columns + column
          return sum + weights[column] * (Double(ours[place]) - Double(theirs[place]))
        }
        let found = weighted[row] / sums[row]
        #expect(abs(found - expected / weights.reduce(0, +)) < 2e-5, "\(variant)")
      }
    }
  }

  @Test func aRowThatSeesNothingStaysZero() {
    for variant in Variants.available {
      var scores: [Float] = [1, 2, 3, 4, 5, 6]
      var maxima: [Float] = [-.infinity, -.infinity]
      var sums: [Double] = [0, 0]
      var factors: [Float] = [7, 7]
      Variants.with(variant) {
        // Keys 2, 3, 4 for queries 1 and 2.
        Kernels.softmaxTile(
          &scores, stride: 3, rows: 2, keys: 3, firstQuery: 1, firstKey: 2, window: 0, softcap: 0,
          runningMax: &maxima, runningSum: &sums, correction: &factors)
      }
      #expect(scores == [0, 0, 0, 1, 0, 0])
      #expect(maxima == [-.infinity, 4])
      #expect(sums == [0, 1])
      var output: [Float] = [0, 0, .nan, 2]
      Kernels.rescaleRows(&output, rows: 2, width: 2, stride: 2, by: factors)
      #expect(output == [0, 0, 0, 0])
      Kernels.divideRows(
        [0, 0, 0, 0], xStride: 2, rows: 2, width: 2, by: sums, to: &output, yStride: 2)
      #expect(output == [0, 0, 0, 0])
    }
  }

  @Test func notANumberIsNotHidden() {
    for variant in Variants.available {
      var scores: [Float] = [.nan, .nan]
      var maxima: [Float] = [-.infinity]
      var sums: [Double] = [0]
      var factors: [Float] = [0]
      Variants.with(variant) {
        Kernels.softmaxTile(
          &scores, stride: 2, rows: 1, keys: 2, firstQuery: 5, firstKey: 0, window: 0, softcap: 0,
          runningMax: &maxima, runningSum: &sums, correction: &factors)
      }
      #expect(sums[0].isNaN)
    }
  }

  @Test(arguments: [Float(0), 8]) func logSumExpInBlocks(softcap: Float) {
    var noise = Noise(4)
    let rows = 3
    let columns = 1003
    let logits = noise.floats(rows * columns, in: -30...30)
    for variant in Variants.available {
      for block in [1003, 64, 100] {
        var maxima = [Float](repeating: -.infinity, count: rows)
        var sums = [Double](repeating: 0, count: rows)
        Variants.with(variant) {
          logits.withUnsafeBufferPointer { logits in
            for start in stride(from: 0, to: columns, by: block) {
              Kernels.logSumExpUpdate(
                logits.baseAddress! + start, stride: columns, rows: rows,
                columns: min(block, columns - start), softcap: softcap, runningMax: &maxima,
                runningSum: &sums)
            }
          }
        }
        for row in 0..<rows {
          let exact = (0..<columns).reduce(0) {
            let logit = Double(logits[row * columns + $1])
            let cap = Double(softcap)
            return $0 + exp(cap > 0 ? cap * tanh(logit / cap) : logit)
          }
          #expect(abs(Double(maxima[row]) + log(sums[row]) - log(exact)) < 2e-6)
        }
      }
    }
  }

  /// Blocked attention by the kernels: softmax(scores) * values, tile after tile.
  private func attention(
    _ shape: Shape, _ scores: [Float], _ values: [Float], _ width: Int
  ) -> [Float] {
    let rows = shape.rows
    var output = [Float](repeating: 0, count: rows * width)
    var maxima = [Float](repeating: -.infinity, count: rows)
    var sums = [Double](repeating: 0, count: rows)
    var factors = [Float](repeating: 0, count: rows)
    for start in stride(from: 0, to: shape.keys, by: shape.tile) {
      let keys = min(shape.tile, shape.keys - start)
      var tile: [Float] = []
      for row in 0..<rows {
        tile += scores[(row * shape.keys + start)..<(row * shape.keys + start + keys)]
      }
      Kernels.softmaxTile(
        &tile, stride: keys, rows: rows, keys: keys, firstQuery: shape.firstQuery,
        firstKey: start, window: shape.window, softcap: shape.softcap, runningMax: &maxima,
        runningSum: &sums, correction: &factors)
      Kernels.rescaleRows(&output, rows: rows, width: width, stride: width, by: factors)
      for row in 0..<rows {
        for key in 0..<keys {
          for column in 0..<width {
            output[row * width + column] +=
              tile[row * keys + key] * values[(start + key) * width + column]
          }
        }
      }
    }
    var divided = output
    Kernels.divideRows(
      output, xStride: width, rows: rows, width: width, by: sums, to: &divided, yStride: width)
    return divided
  }
}
