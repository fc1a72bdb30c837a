import Tensors

/// Which way pairs turn as positions grow: `R_t` or `R_(-t)`.
package enum RotationDirection: String, Sendable, CaseIterable {
  case forward, backward

  package var other: RotationDirection { self == .forward ? .backward : .forward }
}

/// The rotation of a layer's queries and keys: which dims of a head turn, and how fast.
public struct ScoreRotation: Sendable, Equatable {
  /// Rotated dims of a head, even.
  public var dimensions: Int
  /// The first rotated dim of a query or key head (DeepSeek's heads keep still dims in front).
  public var offset: Int
  /// Which of the rotated dims make a pair.
  public var layout: PairLayout
  /// The frequency base, positive.
  public var base: Double
  /// How the frequencies are changed for long contexts.
  public var scaling: FrequencyScaling
  /// The frequencies are those of windowed layers alone (Gemma 3), which never look far: a scaling
  /// that is asked for leaves them as they are.
  public var isLocal: Bool
  /// Which way the pairs turn.
  package var direction = RotationDirection.forward
  /// Radians per position of every pair, of a checkpoint that states them itself, in the place of
  /// those that follow from the base; 0: the pair stays still.
  package var stated: [Double]?

  /// A rotation of the `dimensions` dims from `offset` on.
  public init(
    dimensions: Int, offset: Int = 0, layout: PairLayout, base: Double,
    scaling: FrequencyScaling = .none, isLocal: Bool = false
  ) {
    self.dimensions = dimensions
    self.offset = offset
    self.layout = layout
    self.base = base
    self.scaling = scaling
    self.isLocal = isLocal
  }

  /// Rotary pairs of a head.
  public var pairs: Int { dimensions / 2 }

  /// The frequencies of a pass over `length` positions.
  public func frequencies(length: Int) throws(RotaryError) -> RotaryFrequencies {
    var frequencies =
      if let stated {
        try RotaryFrequencies(stated: stated, scaling: scaling)
      } else {
        try RotaryFrequencies(
          dimensions: dimensions, base: base, scaling: scaling, length: length)
      }
    if direction == .backward { frequencies.radians = frequencies.radians.map { 0 - $0 } }
    return frequencies
  }
}

/// How one layer of a model rotates.
public struct RotaryLayer: Sendable, Equatable {
  /// The sites that rotate.
  public var sites: RotarySites
  /// How queries and keys turn where `sites` has them, and what a value rotation is computed from;
  /// nil in a layer without positions, which no variant reaches.
  public var score: ScoreRotation?
  /// What values and outputs use where `sites` has them.
  public var value: ValueRotation?

  /// A layer that rotates these sites.
  public init(sites: RotarySites, score: ScoreRotation?, value: ValueRotation? = nil) {
    self.sites = sites
    self.score = score
    self.value = value
  }

  /// Rotary pairs of a head.
  public var pairs: Int { score?.pairs ?? 0 }

  /// What values and outputs turn by in a pass over `length` positions: those that follow the scaling
  /// turn as it is at that length.
  /// - Returns: radians per position of every pair, each a Float's value; empty without value rotation.
  /// - Throws: `RotaryError` where the frequencies of this length cannot be computed.
  package func valueFrequencies(length: Int) throws(RotaryError) -> [Double] {
    guard let value else { return [] }
    guard value.followsScaling, var score else { return value.frequencies }
    if let base = value.base {
      score.base = base
      score.stated = nil
    }
    score.scaling = value.ownScaling ?? score.scaling
    score.direction = .forward
    let radians = try score.frequencies(length: length).radians
    guard radians.count == value.slots else { return value.frequencies }
    // The table says which pairs turn, and which way.
    return zip(value.frequencies, radians).map { stated, radians in
      stated == 0 ? 0 : Double(Float(stated < 0 ? -radians : radians))
    }
  }

  /// Radians that each value pair turns at most over `span` positions, whatever the length of the
  /// pass up to there. A scaling that follows the length slows the pairs down: where it begins and at
  /// the end they turn most.
  /// - Throws: `RotaryError` where the frequencies of a length cannot be computed.
  func valueAngles(span: Int) throws(RotaryError) -> [Double] {
    guard let value else { return [] }
    var angles = value.frequencies.map { abs($0) * Double(span) }
    guard value.followsScaling, let score else { return angles }
    let begin = (value.ownScaling ?? score.scaling).originalContext ?? span
    angles = [Double](repeating: 0, count: value.slots)
    for length in [min(begin, span), span, span + 1] {
      let frequencies = try valueFrequencies(length: length)
      for (pair, frequency) in frequencies.enumerated() {
        angles[pair] = max(angles[pair], abs(frequency) * Double(min(length, span)))
      }
    }
    return angles
  }

  /// Turns all pairs the other way.
  package mutating func reverse() {
    if let direction = score?.direction { score?.direction = direction.other }
    value?.reverse()
  }

  /// Whether any value pair turns.
  public var turnsValues: Bool { sites.rotatesMessage && (value?.turning ?? 0) > 0 }
}
