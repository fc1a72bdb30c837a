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
    let stated = try StatedShape(rotary)
    let norm = NormRecipe(kind: block.norm, epsilon: stated.normEpsilon)
    let shape = ModelShape(
      positions: block.positions, layers: stated.layers, width: stated.width, vocabulary: 0,
      context: stated.context, embeddingMultiplier: stated.embeddingMultiplier, outputNorm: norm,
      logitDivisor: stated.logitDivisor, logitSoftcap: stated.logitSoftcap,
      layerInputWidth: stated.layerInputWidth,
      networks: StatedNetworks(denseWidths: stated.feedForward, experts: stated.experts),
      plainSites: block.sites, hyperConnections: stated.hyperConnections)
    let clamp = try GateLimit.read(parameters)
    let networks = stated.feedForward.map {
      FeedForwardRecipe(
        form: block.feedForward, width: $0, activation: block.activation, clamp: clamp)
    }
    let residual = ResidualRecipe(
      isParallel: stated.parallelResidual, multiplier: stated.residualMultiplier,
      hyperConnections: stated.hyperConnections)
    let scores = try rotary.scores(stated)
    let temperature = try rotary.temperature(scores)
    var recipes = try scores.enumerated().map { layer, score in
      var attention = AttentionRecipe(
        kind: kind(stated, layer: layer), heads: stated.heads[layer],
        keyValueHeads: stated.keyValueHeads[layer], keyWidth: stated.keyWidth[layer],
        valueWidth: stated.valueWidth[layer], scale: stated.attentionScale[layer],
        softcap: stated.attentionSoftcap, window: stated.windows[layer],
        headNorm: block.queryKeyNorm,
        isGated: parameters.architecture.weights[.attentionGate] != nil, temperature: temperature,
        normsValues: block.normsValues,
        valueIsKey: stated.valuesAreKeys[layer], keyValueSource: stated.keyValueSources[layer],
        rotation: RotaryLayer(sites: score == nil ? .none : shape.plainSites, score: score))
      attention.scale *= Self.latentMagnitude(attention, score)
      attention.normsOutputs = block.normsOutputs
      attention.gateActivation = block.gateActivation
      if let decay = block.decay {
        guard attention.keyValueHeads == attention.heads else {
          throw parameters.failure(
            .keyValueHeads,
            "is \(attention.keyValueHeads), but heads that decay have keys and values of their own")
        }
        attention.decay = decay.recipe(heads: attention.heads)
      }
      return LayerRecipe(
        mixer: .attention(attention), channelMixer: .dense(networks[layer]), norm: norm,
        normPlacement: block.normPlacement, residual: residual,
        inputWidth: stated.layerInputWidth)
    }
    for (index, rule) in try StatedDeltaRule.read(parameters, layers: stated.layers).enumerated() {
      if let rule { recipes[index].mixer = .deltaRule(rule) }
    }
    if let experts = stated.experts {
      for (index, kind) in stated.channelKinds.enumerated() where kind != .dense {
        let experts = experts.choosing(as: kind)
        recipes[index].channelMixer =
          block.hasDenseBesideExperts
          ? .denseBesideExperts(networks[index], experts) : .experts(experts)
      }
    }
    // Values of a plain file that turn do so as queries and keys.
    let rotary = try RotaryConfiguration(layers: recipes.map(\.rotation))
      .applying(RotaryRequest(sites: nil), length: shape.context)
    for (index, layer) in rotary.layers.enumerated() { recipes[index].attention?.rotation = layer }
    return (shape, recipes)
  }

  private func kind(_ stated: StatedShape, layer: Int) -> AttentionRecipe.Kind {
    switch block.attention {
    case .grouped: return .grouped
    case .shared:
      guard var vector = stated.sharedVector else { return .grouped }
      vector.compression = stated.compressions[layer]
      return .shared(vector)
    case .latent:
      return .latent(
        AttentionRecipe.Latent(
          rank: stated.latentRank, queryRank: stated.queryRank > 0 ? stated.queryRank : nil,
          sharedKeyWidth: stated.rotaryDimensions[layer]))
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
