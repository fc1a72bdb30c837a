import Rotary

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
  /// Elements of the input that each layer has of its own; 0: none has any.
  package var layerInputWidth: Int
  package var networks: StatedNetworks
  /// The sites of a layer with positions in a plain file of the architecture.
  package var plainSites: RotarySites
  /// How layers join several residual streams; nil: there is one.
  package var hyperConnections: HyperConnections?

  package var streams: Int { hyperConnections?.streams ?? 1 }

  /// Channels of all residual streams together.
  package var streamWidth: Int { width * streams }

  /// Whether a model of this shape can have a weight of this role, which is there once.
  func has(_ role: Role) -> Bool {
    switch role {
    case .layerInputEmbedding, .layerInputNormGain: layerInputWidth > 0
    default: true
    }
  }
}

/// The kinds of feed-forward networks that files state, whether or not any layer is of that kind:
/// loaders ask for all of it.
package struct StatedNetworks: Sendable, Equatable {
  /// Channels of a dense one, of each layer.
  package var denseWidths: [Int]
  package var experts: ExpertsRecipe?
}
