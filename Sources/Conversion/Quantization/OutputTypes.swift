import Tensors

/// How tensors are stored in the output.
public enum OutputTypes: Sendable, Equatable {
  /// Untouched tensors as they are, rewritten ones in their float type or f16.
  case keep
  /// Matrices in this float type.
  case type(ElementType)
  /// Matrices quantized by the rules of a mix, or all in its main type where `pure`.
  case mix(QuantizationMix, pure: Bool)

  /// - Parameters:
  ///   - text: `keep`, a float type, or a mix; case does not matter.
  ///   - pure: no type but the mix's main one, where rows fit it.
  /// - Throws: `ConversionError.setting` for an unknown name, or for `pure` without a mix.
  public init(parsing text: String, pure: Bool = false) throws(ConversionError) {
    let name = text.lowercased()
    if let mix = QuantizationMix(parsing: name) {
      self = .mix(mix, pure: pure)
      return
    }
    if name == "keep" {
      self = .keep
    } else if let type = Self.floatTypes.first(where: { $0.rawValue == name }) {
      self = .type(type)
    } else {
      throw .setting(.unknownType(text))
    }
    if pure { throw .setting(.pureType(name)) }
  }

  private static let floatTypes = ElementType.allCases.filter { $0.facts.ofModel != nil }

  /// The names that are understood, for help and errors.
  public static let known =
    (["keep"] + floatTypes.map(\.rawValue) + QuantizationMix.allCases.map(\.rawValue))
    .joined(separator: ", ")

  /// The main type of a mix; nil where nothing is quantized.
  package var mainType: ElementType? {
    if case .mix(let mix, _) = self { mix.mainType } else { nil }
  }

  /// The choice as provenance records it; nil for `keep`.
  package var setting: String? {
    switch self {
    case .keep: nil
    case .type(let type): type.rawValue
    case .mix(let mix, let pure): mix.rawValue + (pure ? ",pure" : "")
    }
  }
}
