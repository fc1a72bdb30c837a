import CKernels

/// A weight matrix [outputs, inputs] in float32, in panels of its rows, each stored as its transpose:
/// [inputs, rows of the panel].
///
/// A product reads such a panel as it lies. Of row-major weights the library makes a transposed copy in
/// each call, which costs a tenth of the time at 256 rows (`kernel-bench`); and a panel's columns lie
/// nearer together than those of a whole wide matrix.
package final class FloatPanels: Sendable {
  /// Rows of one panel, a multiple of `PreparedMatrix.pieceRows`. oneDNN takes 192 inputs at a time:
  /// those of all rows of a panel, and 256 rows of the result, should fit three quarters of the
  /// second-level cache. More than 384 rows gain nothing. Without AVX-512 no digit depends on it;
  /// with OpenBLAS digits would, and with AVX-512 it was not tried, so there it is 384.
  ///
  /// Measured from 576 to 11,008 inputs: with 2 MB of cache 384 are the fastest of 64 to 4,096; with
  /// half a MB 192, by 2 % at 1,536 inputs and 6 to 10 % at 4,096 and more.
  package static let fittingRows: Int = {
    guard Libraries.hasOneDNN, InstructionSet.inUse != .avx512 else { return most }
    let rowBytes = (inputsAtATime + rowsAtATime) * MemoryLayout<Float>.stride
    let fitting = Cache.secondLevel / 4 * 3 / rowBytes / PreparedMatrix.pieceRows
    return min(max(fitting, 1) * PreparedMatrix.pieceRows, most)
  }()
  private static let most = 384
  private static let inputsAtATime = 192
  private static let rowsAtATime = 256

  private let outputs: Int
  private let inputs: Int
  private let panelRows: Int
  private let values: FloatBuffer

  /// Room for a matrix; `panelRows` is a multiple of `PreparedMatrix.pieceRows`.
  package init(outputs: Int, inputs: Int, panelRows: Int = fittingRows) {
    self.outputs = outputs
    self.inputs = inputs
    self.panelRows = panelRows
    values = FloatBuffer(count: outputs * inputs)
  }

  /// The first rows of panels. A single row that is left belongs to the panel before it: a product
  /// with one output has other digits.
  private var panels: StrideTo<Int> {
    stride(from: 0, to: max(outputs - 1, min(outputs, 1)), by: panelRows)
  }

  /// Rows of the panel that begins with the row `first`.
  private func rows(ofPanel first: Int) -> Int {
    outputs - first <= panelRows + 1 ? outputs - first : panelRows
  }

  private func panel(_ first: Int) -> UnsafeMutablePointer<Float> {
    values.pointer + first * inputs
  }

  /// Takes rows of one panel, [rows, inputs].
  package func put(rows: Range<Int>, _ weights: UnsafePointer<Float>) {
    let isLeft = rows.lowerBound > 0 && rows.lowerBound == outputs - 1
    let place = (rows.lowerBound - (isLeft ? 1 : 0)) % panelRows + (isLeft ? 1 : 0)
    let first = rows.lowerBound - place
    rc_transpose(
      weights, inputs, rows.count, inputs, panel(first) + place, self.rows(ofPanel: first))
  }

  /// `y = x W^T`, or `y += x W^T` where it accumulates; x [rows, inputs].
  package func multiply(
    _ x: UnsafePointer<Float>, xStride: Int, rows: Int, to y: UnsafeMutablePointer<Float>,
    yStride: Int, accumulate: Bool
  ) {
    let parts = RowParts.of(rows)
    for first in panels {
      let width = self.rows(ofPanel: first)
      for part in parts {
        MatrixProduct.multiply(
          m: part.count, n: width, k: inputs, alpha: 1, a: x + part.lowerBound * xStride,
          lda: xStride, b: panel(first), ldb: width, transposeB: false, beta: accumulate ? 1 : 0,
          c: y + part.lowerBound * yStride + first, ldc: yStride)
      }
    }
  }

  /// `y^T = W x^T`: x [columns, inputs] gives y [outputs, columns].
  func multiply(
    columns: Int, _ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>
  ) {
    for first in panels {
      let width = rows(ofPanel: first)
      MatrixProduct.multiply(
        m: width, n: columns, k: inputs, alpha: 1, a: panel(first), lda: width, transposeA: true,
        b: x, ldb: inputs, transposeB: true, beta: 0, c: y + first * columns, ldc: columns)
    }
  }
}
