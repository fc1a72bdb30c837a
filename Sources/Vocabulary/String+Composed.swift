import Foundation

extension String {
  /// Unicode normalization form C.
  var composed: String { precomposedStringWithCanonicalMapping }
}
