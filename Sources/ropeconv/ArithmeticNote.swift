import Reports
import Tensors

/// What bfloat16 products mean for a result whose arithmetic nobody asked for.
struct ArithmeticNote {
  /// How many times as long the same products take in float32.
  let slowdown: Double

  /// A line of a result's text.
  var text: String {
    "note        bf16 by --compute auto: digits depend on the CPU; with --compute f32 CPUs agree to"
      + " about 1e-7, \(duration)"
  }

  private var duration: String {
    slowdown < 1.05
      ? "in the same time" : "in up to \(Format.fixed(slowdown, 1)) times the time"
  }

  /// Measures a product of the size that scoring has, in a few hundredths of a second.
  static func measured() -> ArithmeticNote {
    // In turn, so that other work on the machine slows both; the best of each counts.
    let tries = (0..<4).map { _ in [Arithmetic.float32, .bfloat16].map(seconds) }
    let best = [0, 1].map { column in tries.map { $0[column] }.min() ?? 0 }
    return ArithmeticNote(slowdown: best[1] > 0 ? best[0] / best[1] : 1)
  }

  /// The better of two products of 256 rows with a 768 x 768 matrix, on one thread.
  private static func seconds(_ arithmetic: Arithmetic) -> Double {
    let (rows, size, repeats) = (256, 768, 2)
    let (x, y) = (FloatBuffer(count: rows * size), FloatBuffer(count: rows * size))
    // Zeros are multiplied as fast as other numbers.
    x.pointer.update(repeating: 0, count: rows * size)
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

extension WorkOptions {
  /// A result's text, with a line about bfloat16 where `auto` chose it.
  func stating(_ text: String) -> String {
    guard compute == "auto", Arithmetic.fastest == .bfloat16 else { return text }
    return "\(text)\n\(ArithmeticNote.measured().text)"
  }
}
