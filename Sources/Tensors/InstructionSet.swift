import CKernels

/// The instruction set the kernels use: what the processor has, capped by `ROPECONV_ISA`.
package enum InstructionSet: String, Sendable, CaseIterable {
  case portable, avx2, avx512

  /// The set in use.
  package static var inUse: InstructionSet {
    switch rc_isa_level() {
    case Int32(RC_AVX512): .avx512
    case Int32(RC_AVX2): .avx2
    default: .portable
    }
  }

  /// The set in use as `--version` names it, such as `avx512_core_bf16`.
  package static var current: String {
    switch inUse {
    case .avx512: rc_isa_has_bf16() != 0 ? "avx512_core_bf16" : "avx512_core"
    case .avx2: "avx2"
    case .portable: "portable"
    }
  }

  /// Makes the kernels (not the libraries) run their variant for a lower set on the calling thread,
  /// until called with nil. For tests, which compare the variants.
  package static func force(_ set: InstructionSet?) {
    switch set {
    case .portable: rc_force_variant(Int32(RC_PORTABLE))
    case .avx2: rc_force_variant(Int32(RC_AVX2))
    case .avx512: rc_force_variant(Int32(RC_AVX512))
    case nil: rc_force_variant(-1)
    }
  }
}
