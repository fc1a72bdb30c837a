/// What the ecosystem's readers of a plain file assume of a model, where it may be otherwise.
extension ModelPlan {
  /// GGUF readers of Gemma scale scores by a width of the model: what the gain of a layer's query
  /// norm, or without one the query matrix, takes over for them where config.json states a scale of its
  /// own. 1 everywhere else.
  package func queryFactor(_ role: Role, layer: Int) -> Double {
    let hasNorm = layers[layer][.queryNormGain] != nil
    guard hasNorm ? role == .queryNormGain : role == .query || role == .queryBias else { return 1 }
    guard side == .huggingface, architecture.hyperparameters[.queryScalar] != nil else { return 1 }
    guard let attention = layers[layer].recipe.attention else { return 1 }
    let width = architecture.block.scaledWidth(
      layers: shape.layers, width: shape.width, heads: attention.heads,
      keyWidth: attention.keyWidth)
    return attention.scale * Double(width).squareRoot()
  }

  /// A part of each head turns where the family's code in transformers turns whole heads, whatever
  /// `partial_rotary_factor` says: on that side it is a variant.
  package var turnsPartOfHeads: Bool {
    guard plainSites.rotatesScores, !architecture.block.rotatesPartially else { return false }
    return layers.contains { layer in
      guard let attention = layer.recipe.attention, attention.latent == nil,
        let score = attention.rotation.score
      else { return false }
      return score.dimensions < attention.keyWidth
    }
  }
}
