import COpenBLAS

#if ROPECONV_ONEDNN
  import CDNNL
#endif

/// Products of float32 matrices, row-major, on the calling thread alone.
public enum MatrixProduct {
  /// `c = alpha a b + beta c`, through oneDNN, or OpenBLAS in the build without it.
  /// - Parameters:
  ///   - a: [m, k], or [k, m] where `transposeA`, with row stride `lda`.
  ///   - b: [k, n], or [n, k] where `transposeB`, with row stride `ldb`.
  ///   - c: [m, n] with row stride `ldc`.
  public static func multiply(
    m: Int, n: Int, k: Int, alpha: Float, a: UnsafePointer<Float>, lda: Int,
    transposeA: Bool = false, b: UnsafePointer<Float>, ldb: Int, transposeB: Bool, beta: Float,
    c: UnsafeMutablePointer<Float>, ldc: Int
  ) {
    guard m > 0, n > 0 else { return }
    Libraries.prepare()
    #if ROPECONV_ONEDNN
      let plain = CChar(UInt8(ascii: "N"))
      let transposed = CChar(UInt8(ascii: "T"))
      let status = dnnl_sgemm(
        transposeA ? transposed : plain, transposeB ? transposed : plain, dnnl_dim_t(m),
        dnnl_dim_t(n), dnnl_dim_t(k), alpha, a, dnnl_dim_t(lda), b, dnnl_dim_t(ldb), beta, c,
        dnnl_dim_t(ldc))
      if status == dnnl_success { return }
    #endif
    cblas_sgemm(
      CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans, transposeB ? CblasTrans : CblasNoTrans,
      Int32(m), Int32(n),
      Int32(k), alpha, a, Int32(lda), b, Int32(ldb), beta, c, Int32(ldc))
  }
}

/// A weight matrix made ready for products with many rows of activations.
///
/// The one place that knows in which precision a layer's weights are multiplied.
public final class PreparedMatrix: Sendable {
  /// Rows of the weight: elements of a result row.
  public let outputs: Int
  /// Columns of the weight: elements of an input row.
  public let inputs: Int
  private let form: Form

  private enum Form: Sendable {
    /// Row-major float32 [outputs, inputs] from `offset` on.
    case float32(FloatBuffer, offset: Int)
  }

  /// Takes a row-major matrix [outputs, inputs] that begins at `offset` of a buffer.
  public init(_ weights: FloatBuffer, offset: Int = 0, outputs: Int, inputs: Int) {
    self.outputs = outputs
    self.inputs = inputs
    form = .float32(weights, offset: offset)
  }

  /// Up to so many rows, what a row gives does not depend on how many others there are.
  public static let fewRows = 8

  /// `y = x W^T`, or `y += x W^T` where it accumulates.
  /// - Parameters:
  ///   - x: [rows, inputs] with row stride `xStride`.
  ///   - y: [rows, outputs] with row stride `yStride`.
  public func multiply(
    _ x: UnsafePointer<Float>, xStride: Int, rows: Int, to y: UnsafeMutablePointer<Float>,
    yStride: Int, accumulate: Bool = false
  ) {
    switch form {
    case .float32(let weights, let offset):
      if rows <= Self.fewRows {
        return multiplyFew(
          weights.pointer + offset, x, xStride: xStride, rows: rows, to: y, yStride: yStride,
          accumulate: accumulate)
      }
      MatrixProduct.multiply(
        m: rows, n: outputs, k: inputs, alpha: 1, a: x, lda: xStride, b: weights.pointer + offset,
        ldb: inputs, transposeB: true, beta: accumulate ? 1 : 0, c: y, ldc: yStride)
    }
  }

  /// `y^T = W x^T`, always with `fewRows` columns, zeros behind the last row. The columns lie side by
  /// side in the lanes of one register, which treats them alike, and the weights are read once.
  private func multiplyFew(
    _ weights: UnsafePointer<Float>, _ x: UnsafePointer<Float>, xStride: Int, rows: Int,
    to y: UnsafeMutablePointer<Float>, yStride: Int, accumulate: Bool
  ) {
    let columns = Self.fewRows
    withUnsafeTemporaryAllocation(of: Float.self, capacity: columns * (inputs + outputs)) { space in
      guard let filled = space.baseAddress else { return }
      let product = filled + columns * inputs
      for row in 0..<rows {
        (filled + row * inputs).update(from: x + row * xStride, count: inputs)
      }
      (filled + rows * inputs).update(repeating: 0, count: (columns - rows) * inputs)
      MatrixProduct.multiply(
        m: outputs, n: columns, k: inputs, alpha: 1, a: weights, lda: inputs, b: filled,
        ldb: inputs, transposeB: true, beta: 0, c: product, ldc: columns)
      for row in 0..<rows {
        let target = y + row * yStride
        for output in 0..<outputs {
          let value = product[output * columns + row]
          target[output] = accumulate ? target[output] + value : value
        }
      }
    }
  }
}
