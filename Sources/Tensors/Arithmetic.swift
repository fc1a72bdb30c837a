import CKernels

/// How matrix products are computed. Everything between them is float32 in either.
public enum Arithmetic: String, Sendable, CaseIterable {
  /// float32 factors and sums.
  case float32 = "f32"
  /// Factors rounded to bfloat16 (8 significant bits), sums in float32. CPUs without such products
  /// multiply the rounded factors in float32.
  case bfloat16 = "bf16"

  /// The fastest one on this CPU.
  public static var fastest: Arithmetic {
    hasBFloat16 && ProcessorPeak.bfloat16IsFaster ? .bfloat16 : .float32
  }

  /// Whether this CPU has products of bfloat16 factors, and the library of the build uses them.
  package static var hasBFloat16: Bool {
    ProcessorPeak.hasBFloat16 && Libraries.multipliesBFloat16
  }

  /// How factors are stored for it here.
  package var form: FactorForm {
    switch self {
    case .float32: .float
    case .bfloat16: Libraries.multipliesBFloat16 ? .bfloat16 : .rounded
    }
  }
}

/// How the factors of a product are stored.
package enum FactorForm: Sendable {
  /// float32.
  case float
  /// float32 that bfloat16 can hold.
  case rounded
  /// bfloat16.
  case bfloat16

  var code: Int32 {
    switch self {
    case .float: Int32(RC_FLOAT)
    case .rounded: Int32(RC_ROUNDED)
    case .bfloat16: Int32(RC_BFLOAT16)
    }
  }

  var elementSize: Int { self == .bfloat16 ? 2 : 4 }
}
