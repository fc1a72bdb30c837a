import Tensors

/// A tensor type by its number in a GGUF file (`enum ggml_type` of ggml.h).
enum GGMLType {
  /// A type that is read.
  case element(ElementType)
  /// A type of GGUF that this program does not read.
  case unsupported(name: String)
  /// A type that GGUF once had.
  case removed(name: String)
  case unknown

  init(number: UInt32) {
    if let type = ElementType.ggmlTypes[number] {
      self = .element(type)
    } else if let name = Self.unsupportedNames[number] {
      self = .unsupported(name: name)
    } else if let name = Self.removedNames[number] {
      self = .removed(name: name)
    } else {
      self = .unknown
    }
  }

  private static let unsupportedNames: [UInt32: String] = [
    9: "Q8_1", 40: "NVFP4", 41: "Q1_0", 42: "Q2_0",
  ]
  private static let removedNames: [UInt32: String] = [
    4: "Q4_2", 5: "Q4_3", 31: "Q4_0_4_4", 32: "Q4_0_4_8", 33: "Q4_0_8_8",
    36: "IQ4_NL_4_4", 37: "IQ4_NL_4_8", 38: "IQ4_NL_8_8",
  ]
}

extension ElementType {
  static let ggmlTypes: [UInt32: ElementType] = [
    0: .f32, 1: .f16, 2: .q4_0, 3: .q4_1, 6: .q5_0, 7: .q5_1, 8: .q8_0, 10: .q2_k, 11: .q3_k,
    12: .q4_k, 13: .q5_k, 14: .q6_k, 15: .q8_k, 16: .iq2_xxs, 17: .iq2_xs, 18: .iq3_xxs,
    19: .iq1_s, 20: .iq4_nl, 21: .iq3_s, 22: .iq2_s, 23: .iq4_xs, 24: .i8, 25: .i16, 26: .i32,
    27: .i64, 28: .f64, 29: .iq1_m, 30: .bf16, 34: .tq1_0, 35: .tq2_0, 39: .mxfp4,
  ]

  /// The type's number in a GGUF file; nil for types GGUF does not have.
  package var ggmlNumber: UInt32? {
    Self.ggmlNumbers[self]
  }

  private static let ggmlNumbers = Dictionary(
    ggmlTypes.map { ($0.value, $0.key) }, uniquingKeysWith: { first, _ in first })
}
