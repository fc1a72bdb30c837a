import Models
import Rotary

/// How the output rotates: the variant that was asked for, and what the identities and the container's
/// layout of pairs make of it.
struct OutputRotation {
  /// The sites of the variant.
  let sites: RotarySites
  /// What is applied to the weights: what was asked for, and what the variant needs besides.
  let identities: [AbsorptionIdentity]
  /// A bound on the error per unit of a stilled pair; 0 where none is stilled.
  let stillBound: Double
  /// The variant before pair layouts change: what a fit works on.
  let fitTarget: RotaryConfiguration
  /// What the output declares.
  let target: RotaryConfiguration
  /// What readers of the output's architecture do not expect of queries and keys.
  let scores: ScoreDeclaration

  /// - Parameters:
  ///   - variant: the source's rotation as the request changes it (`ConversionRequest.variant`).
  ///   - source: the model.
  ///   - request: what is asked for.
  ///   - side: whose layouts the output has.
  ///   - isFitted: a fit of the weights is at hand.
  /// - Throws: `ConversionError.setting` for identities without effect or beside a fit, and what a
  ///   container cannot say of the rotation.
  init(
    _ variant: RotaryConfiguration, of source: ModelPlan, _ request: ConversionRequest,
    on side: Architecture.Side, isFitted: Bool
  ) throws {
    sites = variant.sites
    identities = Self.identities(request, source, sites: sites)
    var turned = variant
    stillBound =
      identities.contains(.stillPairs)
      ? try Self.stillPairs(of: &turned, source, epsilon: request.stillEpsilon) : 0
    if identities.contains(.latent) {
      Self.offsetAbsorbedScores(of: &turned, source)
      if request.expectsFit || isFitted { throw ConversionError.setting(.fitOfAbsorbed) }
    }
    fitTarget = turned
    target = Self.laidOut(turned, source, on: side, identities)
    try source.checkValues(target)
    try Self.checkSharedRows(of: target, source)
    scores = target.scoreDeclaration(native: source.pairLayouts[side])
  }

  /// The identities asked for; a bias that did not rotate must not start to: it is declared unrotated.
  private static func identities(
    _ request: ConversionRequest, _ source: ModelPlan, sites: RotarySites
  ) -> [AbsorptionIdentity] {
    let hasValueBias = source.layers.contains { $0[.valueBias] != nil }
    let startsRotating = sites.rotatesMessage && !source.rotary.sites.rotatesMessage
    let isMissing = startsRotating && hasValueBias && !request.absorb.contains(.valueBias)
    return request.absorb + (isMissing ? [.valueBias] : [])
  }

  /// Stills value pairs that hardly turn within the context.
  /// - Returns: a bound on the error per unit of a stilled pair.
  /// - Throws: `ConversionError.setting` where pairs turn and none of them so little.
  private static func stillPairs(
    of rotary: inout RotaryConfiguration, _ source: ModelPlan, epsilon: Double
  ) throws -> Double {
    let span = source.shape.context - (rotary.sites.isRelative ? 1 : 0)
    let stilled = try rotary.stillPairs(span: span, epsilon: epsilon)
    let turns = rotary.layers.contains { $0.value?.frequencies.contains { $0 != 0 } == true }
    if turns, stilled.count == 0 {
      throw ConversionError.setting(.nothingToStill(epsilon: epsilon))
    }
    return stilled.bound
  }

  /// Absorbed queries and keys turn where latent attention has their rotary dims.
  private static func offsetAbsorbedScores(
    of rotary: inout RotaryConfiguration, _ source: ModelPlan
  ) {
    for (index, layer) in source.layers.enumerated() {
      guard let attention = layer.recipe.attention?.absorbed else { continue }
      rotary.layers[index].score?.offset = attention.rotation.score?.offset ?? 0
    }
  }

  /// The variant with pairs as the output has them: queries' and keys' in the container's own layout,
  /// A1 taking the other one, which something records, and A7 the other direction.
  private static func laidOut(
    _ rotary: RotaryConfiguration, _ source: ModelPlan, on side: Architecture.Side,
    _ identities: [AbsorptionIdentity]
  ) -> RotaryConfiguration {
    var target = rotary
    for (index, layer) in rotary.layers.enumerated() {
      guard var layout = layer.score?.layout else { continue }
      if source.side != side, layout == source.pairLayouts[source.side] {
        layout = source.pairLayouts[side] ?? layout
      }
      if identities.contains(.pairLayout) {
        layout = layout.other
        if let values = layer.value { target.layers[index].value?.layout = values.layout.other }
      }
      target.layers[index].score?.layout = layout
      if identities.contains(.direction) { target.layers[index].reverse() }
    }
    return target
  }

  /// Where the rows of the key matrix are the value's too, they must stay in their order.
  private static func checkSharedRows(of target: RotaryConfiguration, _ source: ModelPlan) throws {
    for (index, layer) in source.layers.enumerated()
    where layer.recipe.attention?.valueIsKey == true {
      let (old, new) = (source.rotary.layers[index].score, target.layers[index].score)
      guard new?.layout != old?.layout || new?.direction != old?.direction else { continue }
      throw ModelError.notRepresentable(
        file: source.checkpoint.path,
        what: "layer \(index), whose values are its keys, with pairs in another order,",
        container: "the output")
    }
  }

  /// What identities do to the weights of the source.
  func absorption(of source: ModelPlan) -> Absorption {
    Absorption(plan: source, target: target, identities: identities)
  }

  /// The identities one by one, for the report.
  func absorbed(of source: ModelPlan) -> [ConversionPlan.AbsorbedIdentity] {
    identities.sorted().map { identity in
      let alone = Absorption(plan: source, target: target, identities: [identity])
      let tensors = source.layers.indices.reduce(0) { sum, index in
        let moves = identity == .pairLayout || identity == .direction
        let moved = moves ? target.layers[index].permutedMatrices : 0
        return sum + alone.layer(index).rewrittenRoles().count + moved
      }
      return ConversionPlan.AbsorbedIdentity(
        identity: identity, tensors: tensors, bound: identity == .stillPairs ? stillBound : 0)
    }
  }

  /// What the output must declare of it; nil where readers of the source's family expect all of it.
  func declaration(of source: ModelPlan, on side: Architecture.Side) -> RotaryDeclaration? {
    let values = target.valueTable
    let absorbsLatent = identities.contains(.latent)
    let isPlain =
      sites == source.plainSites && values == source.plainValues && scores == ScoreDeclaration()
      && !(side == .huggingface && source.turnsPartOfHeads)
      && !absorbsLatent && !source.isAbsorbed
    if isPlain { return nil }
    return RotaryDeclaration(
      sites: sites, value: values, valueDimensions: target.valueDimensions, scores: scores,
      baseArchitecture: source.architecture.name,
      absorbsLatent: absorbsLatent || source.isAbsorbed)
  }
}

extension RotaryLayer {
  /// The matrices whose rows move with the pair layout (A1): of queries and keys, and of values
  /// where those rotate.
  fileprivate var permutedMatrices: Int { score == nil ? 0 : value == nil ? 2 : 3 }
}

extension ConversionRequest {
  /// Refuses what a container cannot hold, and what would have no effect.
  /// - Throws: `ConversionError.setting`.
  func check(for container: OutputContainer, on side: Architecture.Side) throws(ConversionError) {
    if shardSize != nil, container == .safetensors { throw .setting(.shards) }
    if case .mix(let mix, _) = type, side != .gguf {
      throw .setting(.quantizedOutsideGGUF(type: mix.rawValue))
    }
    if importance != nil, type.mainType == nil { throw .setting(.importanceUnused) }
  }

  /// The source's rotation with the sites and values that are asked for.
  /// - Throws: `RotaryError`, and `ConversionError.setting` for values' settings where none turn.
  func variant(of source: ModelPlan) throws -> RotaryConfiguration {
    let variant = try source.rotary.applying(rotary, length: source.shape.context)
    if valuePairs != nil || valuePairsByLayer != nil || valueBase != nil {
      guard sites != nil else { throw ConversionError.setting(.valuesStay) }
      guard variant.sites.rotatesMessage else {
        throw ConversionError.setting(.noValueRotation(sites: variant.sites.name))
      }
    }
    return variant
  }
}
