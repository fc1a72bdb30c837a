import COpenBLAS

#if ROPECONV_ONEDNN
  import CDNNL
#endif

/// Products of float32 matrices, row-major, on the calling thread alone.
package enum MatrixProduct {
  /// `c = alpha a b + beta c`, through oneDNN, or OpenBLAS in the build without it; NaN where there
  /// is no memory for the product. `a` is [m, k], or [k, m] where `transposeA`, with row stride
  /// `lda`; `b` is [k, n], or [n, k] where `transposeB`, with row stride `ldb`; `c` is [m, n] with
  /// row stride `ldc`.
  package static func multiply(
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
      // oneDNN had no memory for it: OpenBLAS would wait for its own for ever.
      guard Libraries.hasRoomForBuffer else {
        for row in 0..<m { (c + row * ldc).update(repeating: .nan, count: n) }
        return
      }
    #endif
    cblas_sgemm(
      CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans, transposeB ? CblasTrans : CblasNoTrans,
      Int32(m), Int32(n),
      Int32(k), alpha, a, Int32(lda), b, Int32(ldb), beta, c, Int32(ldc))
  }
}

extension MatrixProduct {
  /// A product of two activations, as attention has them: `c = a b`, or `c += a b` where it
  /// accumulates. `a` is [m, k]; `b`, in the same form, [k, n], or [n, k] where `transposed`; `c`
  /// [m, n] without a gap, which becomes NaN where there is no memory for the product.
  package static func multiply(
    _ a: Factors, _ b: Factors, transposed: Bool, to c: UnsafeMutablePointer<Float>,
    accumulate: Bool = false
  ) {
    let n = transposed ? b.rows : b.width
    switch (a.storage, b.storage) {
    case (.float32(let left, let leftStride), .float32(let right, let rightStride)):
      multiply(
        m: a.rows, n: n, k: a.width, alpha: 1, a: left, lda: leftStride, b: right, ldb: rightStride,
        transposeB: transposed, beta: accumulate ? 1 : 0, c: c, ldc: n)
    case (.bfloat16(let left), .bfloat16(let right)):
      guard a.rows > 0, n > 0 else { return }
      #if ROPECONV_ONEDNN
        let product = BFloat16Product.of(
          .init(
            m: a.rows, n: n, k: a.width, right: transposed ? .transposed : .rows,
            accumulates: accumulate))
        if product?.multiply(left, right, to: c) == true { return }
      #endif
      c.update(repeating: .nan, count: a.rows * n)
      _ = (left, right)
    default:
      c.update(repeating: .nan, count: a.rows * n)
    }
  }
}
