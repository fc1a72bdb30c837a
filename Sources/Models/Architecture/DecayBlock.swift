import Base

/// What the data file says of attention by decay.
package struct DecayBlock: Sendable, Equatable {
  package enum Key: String, CaseIterable { case exponent, normalizes }

  /// Head h keeps `1 - 2^(-exponent - h)` of the past at every token.
  package var exponent: Int
  /// See `DecayRecipe.normalizes`.
  package var normalizes: Bool

  init(_ json: JSONValue, file: String, place: String) throws(FormatError) {
    let entry = try StrictObject<Key>(json, file: file, place: place)
    _ = try entry.required(.exponent)
    exponent = try entry.integer(.exponent, default: 0)
    guard (1...64).contains(exponent) else {
      throw entry.failure(.exponent, "expected a number from 1 to 64")
    }
    normalizes = try entry.flag(.normalizes)
  }

  /// What a layer with so many heads computes.
  package func recipe(heads: Int) -> DecayRecipe {
    DecayRecipe(
      factors: (0..<heads).map { head in
        // Powers of two are exact.
        1 - Double(sign: .plus, exponent: -exponent - head, significand: 1)
      }, normalizes: normalizes)
  }
}
