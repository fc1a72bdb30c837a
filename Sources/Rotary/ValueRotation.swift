import Tensors

/// The rotation of values and outputs: a frequency for every layer and pair.
package struct ValueRotation: Sendable, Equatable {
  /// Where a value bias goes in a model that rotates values.
  package enum Bias: String, Sendable {
    /// The bias is part of v and rotates with it.
    case rotated
    /// The bias is added to the aggregate after the outputs were turned back: what a model trained
    /// without value rotation needs, since attention weights sum to 1.
    case unrotated
  }

  /// Radians per position, [layers][pairs], each a Float's value; 0: the pair stays still.
  package var frequencies: [[Double]]
  package var layout: PairLayout
  package var bias: Bias
  /// Set where the table has a simple form: the base it was computed with.
  package var base: Double?
  /// Set where every layer keeps the same number of slowest pairs.
  package var pairs: Int?

  package init(
    frequencies: [[Double]], layout: PairLayout, bias: Bias, base: Double? = nil, pairs: Int? = nil
  ) {
    // A checkpoint stores floats: rounding here makes "as if" and "converted" the same numbers.
    self.frequencies = frequencies.map { $0.map { Double(Float($0)) } }
    self.layout = layout
    self.bias = bias
    self.base = base
    self.pairs = pairs
  }

  /// Pairs of a head that have a slot in the table.
  package var slots: Int { frequencies.first?.count ?? 0 }

  /// Keeps the `count` slowest pairs (the highest indices) of every layer and stills the others.
  /// - Throws: `RotaryError.tooManyPairs`.
  package mutating func keepSlowest(_ count: Int) throws(RotaryError) {
    try keepSlowest(byLayer: [Int](repeating: count, count: frequencies.count))
    pairs = count
  }

  /// Keeps as many slowest pairs of each layer as its entry says.
  /// - Throws: `RotaryError.tooManyPairs`, or `.layerCount` for a list of another length.
  package mutating func keepSlowest(byLayer counts: [Int]) throws(RotaryError) {
    guard counts.count == frequencies.count else {
      throw .layerCount(found: counts.count, expected: frequencies.count)
    }
    for (layer, count) in counts.enumerated() {
      guard count >= 0, count <= slots else {
        throw .tooManyPairs(asked: count, available: slots)
      }
      for pair in 0..<(slots - count) { frequencies[layer][pair] = 0 }
    }
    pairs = nil
  }

  /// Stills every pair that turns less than `epsilon` radians over `span` positions (identity B1).
  /// - Returns: how many were stilled, and the bound `2 sin(theta * span / 2)` on the error per unit
  ///   of such a pair.
  package mutating func stillPairs(span: Int, epsilon: Double) -> (count: Int, bound: Double) {
    var count = 0
    var bound = 0.0
    for layer in frequencies.indices {
      for pair in frequencies[layer].indices {
        let angle = abs(frequencies[layer][pair]) * Double(span)
        guard angle > 0, angle < epsilon else { continue }
        bound = max(bound, 2 * sineOfHalf(angle))
        frequencies[layer][pair] = 0
        count += 1
      }
    }
    if count > 0 { pairs = nil }
    return (count, bound)
  }

  /// `sin(angle / 2)` of an angle far below 1, where its series' first two terms are exact enough.
  private func sineOfHalf(_ angle: Double) -> Double {
    let half = angle / 2
    return half - half * half * half / 6
  }
}
