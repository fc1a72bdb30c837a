import Models

/// What carries information from token to token in a layer: which vectors a token is projected to, and
/// how those of others come to it.
enum TokenMixer: Sendable {
  /// Queries, keys and values by a matrix each; the softmax of scores weights the values.
  case heads
  /// The same, keys and values being made of one latent vector per token (DeepSeek-V2).
  case latent(AttentionRecipe.Latent)
  /// One vector per token is key and value of all heads (DeepSeek-V4).
  case sharedVector(AttentionRecipe.SharedVector)
  /// Queries, keys and values of heads that forget with distance, as attention or as a recurrence.
  case decay(DecayRecipe)
  /// A matrix per head that each token corrects (Qwen3-Next).
  case deltaRule(DeltaRuleRecipe)

  init(_ recipe: LayerRecipe) {
    switch recipe.mixer {
    case .deltaRule(let rule): self = .deltaRule(rule)
    case .attention(let attention):
      // Decay is for heads with matrices of their own alone, as the data files' reader holds.
      if let sizes = attention.sharedVector {
        self = .sharedVector(sizes)
      } else if let sizes = attention.latent {
        self = .latent(sizes)
      } else if let decay = attention.decay {
        self = .decay(decay)
      } else {
        self = .heads
      }
    }
  }
}
