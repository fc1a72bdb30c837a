import Tensors

/// The frequencies one group of layers was trained with.
package struct RotarySet: Sendable, Equatable {
  package var base: Double
  package var scaling: FrequencyScaling

  package init(base: Double, scaling: FrequencyScaling = .none) {
    self.base = base
    self.scaling = scaling
  }
}

/// The rotation of queries and keys: which dims of a head turn, and how fast in which layer.
package struct ScoreRotation: Sendable, Equatable {
  /// Rotated dims of a head, even; 0 in a model without rotary positions.
  package var dimensions: Int
  /// The first rotated dim of a query or key head (DeepSeek's heads keep still dims in front).
  package var offset: Int
  package var layout: PairLayout
  package var sets: [RotarySet]
  /// The set each layer uses, by index: Gemma 3's local layers have a base of their own.
  package var setOfLayer: [Int]

  package init(
    dimensions: Int, offset: Int = 0, layout: PairLayout, sets: [RotarySet], setOfLayer: [Int]
  ) {
    self.dimensions = dimensions
    self.offset = offset
    self.layout = layout
    self.sets = sets
    self.setOfLayer = setOfLayer
  }

  package var pairs: Int { dimensions / 2 }

  /// The frequencies of one layer for a pass over `length` positions.
  package func frequencies(layer: Int, length: Int) throws(RotaryError) -> RotaryFrequencies {
    let set = sets[setOfLayer[layer]]
    return try RotaryFrequencies(
      dimensions: dimensions, base: set.base, scaling: set.scaling, length: length)
  }
}

/// Everything about rotation that a forward pass needs.
package struct RotaryConfiguration: Sendable, Equatable {
  package var sites: RotarySites
  package var score: ScoreRotation
  /// What values and outputs use where `sites` has them.
  package var value: ValueRotation?

  package init(sites: RotarySites, score: ScoreRotation, value: ValueRotation?) {
    self.sites = sites
    self.score = score
    self.value = value
  }
}

/// A variant to evaluate a model as, or to convert it to, whatever its checkpoint says.
package struct RotaryRequest: Sendable, Equatable {
  package var sites: RotarySites?
  /// So many slowest value pairs turn in every layer.
  package var valuePairs: Int?
  /// A count of its own for every layer, in place of `valuePairs`.
  package var valuePairsByLayer: [Int]?
  package var valueBase: Double?
  /// Replaces the scaling of every set but those of windowed layers, which never look far.
  package var scaling: FrequencyScaling?

  package init(
    sites: RotarySites? = nil, valuePairs: Int? = nil, valuePairsByLayer: [Int]? = nil,
    valueBase: Double? = nil, scaling: FrequencyScaling? = nil
  ) {
    self.sites = sites
    self.valuePairs = valuePairs
    self.valuePairsByLayer = valuePairsByLayer
    self.valueBase = valueBase
    self.scaling = scaling
  }

  package static let asStored = RotaryRequest()
}

extension RotaryConfiguration {
  /// This configuration changed as asked.
  ///
  /// The default table of values is the QK table of each layer with the QK sites' dims and layout;
  /// `valueBase` computes it with that base, scaling included; `valuePairs` then keeps the slowest.
  /// A value bias of a model that did not rotate values stays unrotated.
  /// - Parameter length: positions a pass covers, for scalings that depend on it.
  package func applying(
    _ request: RotaryRequest, length: Int
  ) throws(RotaryError) -> RotaryConfiguration {
    var result = self
    if let scaling = request.scaling { result.score.sets[0].scaling = scaling }
    if let sites = request.sites { result.sites = sites }
    guard result.sites.rotatesMessage else {
      if let pairs = request.valuePairs, pairs > score.pairs {
        throw .tooManyPairs(asked: pairs, available: score.pairs)
      }
      result.value = nil
      return result
    }
    let stored = value
    if let stored, request.valuePairs == nil, request.valuePairsByLayer == nil,
      request.valueBase == nil, request.scaling == nil
    {
      result.value = stored
      return result
    }
    var table: [[Double]] = []
    for layer in score.setOfLayer.indices {
      var set = result.score.sets[result.score.setOfLayer[layer]]
      if let base = request.valueBase ?? stored?.base { set.base = base }
      let frequencies = try RotaryFrequencies(
        dimensions: score.dimensions, base: set.base, scaling: set.scaling, length: length)
      table.append(frequencies.radians)
    }
    let sameBase = score.sets.count == 1 || request.valueBase != nil
    var rotation = ValueRotation(
      frequencies: table, layout: stored?.layout ?? score.layout, bias: stored?.bias ?? .unrotated,
      base: request.valueBase ?? stored?.base ?? (sameBase ? score.sets.first?.base : nil),
      pairs: score.pairs)
    if let counts = request.valuePairsByLayer {
      try rotation.keepSlowest(byLayer: counts)
    } else if let pairs = request.valuePairs ?? stored?.pairs {
      try rotation.keepSlowest(pairs)
    }
    result.value = rotation
    return result
  }
}
