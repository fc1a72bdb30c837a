import Base
import Tensors
import Testing

@Suite struct ProductTests {
  @Test(arguments: [(1, 1, 1), (3, 5, 7), (64, 33, 129), (17, 96, 64)])
  func agreesWithDoublePrecision(_ m: Int, _ n: Int, _ k: Int) {
    var noise = Noise(UInt64(m))
    for transposed in [false, true] {
      let a = noise.floats(m * (k + 2))
      let b = noise.floats(transposed ? n * (k + 1) : k * (n + 1))
      let ldb = transposed ? k + 1 : n + 1
      let start = noise.floats(m * (n + 3))
      var c = start
      MatrixProduct.multiply(
        m: m, n: n, k: k, alpha: 0.5, a: a, lda: k + 2, b: b, ldb: ldb, transposeB: transposed,
        beta: 2, c: &c, ldc: n + 3)
      for i in 0..<m {
        for j in 0..<(n + 3) {
          let before = Double(start[i * (n + 3) + j])
          guard j < n else {
            #expect(Double(c[i * (n + 3) + j]) == before)
            continue
          }
          let product = (0..<k).reduce(0) {
            $0 + Double(a[i * (k + 2) + $1]) * Double(b[transposed ? j * ldb + $1 : $1 * ldb + j])
          }
          #expect(
            close(c[i * (n + 3) + j], 0.5 * product + 2 * before, relative: 0, absolute: 1e-5))
        }
      }
    }
  }

  @Test(arguments: [4, 8, 9])
  func preparedMatrix(rows: Int) {
    var noise = Noise(9)
    let weights = FloatBuffer(count: 10 + 6 * 20)
    for i in 0..<weights.count { weights.pointer[i] = Float.random(in: -1...1, using: &noise) }
    let matrix = PreparedMatrix(weights, offset: 10, outputs: 6, inputs: 20)
    let x = noise.floats(rows * 21)
    var y = [Float](repeating: 3, count: rows * 7)
    for accumulate in [false, true] {
      x.withUnsafeBufferPointer {
        guard let x = $0.baseAddress else { return }
        matrix.multiply(
          Factors(x, stride: 21, rows: rows, width: 20), to: &y, yStride: 7,
          accumulate: accumulate)
      }
    }
    for row in 0..<rows {
      for output in 0..<6 {
        let expected = (0..<20).reduce(0) {
          $0 + Double(x[row * 21 + $1]) * Double(weights.pointer[10 + output * 20 + $1])
        }
        #expect(close(y[row * 7 + output], 2 * expected, relative: 0, absolute: 1e-5))
      }
      #expect(y[row * 7 + 6] == 3)
    }
  }

  @Test func fewRowsDoNotDependOnEachOther() {
    var noise = Noise(11)
    let weights = FloatBuffer(count: 300 * 200)
    for i in 0..<weights.count { weights.pointer[i] = Float.random(in: -1...1, using: &noise) }
    let matrix = PreparedMatrix(weights, outputs: 300, inputs: 200)
    let x = noise.floats(PreparedMatrix.fewRows * 200)
    func product(_ rows: Range<Int>) -> [UInt32] {
      var y = [Float](repeating: 0, count: rows.count * 300)
      x.withUnsafeBufferPointer { x in
        guard let first = x.baseAddress else { return }
        matrix.multiply(
          Factors(first + rows.lowerBound * 200, stride: 200, rows: rows.count, width: 200),
          to: &y, yStride: 300)
      }
      return y.map(\.bitPattern)
    }
    let together = product(0..<PreparedMatrix.fewRows)
    for row in 0..<PreparedMatrix.fewRows {
      #expect(product(row..<(row + 1))[...] == together[(row * 300)..<((row + 1) * 300)])
    }
  }

  /// Processors without AVX-512 have panels by their caches.
  @Test(
    .enabled(if: Libraries.hasOneDNN && InstructionSet.inUse != .avx512),
    arguments: [(9, 577, 64), (200, 1000, 777), (256, 193, 1536), (300, 385, 96)])
  func sameDigitsInAnyPanels(_ rows: Int, _ outputs: Int, _ inputs: Int) {
    var noise = Noise(UInt64(outputs))
    let weights = noise.floats(outputs * inputs)
    let x = noise.floats(rows * inputs)
    func product(panelRows: Int) -> [UInt32] {
      let piece = PreparedMatrix.pieceRows
      let panels = FloatPanels(outputs: outputs, inputs: inputs, panelRows: panelRows)
      for first in stride(from: 0, to: outputs, by: piece) {
        weights.withUnsafeBufferPointer {
          guard let start = $0.baseAddress else { return }
          panels.put(rows: first..<min(first + piece, outputs), start + first * inputs)
        }
      }
      let y = FloatBuffer(count: rows * outputs)
      // On a thread of ours, where the library uses no others.
      Parallel.forEach(count: 1, threads: 1) { _, _ in
        panels.multiply(
          x, xStride: inputs, rows: rows, to: y.pointer, yStride: outputs, accumulate: false)
      }
      return (0..<y.count).map { y.pointer[$0].bitPattern }
    }
    let wide = product(panelRows: 384)
    for panelRows in [64, 192, FloatPanels.fittingRows] {
      #expect(product(panelRows: panelRows) == wide)
    }
  }

  @Test func sameDigitsOnAnyNumberOfThreads() {
    var noise = Noise(10)
    let weights = FloatBuffer(count: 300 * 200)
    for i in 0..<weights.count { weights.pointer[i] = Float.random(in: -1...1, using: &noise) }
    let matrix = PreparedMatrix(weights, outputs: 300, inputs: 200)
    let x = FloatBuffer(count: 64 * 8 * 200)
    for i in 0..<x.count { x.pointer[i] = Float.random(in: -1...1, using: &noise) }
    func product(threads: Int) -> [UInt32] {
      let y = FloatBuffer(count: 64 * 8 * 300)
      Parallel.forEach(count: 8, threads: threads) { unit, _ in
        matrix.multiply(
          Factors(x.pointer + unit * 64 * 200, stride: 200, rows: 64, width: 200),
          to: y.pointer + unit * 64 * 300, yStride: 300)
      }
      return (0..<y.count).map { y.pointer[$0].bitPattern }
    }
    let alone = product(threads: 1)
    for threads in [2, 3, 8] { #expect(product(threads: threads) == alone) }
  }
}
