import Base
import Tensors

/// Everything about rotation that a forward pass needs: how each layer rotates.
public struct RotaryConfiguration: Sendable, Equatable {
  /// One for every layer of the model, in order.
  public var layers: [RotaryLayer]

  /// The configuration of a model with these layers.
  public init(layers: [RotaryLayer]) { self.layers = layers }

  /// The sites that rotate in any layer.
  public var sites: RotarySites { layers.reduce(.none) { $0.union($1.sites) } }

  /// The rotations of queries and keys that layers have, each once, those that look far first.
  public var scores: [ScoreRotation] {
    var found: [ScoreRotation] = []
    for score in layers.lazy.compactMap(\.score) where found.last != score {
      if !found.contains(score) { found.append(score) }
    }
    return found.filter { !$0.isLocal } + found.filter(\.isLocal)
  }

  /// The most rotary pairs that a head of any layer has.
  public var pairs: Int { layers.reduce(0) { max($0, $1.pairs) } }

  /// Layers without positions, which no variant reaches, counted from 0.
  package var unrotatedLayers: [Int] { layers.indices.filter { layers[$0].score == nil } }

  /// Value pairs of all layers that have a rotation of values.
  package var valueSlots: Int { layers.reduce(0) { $0 + ($1.value?.slots ?? 0) } }

  /// The value rotation of all layers as one table; nil where no layer has one.
  package var valueTable: ValueTable? { ValueTable(layers.map(\.value)) }

  /// Whether values turn alike at every length, though the scaling of queries and keys makes those
  /// follow it.
  package var fixesValueScaling: Bool {
    layers.contains { layer in
      guard let value = layer.value, let score = layer.score else { return false }
      return layer.turnsValues && !value.followsScaling && value.ownScaling == nil
        && score.scaling.dependsOnLength
    }
  }

  /// The first scaling of queries and keys that values must not be said to follow, where some are: one
  /// that is not alike at every base, or, where none follows the length, that of the first layer.
  package var unfollowable: FrequencyScaling? {
    let followed = layers.filter { $0.value?.followsScaling == true }.compactMap(\.score?.scaling)
    return followed.first { !$0.isAlikeAtEveryBase }
      ?? (followed.contains(where: \.isOfLength) ? nil : followed.first)
  }

  /// Whether values that do not follow the scaling turn by a table of other frequencies than the scaled
  /// ones of their base, at `length` positions: it was made under another scaling, or by hand.
  package func hasUnscaledValues(length: Int) -> Bool {
    layers.contains { layer in
      guard layer.turnsValues, let value = layer.value, var score = layer.score,
        !value.followsScaling, value.ownScaling == nil, score.scaling != .none
      else { return false }
      score.direction = .forward
      if let base = value.base {
        // Llama 3's factors of another base are those of its own wavelengths, or the same in a GGUF file.
        switch score.scaling {
        case .llama3, .factors: if base != score.base { return false }
        default: break
        }
        score.base = base
        score.stated = nil
      }
      if value.slots != score.pairs {
        score.dimensions = 2 * value.slots
        score.stated = nil
      }
      guard let scaled = try? score.frequencies(length: length).radians else { return false }
      // Containers round bases and factors to float32; a pair that stays still says nothing.
      return zip(value.frequencies, scaled).contains { stated, scaled in
        stated != 0 && abs(abs(stated) - abs(scaled)) > 1e-5 * abs(scaled)
      }
    }
  }

  /// Gives values that follow the scaling the frequencies of a pass over `length` positions.
  /// - Throws: `RotaryError` where those cannot be computed.
  package mutating func followScaling(length: Int) throws(RotaryError) {
    for index in layers.indices where layers[index].value?.followsScaling == true {
      let frequencies = try layers[index].valueFrequencies(length: length)
      layers[index].value?.frequencies = frequencies
    }
  }

  /// Takes what a converted file declares of every layer that has positions.
  /// - Parameters:
  ///   - sites: the sites that rotate.
  ///   - values: a row for every layer.
  ///   - scores: what of the rotation of queries and keys is not as in a plain file.
  package mutating func declare(
    sites: RotarySites, values: ValueTable?, scores: ScoreDeclaration
  ) {
    for index in layers.indices where layers[index].score != nil {
      layers[index].sites = sites
      layers[index].value = values?.row(index)
      if let layout = scores.layout { layers[index].score?.layout = layout }
      layers[index].score?.direction = scores.direction
      layers[index].score?.stated = scores.frequencies?[index]
    }
  }

  /// What of the rotation of queries and keys a file must declare, where its readers expect pairs
  /// laid out as in `native`.
  package func scoreDeclaration(native: PairLayout?) -> ScoreDeclaration {
    let scores = scores
    let stated = scores.contains { $0.stated != nil }
    let most = scores.reduce(0) { max($0, $1.pairs) }
    return ScoreDeclaration(
      layout: scores.map(\.layout).first { $0 != native },
      direction: scores.first?.direction ?? .forward,
      frequencies: stated
        ? layers.map { $0.score?.stated ?? [Double](repeating: 0, count: $0.score?.pairs ?? most) }
        : nil)
  }

  /// Dims of a value head of each layer that have a frequency, where in some layer those are other
  /// ones than dims of a key head; nil: nowhere.
  package var valueDimensions: [Int]? {
    guard let table = valueTable else { return nil }
    let follows = layers.allSatisfy { $0.value.map(\.slots) ?? $0.pairs == $0.pairs }
    return follows ? nil : table.frequencies.map { 2 * $0.count }
  }

  /// Stills every pair that turns less than `epsilon` radians over `span` positions (identity B1).
  /// - Returns: how many were stilled, and the largest bound on the error per unit of such a pair.
  /// - Throws: `RotaryError` where the frequencies of a length cannot be computed.
  public mutating func stillPairs(
    span: Int, epsilon: Double
  ) throws(RotaryError) -> (count: Int, bound: Double) {
    var (count, bound) = (0, 0.0)
    for index in layers.indices {
      let angles = try layers[index].valueAngles(span: span)
      let stilled = layers[index].value?.stillPairs(angles: angles, epsilon: epsilon)
      count += stilled?.count ?? 0
      bound = max(bound, stilled?.bound ?? 0)
    }
    if count > 0 {
      for index in layers.indices { layers[index].value?.pairs = nil }
    }
    return (count, bound)
  }
}

/// What a file declares of how queries and keys turn, beside the sites: what is not as in a plain
/// file of its architecture.
package struct ScoreDeclaration: Sendable, Equatable {
  /// How pairs lie; nil: as the architecture's readers expect.
  package var layout: PairLayout?
  /// Which way pairs turn.
  package var direction: RotationDirection
  /// Radians per position, [layers][pairs of a head there]; nil: they follow from the base.
  package var frequencies: [[Double]]?

  package init(
    layout: PairLayout? = nil, direction: RotationDirection = .forward,
    frequencies: [[Double]]? = nil
  ) {
    self.layout = layout
    self.direction = direction
    self.frequencies = frequencies
  }
}

/// A variant to evaluate a model as, or to convert it to, whatever its checkpoint says.
public struct RotaryRequest: Sendable, Equatable {
  /// The sites that rotate; nil: those of each layer.
  public var sites: RotarySites?
  /// So many slowest value pairs turn in every layer.
  public var valuePairs: Int?
  /// A count of its own for every layer, in place of `valuePairs`.
  public var valuePairsByLayer: [Int]?
  /// The values' frequencies are computed with this base.
  public var valueBase: Double?
  /// Replaces the scaling of every layer but those with frequencies for their window, which never
  /// look far.
  public var scaling: FrequencyScaling?
  /// What the scaling reaches: `.scores`, `.message`, or both; the other stays as it is.
  package var scaledSites = RotarySites.all

  /// A request for these changes; what is nil stays as it is.
  public init(
    sites: RotarySites? = nil, valuePairs: Int? = nil, valuePairsByLayer: [Int]? = nil,
    valueBase: Double? = nil, scaling: FrequencyScaling? = nil
  ) {
    self.sites = sites
    self.valuePairs = valuePairs
    self.valuePairsByLayer = valuePairsByLayer
    self.valueBase = valueBase
    self.scaling = scaling
  }

  /// Nothing is changed.
  public static let asStored = RotaryRequest()

  /// The scaling that queries and keys of this rotation get.
  func scaling(of score: ScoreRotation) -> FrequencyScaling {
    scaledSites.rotatesScores ? asked(of: score) : score.scaling
  }

  /// The scaling that values of a layer with this rotation get.
  func valueScaling(of score: ScoreRotation) -> FrequencyScaling {
    scaledSites.rotatesMessage ? asked(of: score) : score.scaling
  }

  private func asked(of score: ScoreRotation) -> FrequencyScaling {
    score.isLocal ? score.scaling : scaling ?? score.scaling
  }

  /// Whether a value rotation that is there stays as it is.
  var keepsValues: Bool {
    valuePairs == nil && valuePairsByLayer == nil && valueBase == nil
      && (scaling == nil || !scaledSites.rotatesMessage)
  }
}

extension RotaryConfiguration {
  /// This configuration changed as asked, in every layer that has positions.
  ///
  /// The values' default is the QK rotation of their layer with its dims and layout; `valueBase`
  /// computes it with that base, scaling included; `valuePairs` then keeps the slowest. A value
  /// bias of a model that did not rotate values stays unrotated.
  /// - Parameters:
  ///   - request: what is asked for.
  ///   - length: positions a pass covers, for scalings that depend on it.
  /// - Returns: the changed configuration.
  /// - Throws: `RotaryError` for a request that these layers cannot meet.
  public func applying(
    _ request: RotaryRequest, length: Int
  ) throws(RotaryError) -> RotaryConfiguration {
    var result = self
    for (index, layer) in layers.enumerated() {
      guard let score = layer.score else { continue }
      result.layers[index].score?.scaling = request.scaling(of: score)
      result.layers[index].sites = request.sites ?? layer.sites
    }
    guard result.sites.rotatesMessage else {
      if let asked = request.valuePairs, asked > pairs {
        throw .tooManyPairs(asked: asked, available: pairs)
      }
      for index in layers.indices { result.layers[index].value = nil }
      return result
    }
    if request.keepsValues, layers.contains(where: { $0.value != nil }) {
      for (index, layer) in layers.enumerated() {
        guard let stored = layer.score?.scaling, result.layers[index].score?.scaling != stored
        else { continue }
        result.layers[index].value?.ownScaling = stored
      }
      try result.followScaling(length: length)
      return result
    }
    try result.computeValues(
      request, scalings: layers.map { $0.score.map(request.valueScaling) }, length: length)
    return result
  }

  /// Computes the values' frequencies anew, from the rotation of queries and keys, with the scaling
  /// that values get in each layer.
  private mutating func computeValues(
    _ request: RotaryRequest, scalings: [FrequencyScaling?], length: Int
  ) throws(RotaryError) {
    let commonBase = layers.compactMap(\.score?.base).agreed
    // A file says of values that they follow the scaling of keys only where they have as many pairs, and
    // where every reader then finds the same frequencies.
    let follows =
      scalings.contains { $0?.dependsOnLength == true } && valueDimensions == nil
      && scalings.allSatisfy { $0?.isAlikeAtEveryBase != false }
    var kept: [Int?] = []
    for index in layers.indices {
      let stored = layers[index].value
      kept.append(request.valuePairs ?? stored?.pairs)
      guard var score = layers[index].score, let scaling = scalings[index] else { continue }
      let ownScaling = scaling == score.scaling ? nil : scaling
      score.scaling = scaling
      if let stored {
        score.direction = stored.direction
        if stored.slots != score.pairs {
          score.dimensions = 2 * stored.slots
          score.stated = nil
        }
      }
      score.base = request.valueBase ?? stored?.base ?? score.base
      if request.valueBase != nil || stored?.base != nil { score.stated = nil }
      var value = ValueRotation(
        frequencies: try score.frequencies(length: length).radians,
        layout: stored?.layout ?? score.layout, bias: stored?.bias ?? .unrotated,
        base: score.stated == nil ? request.valueBase ?? stored?.base ?? commonBase : nil)
      value.pairs = value.turning
      value.ownScaling = ownScaling
      value.followsScaling = follows
      layers[index].value = value
    }
    if let counts = request.valuePairsByLayer {
      guard counts.count == layers.count else {
        throw .layerCount(found: counts.count, expected: layers.count)
      }
      kept = counts
    }
    for (index, count) in kept.enumerated() {
      guard let count else { continue }
      if layers[index].value == nil, request.valuePairsByLayer != nil, count != 0 {
        throw .tooManyPairs(asked: count, available: 0)
      }
      try layers[index].value?.keepSlowest(count)
      // No one count says it for all layers.
      if request.valuePairsByLayer != nil { layers[index].value?.pairs = nil }
    }
  }
}
