import CKernels

/// How a tensor's elements are stored: plain numbers, or quantized blocks of them.
///
/// The quantized layouts are those of ggml (`ggml-common.h`), little-endian; the kernels' header
/// states their sizes. A row is a whole number of blocks.
public enum ElementType: String, Sendable, CaseIterable, Hashable {
  case f32, f16, bf16, f64
  case f8e4m3 = "f8_e4m3"
  case f8e5m2 = "f8_e5m2"
  /// A power of two, the exponent alone: factors of other numbers.
  case f8e8m0 = "f8_e8m0"
  case i8, i16, i32, i64, u8, u16, u32, u64
  case bool
  // swift-format-ignore: AlwaysUseLowerCamelCase
  case q4_0, q4_1, q5_0, q5_1, q8_0
  // swift-format-ignore: AlwaysUseLowerCamelCase
  case q2_k, q3_k, q4_k, q5_k, q6_k, q8_k
  // swift-format-ignore: AlwaysUseLowerCamelCase
  case iq4_nl, iq4_xs
  // swift-format-ignore: AlwaysUseLowerCamelCase
  case iq2_xxs, iq2_xs, iq2_s, iq3_xxs, iq3_s, iq1_s, iq1_m
  /// Ternary numbers, five in a byte and four in a byte.
  // swift-format-ignore: AlwaysUseLowerCamelCase
  case tq1_0, tq2_0
  /// The microscaling format of the Open Compute Project: 4-bit floats with a power of two for 32.
  case mxfp4

  /// Elements in one block; 1 for plain numbers.
  public var elementsPerBlock: Int {
    switch self {
    case .q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .iq4_nl, .mxfp4: Int(RC_BLOCK)
    case .q2_k, .q3_k, .q4_k, .q5_k, .q6_k, .q8_k, .iq4_xs, .iq2_xxs, .iq2_xs, .iq2_s, .iq3_xxs,
      .iq3_s, .iq1_s, .iq1_m, .tq1_0, .tq2_0:
      Int(RC_SUPERBLOCK)
    default: 1
    }
  }

  /// Bytes of one block.
  public var bytesPerBlock: Int {
    switch self {
    case .f64, .i64, .u64: 8
    case .f32, .i32, .u32: 4
    case .f16, .bf16, .i16, .u16: 2
    case .f8e4m3, .f8e5m2, .f8e8m0, .i8, .u8, .bool: 1
    case .q4_0: Int(RC_Q4_0_BYTES)
    case .q4_1: Int(RC_Q4_1_BYTES)
    case .q5_0: Int(RC_Q5_0_BYTES)
    case .q5_1: Int(RC_Q5_1_BYTES)
    case .q8_0: Int(RC_Q8_0_BYTES)
    case .q2_k: Int(RC_Q2_K_BYTES)
    case .q3_k: Int(RC_Q3_K_BYTES)
    case .q4_k: Int(RC_Q4_K_BYTES)
    case .q5_k: Int(RC_Q5_K_BYTES)
    case .q6_k: Int(RC_Q6_K_BYTES)
    case .q8_k: Int(RC_Q8_K_BYTES)
    case .iq4_nl: Int(RC_IQ4_NL_BYTES)
    case .iq4_xs: Int(RC_IQ4_XS_BYTES)
    case .iq2_xxs: Int(RC_IQ2_XXS_BYTES)
    case .iq2_xs: Int(RC_IQ2_XS_BYTES)
    case .iq2_s: Int(RC_IQ2_S_BYTES)
    case .iq3_xxs: Int(RC_IQ3_XXS_BYTES)
    case .iq3_s: Int(RC_IQ3_S_BYTES)
    case .iq1_s: Int(RC_IQ1_S_BYTES)
    case .iq1_m: Int(RC_IQ1_M_BYTES)
    case .tq1_0: Int(RC_TQ1_0_BYTES)
    case .tq2_0: Int(RC_TQ2_0_BYTES)
    case .mxfp4: Int(RC_MXFP4_BYTES)
    }
  }

  /// Whether elements are stored in quantized blocks.
  public var isQuantized: Bool { elementsPerBlock > 1 }

  /// A floating-point type that is not quantized in blocks.
  public var isFloat: Bool {
    switch self {
    case .f32, .f16, .bf16, .f64, .f8e4m3, .f8e5m2: true
    default: false
    }
  }

  /// Bytes of `elements` elements, or nil when they are not whole blocks or the size overflows.
  public func byteCount(elements: Int) -> Int? {
    guard elements >= 0, elements % elementsPerBlock == 0 else { return nil }
    let (bytes, overflow) = (elements / elementsPerBlock).multipliedReportingOverflow(
      by: bytesPerBlock)
    return overflow ? nil : bytes
  }
}
