import Rotary

// Latent attention in absorbed form (identity A6): the matrices that make keys and values of the latent
// vector have gone into the queries and the output. One vector per token, the latent one with the
// rotary key beside it, is then the key of all heads, and its latent part their value.

extension AttentionRecipe.Latent {
  /// The heads as hyper-parameters state them, before their matrices were absorbed.
  package struct Heads: Sendable, Equatable {
    package var keyValueHeads: Int
    package var keyWidth: Int
    package var valueWidth: Int
  }

  /// Elements of the one key of all heads in absorbed form.
  package var absorbedKeyWidth: Int { rank + sharedKeyWidth }
}

extension AttentionRecipe {
  /// Whether it is latent attention in absorbed form.
  package var isAbsorbed: Bool { latent?.absorbed != nil }

  /// This attention in absorbed form, whose scores keep their scale; nil where it is not latent or
  /// absorbed already.
  package var absorbed: AttentionRecipe? {
    guard var latent, latent.absorbed == nil else { return nil }
    latent.absorbed = Latent.Heads(
      keyValueHeads: keyValueHeads, keyWidth: keyWidth, valueWidth: valueWidth)
    var result = self
    result.kind = .latent(latent)
    result.keyValueHeads = 1
    result.keyWidth = latent.absorbedKeyWidth
    result.valueWidth = latent.rank
    result.rotation.score?.offset = latent.rank
    return result
  }

  /// This attention as hyper-parameters state it.
  package var stated: AttentionRecipe {
    guard var latent, let heads = latent.absorbed else { return self }
    latent.absorbed = nil
    var result = self
    result.kind = .latent(latent)
    result.keyValueHeads = heads.keyValueHeads
    result.keyWidth = heads.keyWidth
    result.valueWidth = heads.valueWidth
    result.rotation.score?.offset = heads.keyWidth - latent.sharedKeyWidth
    return result
  }

  /// Numbers that must be kept of each token to attend to it later: keys and values, or the one vector
  /// that serves as both, in absorbed form, where a shared one does and where values are what the key
  /// matrix gives; 0 where the layer uses those of another. Entries of whole windows of tokens are not among them.
  package var keptNumbers: Int {
    if keyValueSource != nil { return 0 }
    if isAbsorbed || sharedVector != nil { return keyWidth }
    return valueIsKey ? keyRows : keyRows + valueRows
  }
}

extension ModelPlan {
  /// Whether any layer is latent attention in absorbed form.
  package var isAbsorbed: Bool { layers.contains { $0.recipe.attention?.isAbsorbed == true } }

  /// The model with latent attention in absorbed form. The weights that change have their new sizes;
  /// what they hold is for whoever writes it to compute.
  package func absorbingLatent() -> ModelPlan {
    var result = self
    result.layers = layers.map { layer in
      guard let attention = layer.recipe.attention?.absorbed else { return layer }
      var recipe = layer.recipe
      recipe.attention = attention
      var weights = layer.weights
      weights[.latentKeyUp] = nil
      weights[.latentValueUp] = nil
      weights[layer.queryMatrix] = weights[layer.queryMatrix]?.resized(rows: attention.queryRows)
      weights[.attentionOutput] = weights[.attentionOutput]?.resized(
        columns: attention.outputColumns)
      return ModelLayer(recipe: recipe, weights: weights, experts: layer.experts)
    }
    return result
  }
}
