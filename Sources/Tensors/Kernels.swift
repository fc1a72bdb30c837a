import CKernels

/// Element-wise work on float32 rows, by the best instruction set there is. Strides are in floats.
package enum Kernels {
  /// `y = x / sqrt(mean(x^2) + epsilon) * gain` for every row (arXiv:1910.07467); may be in place.
  package static func rmsNorm(
    _ x: UnsafePointer<Float>, xStride: Int, rows: Int, width: Int, gain: UnsafePointer<Float>?,
    epsilon: Float, to y: UnsafeMutablePointer<Float>, yStride: Int
  ) {
    rc_rms_norm(x, xStride, rows, width, gain, epsilon, Int32(RC_FLOAT), y, yStride)
  }

  /// `y = (x - mean) / sqrt(variance + epsilon) * gain + bias` for every row (arXiv:1607.06450).
  package static func layerNorm(
    _ x: UnsafePointer<Float>, xStride: Int, rows: Int, width: Int, gain: UnsafePointer<Float>?,
    bias: UnsafePointer<Float>?, epsilon: Float, to y: UnsafeMutablePointer<Float>, yStride: Int
  ) {
    rc_layer_norm(x, xStride, rows, width, gain, bias, epsilon, Int32(RC_FLOAT), y, yStride)
  }

  /// Turns the pairs of one head in place, by the row's angles; `inverse` turns back. `x` points at
  /// the first rotated dim of the first row; `cos` and `sin` are [rows, pairs] with row stride
  /// `tableStride`.
  package static func rotate(
    _ x: UnsafeMutablePointer<Float>, xStride: Int, rows: Int, pairs: Int, layout: PairLayout,
    cos: UnsafePointer<Float>, sin: UnsafePointer<Float>, tableStride: Int, inverse: Bool
  ) {
    rc_rotate(
      x, xStride, rows, pairs, layout == .interleaved ? 1 : 0, cos, sin, tableStride,
      inverse ? 1 : 0)
  }

  /// Applies an activation in place.
  package static func activate(_ kind: Activation, _ x: UnsafeMutablePointer<Float>, count: Int) {
    rc_activate(kind.code, x, Int32(RC_FLOAT), x, count)
  }

  /// Bounds `gate` from above and `up` on both sides; what is no number stays.
  package static func bound(
    gate: UnsafeMutablePointer<Float>, up: UnsafeMutablePointer<Float>, limit: Float, count: Int
  ) {
    for index in 0..<count {
      if gate[index] > limit { gate[index] = limit }
      if up[index] > limit { up[index] = limit }
      if up[index] < -limit { up[index] = -limit }
    }
  }

  /// `out = activation(gate) * up`; `out` may be either of them.
  package static func gate(
    _ kind: Activation, gate: UnsafePointer<Float>, up: UnsafePointer<Float>,
    to out: UnsafeMutablePointer<Float>, count: Int
  ) {
    rc_gate(kind.code, gate, up, Int32(RC_FLOAT), out, count)
  }

  /// `x = cap * tanh(x / cap)`.
  package static func softcap(_ x: UnsafeMutablePointer<Float>, cap: Float, count: Int) {
    rc_softcap(x, cap, count)
  }

  /// `y += x`.
  package static func add(
    _ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>, count: Int
  ) {
    rc_add(x, y, count)
  }

  /// Adds a vector to every row.
  package static func addBias(
    _ bias: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>, rows: Int, width: Int,
    stride: Int
  ) {
    rc_add_rows(bias, y, rows, width, stride)
  }

  /// Adds a vector, times the row's factor, to every row.
  package static func addBias(
    _ bias: UnsafePointer<Float>, times factors: UnsafePointer<Float>,
    to y: UnsafeMutablePointer<Float>, rows: Int, width: Int, stride: Int
  ) {
    rc_add_rows_by(bias, factors, y, rows, width, stride)
  }

  /// `x *= factor`.
  package static func scale(_ x: UnsafeMutablePointer<Float>, by factor: Float, count: Int) {
    rc_scale(x, factor, count)
  }

  /// One tile of blocked causal attention: scores become `exp(score - maximum)`, 0 where a key is
  /// not visible; each row's running maximum and sum are updated, `correction` receives the factor
  /// by which what was accumulated before must shrink.
  /// - Parameters:
  ///   - scores: scaled products, [rows, keys].
  ///   - stride: elements from one row of the scores to the next.
  ///   - rows: queries of the tile.
  ///   - keys: keys of the tile.
  ///   - firstQuery: the position of the first query.
  ///   - firstKey: the position of the first key.
  ///   - window: keys `window` or more before the query are not visible; 0: all are.
  ///   - softcap: caps scores by `softcap * tanh(score / softcap)`; 0: no cap.
  ///   - runningMax: one for each row.
  ///   - runningSum: one for each row.
  ///   - correction: one for each row.
  package static func softmaxTile(
    _ scores: UnsafeMutablePointer<Float>, stride: Int, rows: Int, keys: Int, firstQuery: Int,
    firstKey: Int, window: Int, softcap: Float, runningMax: UnsafeMutablePointer<Float>,
    runningSum: UnsafeMutablePointer<Double>, correction: UnsafeMutablePointer<Float>
  ) {
    rc_softmax_tile(
      scores, stride, rows, keys, firstQuery, firstKey, window, softcap, runningMax, runningSum,
      correction, Int32(RC_FLOAT), scores, stride)
  }

  /// Multiplies every row by its factor.
  package static func rescaleRows(
    _ x: UnsafeMutablePointer<Float>, rows: Int, width: Int, stride: Int,
    by factors: UnsafePointer<Float>
  ) {
    rc_scale_rows(x, rows, width, stride, factors)
  }

  /// `y = x / divisor` for every row; a row with the divisor 0 becomes zeros.
  package static func divideRows(
    _ x: UnsafePointer<Float>, xStride: Int, rows: Int, width: Int,
    by divisors: UnsafePointer<Double>, to y: UnsafeMutablePointer<Float>, yStride: Int
  ) {
    rc_divide_rows(x, xStride, rows, width, divisors, y, yStride)
  }

  /// Updates every row's running maximum and sum of exponentials with one block of columns; at the
  /// end `maximum + log(sum)` is the row's log-sum-exp. The logits stay as they are; each is taken
  /// as `softcap * tanh(logit / softcap)`, or as it is where `softcap` is 0.
  package static func logSumExpUpdate(
    _ logits: UnsafePointer<Float>, stride: Int, rows: Int, columns: Int, softcap: Float = 0,
    runningMax: UnsafeMutablePointer<Float>, runningSum: UnsafeMutablePointer<Double>
  ) {
    rc_log_sum_exp(logits, stride, rows, columns, softcap, runningMax, runningSum)
  }

  /// Like `logSumExpUpdate`, and updates every row's sum of `exp(logit - maximum) (logit - other)`:
  /// that sum over `runningSum` is the mean difference of two rows of logits under the first one's
  /// probabilities, and the KL divergence is it plus the difference of the log-sum-exps.
  package static func expectedDifferenceUpdate(
    _ logits: UnsafePointer<Float>, others: UnsafePointer<Float>, stride: Int, rows: Int,
    columns: Int, runningMax: UnsafeMutablePointer<Float>,
    runningSum: UnsafeMutablePointer<Double>, weighted: UnsafeMutablePointer<Double>
  ) {
    rc_expected_difference(
      logits, others, stride, rows, columns, runningMax, runningSum, weighted)
  }
}
