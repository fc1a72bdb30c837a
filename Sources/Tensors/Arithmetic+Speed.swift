extension Arithmetic {
  /// How many times as long a product takes in float32 as in bfloat16: measured on a product of the
  /// size that scoring has, in a few hundredths of a second.
  public static func measuredSlowdown() -> Double {
    // In turn, so that other work on the machine slows both; the best of each counts.
    let tries = (0..<4).map { _ in [Arithmetic.float32, .bfloat16].map(seconds) }
    let best = [0, 1].map { column in tries.map { $0[column] }.min() ?? 0 }
    return best[1] > 0 ? best[0] / best[1] : 1
  }

  /// The better of two products of 256 rows with a 768 x 768 matrix, on one thread.
  private static func seconds(_ arithmetic: Arithmetic) -> Double {
    let (rows, size, repeats) = (256, 768, 2)
    // They hold zeros, which are multiplied as fast as other numbers.
    let (x, y) = (FloatBuffer(count: rows * size), FloatBuffer(count: rows * size))
    let weights = PreparedMatrix(outputs: size, inputs: size, arithmetic: arithmetic)
    for piece in 0..<weights.pieceCount {
      // Only a lack of memory throws, and the products are NaN then, as fast as others.
      try? weights.fill(piece: piece) { rows, target in
        target.update(repeating: 0, count: rows.count * size)
      }
    }
    let factors = FactorBuffer(arithmetic, count: rows * size)
    let left = factors.put(x.pointer, stride: size, rows: rows, width: size)
    let clock = ContinuousClock()
    return withExtendedLifetime(factors) {
      (0..<repeats).map { _ in
        clock.measure { weights.multiply(left, to: y.pointer, yStride: size) } / .seconds(1)
      }.min() ?? 0
    }
  }
}
