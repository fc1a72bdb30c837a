import CKernels

/// What the processor can do at most: loops that do nothing but compute, or nothing but move
/// memory. Benchmarks hold the kernels against them.
package enum ProcessorPeak {
  /// Numbers of independent sums worth trying: few registers (portable), sixteen (AVX2), 32.
  package static let chains = [3, 5, 12]

  /// Whether products of bfloat16 pairs are in use.
  package static var hasBFloat16: Bool { rc_isa_has_bf16() != 0 }

  /// Fused or separate multiplications and additions in float32: `32 chains steps` operations.
  package static func multiplyAdd(chains: Int, steps: Int) {
    keep(rc_peak_multiply_add(Int32(chains), steps, 0.5))
  }

  /// Products of bfloat16 pairs summed in float32: `768 steps` operations, none without
  /// `hasBFloat16`.
  package static func bfloat16(steps: Int) {
    keep(rc_peak_bfloat16(steps, 0.5))
  }

  /// `y = a + factor b`, 12 bytes moved for an element.
  package static func triad(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, factor: Float,
    to y: UnsafeMutablePointer<Float>, count: Int
  ) {
    rc_peak_triad(a, b, factor, y, count)
  }

  /// Whether this processor multiplies bfloat16 pairs faster than floats, by more than a quarter. There
  /// are those that have the instructions and take twice as long (Emerald Rapids), and those that need
  /// half the time (Zen 4, Zen 5): measured once, in a millisecond, with nothing but registers.
  static let bfloat16IsFaster: Bool = {
    guard hasBFloat16 else { return false }
    let (steps, clock) = (4000, ContinuousClock())
    // In turn, so that other work slows both; the best of each counts.
    let tries = (0..<5).map { _ in
      (
        float32: clock.measure { multiplyAdd(chains: 12, steps: 2 * steps) },
        bfloat16: clock.measure { bfloat16(steps: steps) }
      )
    }
    guard let float32 = tries.map(\.float32).min(), let bfloat16 = tries.map(\.bfloat16).min()
    else { return false }
    return float32 > bfloat16 * 1.25
  }()

  @inline(never)
  private static func keep(_ value: Float) {}
}
