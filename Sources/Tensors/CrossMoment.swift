import Base

/// Sums of outer products over rows of activations, in double precision.
package struct CrossMoment: Sendable {
  /// `sum_i a_i b_i^T`, [width of a, width of b].
  package private(set) var sum: DoubleMatrix
  /// Rows added.
  package private(set) var rows = 0

  package init(_ first: Int, _ second: Int) {
    sum = DoubleMatrix(rows: first, columns: second)
  }

  /// Adds rows of activations.
  ///
  /// Blocks of 512 rows are multiplied in float32 and added to the sum in double. Threads share out
  /// the first operand's columns, so that every number is summed in the same order on any of them.
  /// - Parameters:
  ///   - a: [rows, first] with row stride `aStride`.
  ///   - aStride: elements from one row of `a` to the next.
  ///   - b: [rows, second] with row stride `bStride`.
  ///   - bStride: elements from one row of `b` to the next.
  ///   - rows: rows to add.
  ///   - threads: threads to use; the sum does not depend on it.
  package mutating func add(
    _ a: UnsafePointer<Float>, aStride: Int, _ b: UnsafePointer<Float>, bStride: Int, rows: Int,
    threads: Int = 1
  ) {
    self.rows += rows
    let (first, second) = (sum.rows, sum.columns)
    let strips = (first + Self.strip - 1) / Self.strip
    nonisolated(unsafe) let (a, b) = (a, b)
    sum.values.withUnsafeMutableBufferPointer { values in
      guard let total = values.baseAddress else { return }
      nonisolated(unsafe) let target = total
      Parallel.forEach(count: strips, threads: threads) { strip, _ in
        let columns = (strip * Self.strip)..<min((strip + 1) * Self.strip, first)
        let product = FloatBuffer(count: columns.count * second)
        for start in stride(from: 0, to: rows, by: Self.block) {
          MatrixProduct.multiply(
            m: columns.count, n: second, k: min(Self.block, rows - start), alpha: 1,
            a: a + start * aStride + columns.lowerBound, lda: aStride, transposeA: true,
            b: b + start * bStride, ldb: bStride, transposeB: false, beta: 0, c: product.pointer,
            ldc: second)
          let place = target + columns.lowerBound * second
          for index in 0..<(columns.count * second) {
            place[index] += Double(product.pointer[index])
          }
        }
      }
    }
  }

  private static let strip = 64
  private static let block = 512
}
