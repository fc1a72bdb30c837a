/// How a tensor's elements are stored: plain numbers, or quantized blocks of them.
///
/// The quantized layouts are those of ggml (`ggml-common.h`), little-endian; the kernels' header
/// states their sizes. A row is a whole number of blocks. What is known of each type stands in its row of
/// `ElementType+Facts.swift`.
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
  public var elementsPerBlock: Int { facts.elements }

  /// Bytes of one block.
  public var bytesPerBlock: Int { facts.bytes }

  /// Whether elements are stored in quantized blocks.
  public var isQuantized: Bool { elementsPerBlock > 1 }

  /// A floating-point type that is not quantized in blocks.
  public var isFloat: Bool { facts.isFloat }

  /// Bytes of `elements` elements, or nil when they are not whole blocks or the size overflows.
  public func byteCount(elements: Int) -> Int? {
    guard elements >= 0, elements % elementsPerBlock == 0 else { return nil }
    let (bytes, overflow) = (elements / elementsPerBlock).multipliedReportingOverflow(
      by: bytesPerBlock)
    return overflow ? nil : bytes
  }
}
