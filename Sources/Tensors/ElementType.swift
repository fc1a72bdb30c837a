/// How a tensor's elements are stored: plain numbers, or quantized blocks of them.
///
/// The quantized layouts are those of ggml (`ggml-common.h`), little-endian. A row is a whole
/// number of blocks.
package enum ElementType: String, Sendable, CaseIterable, Hashable {
  case f32, f16, bf16, f64
  case f8e4m3 = "f8_e4m3"
  case f8e5m2 = "f8_e5m2"
  case i8, i16, i32, i64, u8, u16, u32, u64
  case bool
  // swift-format-ignore: AlwaysUseLowerCamelCase
  case q4_0, q4_1, q5_0, q5_1, q8_0
  // swift-format-ignore: AlwaysUseLowerCamelCase
  case q2_k, q3_k, q4_k, q5_k, q6_k, q8_k
  // swift-format-ignore: AlwaysUseLowerCamelCase
  case iq4_nl, iq4_xs

  /// Elements in one block; 1 for plain numbers.
  package var elementsPerBlock: Int {
    switch self {
    case .q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .iq4_nl: 32
    case .q2_k, .q3_k, .q4_k, .q5_k, .q6_k, .q8_k, .iq4_xs: 256
    default: 1
    }
  }

  /// Bytes of one block.
  package var bytesPerBlock: Int {
    switch self {
    case .f64, .i64, .u64: 8
    case .f32, .i32, .u32: 4
    case .f16, .bf16, .i16, .u16: 2
    case .f8e4m3, .f8e5m2, .i8, .u8, .bool: 1
    case .q4_0, .iq4_nl: 18
    case .q4_1: 20
    case .q5_0: 22
    case .q5_1: 24
    case .q8_0: 34
    case .q2_k: 84
    case .q3_k: 110
    case .q4_k: 144
    case .q5_k: 176
    case .q6_k: 210
    case .q8_k: 292
    case .iq4_xs: 136
    }
  }

  package var isQuantized: Bool { elementsPerBlock > 1 }

  /// A floating-point type that is not quantized in blocks.
  package var isFloat: Bool {
    switch self {
    case .f32, .f16, .bf16, .f64, .f8e4m3, .f8e5m2: true
    default: false
    }
  }

  /// Bytes of `elements` elements, or nil when they are not whole blocks or the size overflows.
  package func byteCount(elements: Int) -> Int? {
    guard elements >= 0, elements % elementsPerBlock == 0 else { return nil }
    let (bytes, overflow) = (elements / elementsPerBlock).multipliedReportingOverflow(
      by: bytesPerBlock)
    return overflow ? nil : bytes
  }
}
