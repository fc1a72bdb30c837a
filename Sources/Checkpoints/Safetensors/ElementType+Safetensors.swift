import Tensors

extension ElementType {
  /// Types by their names in a safetensors file.
  static let safetensorsTypes = Dictionary(
    allCases.compactMap { type in type.facts.safetensors.map { ($0, type) } },
    uniquingKeysWith: { first, _ in first })

  /// Types that the format has since gained and this program does not read.
  static let unsupportedSafetensorsTypes: Set<String> = [
    "F4", "F6_E2M3", "F6_E3M2", "F8_E4M3FNUZ", "F8_E5M2FNUZ", "C64",
  ]
}
