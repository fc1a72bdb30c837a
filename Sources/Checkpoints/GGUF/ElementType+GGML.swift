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
  fileprivate static let ggmlTypes = Dictionary(
    allCases.compactMap { type in type.facts.ggml.map { ($0, type) } },
    uniquingKeysWith: { first, _ in first })
}
