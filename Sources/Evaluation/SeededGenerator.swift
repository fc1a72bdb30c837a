import Crypto
import Foundation

/// A random number generator whose numbers are the same on every machine and for ever: SplitMix64
/// (Steele, Lea and Flood 2014). The standard library's own sampling may change, so it has none
/// of it.
public struct SeededGenerator: Sendable {
  private var state: UInt64

  public init(_ seed: UInt64) { state = seed }

  /// A generator of its own for every list of labels under one seed, so that any trial can be made
  /// alone.
  public init(_ seed: UInt64, _ labels: String...) {
    let digest = SHA256.hash(
      data: Data(([String(seed)] + labels).joined(separator: "\u{1F}").utf8))
    state = digest.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
  }

  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// A whole number from 0 to `bound - 1`, all equally likely; 0 for a bound below 1.
  public mutating func integer(below bound: Int) -> Int {
    guard bound > 1 else { return 0 }
    let bound = UInt64(bound)
    // Numbers above the last whole multiple of the bound would favour small results.
    let limit = UInt64.max - UInt64.max % bound
    var value = next()
    while value >= limit { value = next() }
    return Int(value % bound)
  }

  /// A whole number of a range.
  public mutating func integer(in range: ClosedRange<Int>) -> Int {
    range.lowerBound + integer(below: range.count)
  }

  /// One element; nil of none.
  public mutating func element<Element>(of elements: [Element]) -> Element? {
    elements.isEmpty ? nil : elements[integer(below: elements.count)]
  }
}
