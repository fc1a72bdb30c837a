import Tensors

extension ElementType {
  static let safetensorsTypes: [String: ElementType] = [
    "F64": .f64, "F32": .f32, "F16": .f16, "BF16": .bf16, "F8_E4M3": .f8e4m3, "F8_E5M2": .f8e5m2,
    "F8_E8M0": .f8e8m0, "I64": .i64, "I32": .i32, "I16": .i16, "I8": .i8, "U64": .u64, "U32": .u32,
    "U16": .u16,
    "U8": .u8, "BOOL": .bool,
  ]

  /// Types that the format has since gained and this program does not read.
  static let unsupportedSafetensorsTypes: Set<String> = [
    "F4", "F6_E2M3", "F6_E3M2", "F8_E4M3FNUZ", "F8_E5M2FNUZ", "C64",
  ]

  /// The type's name in a safetensors file; nil for types the format does not have.
  package var safetensorsName: String? { Self.safetensorsNames[self] }

  private static let safetensorsNames = Dictionary(
    safetensorsTypes.map { ($0.value, $0.key) }, uniquingKeysWith: { first, _ in first })
}
