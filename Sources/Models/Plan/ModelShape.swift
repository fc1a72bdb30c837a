/// The sizes and scalar facts of a whole model; those of a layer are in its `LayerRecipe`.
package struct ModelShape: Sendable, Equatable {
  /// How a plain model of the family knows where a token stands.
  package enum Positions: String, Sendable, CaseIterable {
    /// Queries and keys rotate.
    case rotary
    /// A learned vector is added to the embedding.
    case learned
  }

  package var positions: Positions
  package var layers: Int
  package var width: Int
  package var vocabulary: Int
  /// Positions the model was trained for.
  package var context: Int
  package var embeddingMultiplier: Double
  /// The norm between the last layer and the output matrix.
  package var outputNorm: NormRecipe
  /// Logits are divided by this.
  package var logitDivisor: Double
  /// Bounds the logits; 0: they are as they are.
  package var logitSoftcap: Double
  package var networks: StatedNetworks
}

/// The kinds of feed-forward networks that files state, whether or not any layer is of that kind:
/// loaders ask for all of it.
package struct StatedNetworks: Sendable, Equatable {
  /// Channels of a dense one.
  package var denseWidth: Int
  package var experts: ExpertsRecipe?
}
