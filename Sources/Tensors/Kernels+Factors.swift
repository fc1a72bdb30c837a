import CKernels

/// Kernels that put their rows as factors of the next product, so that no pass over memory is made
/// for a rounding.
extension Kernels {
  /// `rmsNorm` into factors.
  package static func rmsNorm(
    _ x: UnsafePointer<Float>, xStride: Int, rows: Int, width: Int, gain: UnsafePointer<Float>?,
    epsilon: Float, to factors: FactorBuffer, first: Int = 0
  ) -> Factors {
    rc_rms_norm(
      x, xStride, rows, width, gain, epsilon, factors.form.code, factors.element(first), width)
    return factors.rows(rows, width: width, first: first)
  }

  /// `layerNorm` into factors.
  package static func layerNorm(
    _ x: UnsafePointer<Float>, xStride: Int, rows: Int, width: Int, gain: UnsafePointer<Float>?,
    bias: UnsafePointer<Float>?, epsilon: Float, to factors: FactorBuffer, first: Int = 0
  ) -> Factors {
    rc_layer_norm(
      x, xStride, rows, width, gain, bias, epsilon, factors.form.code, factors.element(first),
      width)
    return factors.rows(rows, width: width, first: first)
  }

  /// `activate` into factors.
  package static func activate(
    _ kind: Activation, _ x: UnsafePointer<Float>, rows: Int, width: Int, to factors: FactorBuffer
  ) -> Factors {
    rc_activate(kind.code, x, factors.form.code, factors.base, rows * width)
    return factors.rows(rows, width: width)
  }

  /// `gate` into factors.
  package static func gate(
    _ kind: Activation, gate: UnsafePointer<Float>, up: UnsafePointer<Float>, rows: Int, width: Int,
    to factors: FactorBuffer
  ) -> Factors {
    rc_gate(kind.code, gate, up, factors.form.code, factors.base, rows * width)
    return factors.rows(rows, width: width)
  }

  /// `(u + 1) g / (1 + exp(-slope g))` into factors, with `g = min(gate, limit)` and `u` the part of
  /// `up` between `-limit` and `limit`; the factors may share memory with either.
  package static func clampedGate(
    slope: Float, limit: Float, gate: UnsafePointer<Float>, up: UnsafePointer<Float>, rows: Int,
    width: Int, to factors: FactorBuffer
  ) -> Factors {
    rc_clamped_gate(
      gate, up, slope, limit, factors.form.code, factors.base, rows * width)
    return factors.rows(rows, width: width)
  }

  /// `softmaxTile` into factors, from the element `first` on; `scores` are [rows, keys] without a
  /// gap and may be the storage of the factors.
  package static func softmaxTile(
    _ scores: UnsafeMutablePointer<Float>, rows: Int, keys: Int, firstQuery: Int, firstKey: Int,
    window: Int, softcap: Float, runningMax: UnsafeMutablePointer<Float>,
    runningSum: UnsafeMutablePointer<Double>, correction: UnsafeMutablePointer<Float>,
    to factors: FactorBuffer, first: Int
  ) {
    rc_softmax_tile(
      scores, keys, rows, keys, firstQuery, firstKey, window, softcap, runningMax, runningSum,
      correction, factors.form.code, factors.element(first), keys)
  }
}
