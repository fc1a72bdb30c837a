import Base
import Tensors

/// The rotation of a layer's values and outputs: a frequency for every pair.
public struct ValueRotation: Sendable, Equatable {
  /// Where a value bias goes in a layer that rotates values.
  public enum Bias: String, Sendable {
    /// The bias is part of v and rotates with it.
    case rotated
    /// The bias is added to the aggregate after the outputs were turned back: what a model trained
    /// without value rotation needs, since attention weights sum to 1.
    case unrotated
  }

  /// Radians per position of every pair, each a Float's value; 0: the pair stays still.
  public var frequencies: [Double]
  /// Which dims of a head make a pair.
  public var layout: PairLayout
  /// Where a value bias goes.
  public var bias: Bias
  /// The base the frequencies were computed with, where one base says it for all layers.
  public var base: Double?
  /// How many slowest pairs turn, where one count says it for all layers.
  public var pairs: Int?
  /// How the frequencies were changed for long contexts, where that is not how those of queries and
  /// keys were.
  package var ownScaling: FrequencyScaling?
  /// Whether the pairs that turn do so by the base's frequencies under the scaling, which follows the
  /// length of a pass; `frequencies` are then those of one length. Else they count for every length.
  package var followsScaling = false

  /// A rotation by these frequencies, rounded to Float.
  public init(
    frequencies: [Double], layout: PairLayout, bias: Bias, base: Double? = nil, pairs: Int? = nil
  ) {
    // A checkpoint stores floats: rounding here makes "as if" and "converted" the same numbers.
    self.frequencies = frequencies.map { Double(Float($0)) }
    self.layout = layout
    self.bias = bias
    self.base = base
    self.pairs = pairs
  }

  /// Pairs of a head that have a frequency.
  public var slots: Int { frequencies.count }

  /// Pairs that turn.
  public var turning: Int { frequencies.count { $0 != 0 } }

  /// Which way those turn; those of a table with both signs are not of one direction, which is
  /// called forward.
  var direction: RotationDirection {
    turning > 0 && frequencies.allSatisfy { $0 <= 0 } ? .backward : .forward
  }

  /// Turns all pairs the other way.
  mutating func reverse() { frequencies = frequencies.map { 0 - $0 } }

  /// Keeps the `count` slowest of the pairs that turn (the highest indices) and stills the others.
  /// - Throws: `RotaryError.tooManyPairs`.
  public mutating func keepSlowest(_ count: Int) throws(RotaryError) {
    let turning = frequencies.indices.filter { frequencies[$0] != 0 }
    guard count >= 0, count <= turning.count else {
      throw .tooManyPairs(asked: count, available: turning.count)
    }
    for pair in turning.dropLast(count) { frequencies[pair] = 0 }
    pairs = count
  }

  /// Stills every pair that turns less than `epsilon` radians (identity B1).
  /// - Parameters:
  ///   - angles: radians that each pair turns at most.
  ///   - epsilon: radians, above 0.
  /// - Returns: how many were stilled, and the bound `2 sin(angle / 2)` on the error per unit of such
  ///   a pair.
  mutating func stillPairs(angles: [Double], epsilon: Double) -> (count: Int, bound: Double) {
    var count = 0
    var bound = 0.0
    for (pair, angle) in zip(frequencies.indices, angles) {
      guard angle > 0, angle < epsilon else { continue }
      bound = max(bound, 2 * Self.sineOfHalf(angle))
      frequencies[pair] = 0
      count += 1
    }
    return (count, bound)
  }

  /// `sin(angle / 2)` of an angle far below 1, where its series' first two terms are exact enough.
  private static func sineOfHalf(_ angle: Double) -> Double {
    let half = angle / 2
    return half - half * half * half / 6
  }
}

/// The value rotation of a whole model, as files state it: a frequency for every layer and pair.
package struct ValueTable: Sendable, Equatable {
  /// Radians per position, [layers][pairs of a head there]; 0: the pair stays still.
  package let frequencies: [[Double]]
  package let layout: PairLayout
  package let bias: ValueRotation.Bias
  /// Set where the table has a simple form: the base it was computed with.
  package let base: Double?
  /// Set where every layer keeps the same number of slowest pairs.
  package let pairs: Int?
  /// Whether the pairs that turn follow the scaling of queries and keys; see
  /// `ValueRotation.followsScaling`.
  package let followsScaling: Bool

  package init(
    frequencies: [[Double]], layout: PairLayout, bias: ValueRotation.Bias, base: Double? = nil,
    pairs: Int? = nil, followsScaling: Bool = false
  ) {
    self.followsScaling = followsScaling
    self.frequencies = frequencies
    self.layout = layout
    self.bias = bias
    self.base = base
    self.pairs = pairs
  }

  /// The table of layers whose values turn as these do; a layer with nil stays still.
  init?(_ rows: [ValueRotation?]) {
    guard let any = rows.lazy.compactMap({ $0 }).first else { return nil }
    // As many as a head of any layer has.
    let still = [Double](repeating: 0, count: rows.reduce(0) { max($0, $1?.slots ?? 0) })
    let turning = rows.compactMap { $0 }
    self.init(
      frequencies: rows.map { $0?.frequencies ?? still }, layout: any.layout, bias: any.bias,
      base: turning.map(\.base).agreed ?? nil, pairs: turning.map(\.pairs).agreed ?? nil,
      followsScaling: turning.contains(where: \.followsScaling))
  }

  /// One layer's rotation.
  func row(_ layer: Int) -> ValueRotation {
    var rotation = ValueRotation(
      frequencies: frequencies[layer], layout: layout, bias: bias, base: base, pairs: pairs)
    rotation.followsScaling = followsScaling
    return rotation
  }

  /// How many pairs turn in each layer.
  package var turning: [Int] { frequencies.map { $0.count { $0 != 0 } } }

  /// Pairs of all layers.
  package var slots: Int { frequencies.reduce(0) { $0 + $1.count } }
}
