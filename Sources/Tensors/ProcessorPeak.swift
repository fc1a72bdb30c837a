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

  @inline(never)
  private static func keep(_ value: Float) {}
}
