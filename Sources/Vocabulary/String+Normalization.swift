import Foundation

extension String {
  /// Unicode normalization form C.
  var composed: String { precomposedStringWithCanonicalMapping }

  /// Unicode normalization form D.
  var decomposed: String { decomposedStringWithCanonicalMapping }
}
