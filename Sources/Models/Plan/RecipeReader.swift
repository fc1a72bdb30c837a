import Checkpoints
import Rotary

/// Makes the recipe of every layer out of what the data file says of the architecture's blocks and
/// of the checkpoint's hyper-parameters.
struct RecipeReader {
  let parameters: Hyperparameters
  let rotary: RotaryParameters

  private var block: BlockRecipe { parameters.architecture.block }

  /// - Returns: the whole model's shape, its vocabulary still 0, and a recipe for every layer, in
  ///   the rotation that a plain file of the architecture has.
  /// - Throws: `ModelError` for hyper-parameters that are missing, wrong, or do not fit together.
  func read() throws -> (shape: ModelShape, recipes: [LayerRecipe]) {
    let stated = try StatedShape(parameters, rotaryDimensions: rotary.dimensions())
    let norm = NormRecipe(kind: block.norm, epsilon: stated.normEpsilon)
    let shape = ModelShape(
      positions: block.positions, layers: stated.layers, width: stated.width, vocabulary: 0,
      context: stated.context, embeddingMultiplier: stated.embeddingMultiplier, outputNorm: norm,
      logitDivisor: stated.logitDivisor, logitSoftcap: stated.logitSoftcap,
      networks: StatedNetworks(denseWidth: stated.feedForward, experts: stated.experts))
    let network = FeedForwardRecipe(
      form: block.feedForward, width: stated.feedForward, activation: block.activation,
      clamp: block.gateClamp)
    let residual = ResidualRecipe(
      isParallel: stated.parallelResidual, multiplier: stated.residualMultiplier)
    let scores = try rotary.scores(stated)
    let temperature = try rotary.temperature(scores)
    var recipes = zip(stated.windows, scores).map { window, score in
      var attention = AttentionRecipe(
        kind: kind(stated), heads: stated.heads, keyValueHeads: stated.keyValueHeads,
        keyWidth: stated.keyWidth, valueWidth: stated.valueWidth, scale: stated.attentionScale,
        softcap: stated.attentionSoftcap, window: window, headNorm: block.queryKeyNorm,
        isGated: parameters.architecture.weights[.attentionGate] != nil,
        temperature: temperature,
        rotation: RotaryLayer(sites: score == nil ? .none : shape.plainSites, score: score))
      attention.scale *= Self.latentMagnitude(attention, score)
      return LayerRecipe(
        mixer: .attention(attention), channelMixer: .dense(network), norm: norm,
        normPlacement: block.normPlacement, residual: residual)
    }
    for (index, rule) in try StatedDeltaRule.read(parameters, layers: stated.layers).enumerated() {
      if let rule { recipes[index].mixer = .deltaRule(rule) }
    }
    if let experts = stated.experts {
      for (index, hasExperts) in stated.expertLayers.enumerated() where hasExperts {
        recipes[index].channelMixer = .experts(experts)
      }
    }
    return (shape, recipes)
  }

  private func kind(_ stated: StatedShape) -> AttentionRecipe.Kind {
    switch block.attention {
    case .grouped: .grouped
    case .latent:
      .latent(
        AttentionRecipe.Latent(
          rank: stated.latentRank, queryRank: stated.queryRank > 0 ? stated.queryRank : nil,
          sharedKeyWidth: stated.rotaryDimensions))
    }
  }

  /// DeepSeek folds the magnitude of all dims into the softmax scale.
  private static func latentMagnitude(
    _ attention: AttentionRecipe, _ score: ScoreRotation?
  ) -> Double {
    guard attention.latent != nil, case .yarn(let yarn) = score?.scaling,
      let mscale = yarn.mscaleAllDims, mscale != 0
    else { return 1 }
    let magnitude = FrequencyScaling.YaRN.magnitude(stretch: yarn.factor, mscale: mscale)
    return magnitude * magnitude
  }
}

extension ModelShape {
  /// The sites of a layer with positions in a plain file of the architecture.
  var plainSites: RotarySites { positions == .rotary ? .scores : .none }
}
