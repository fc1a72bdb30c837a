import Base

/// The keys of a hyper-parameter on both sides and its value where a file says nothing.
package struct HyperparameterKeys: Sendable, Equatable {
  /// By side, the one to write first. GGUF keys without the architecture's prefix.
  package var names: [Architecture.Side: [String]]
  package var fallback: JSONValue?
  /// Written even where it says that the model has none of it.
  package var isAlwaysWritten: Bool
  /// config.json states a list, one for each layer, where layers differ.
  package var isListed: Bool
}

extension Architecture {
  /// The keys of a hyper-parameter in a container, the one to write first.
  package func keys(of parameter: Hyperparameter, on side: Side) -> [String] {
    hyperparameters[parameter]?.names[side] ?? []
  }

  /// The key to write; nil where the container has none.
  package func key(of parameter: Hyperparameter, on side: Side) -> String? {
    keys(of: parameter, on: side).first
  }
}

/// The hyper-parameters the program knows, by their names in the data files.
package enum Hyperparameter: String, Sendable, CaseIterable {
  case layers, context, width, heads
  case feedForward = "feed_forward"
  case keyValueHeads = "key_value_heads"
  case keyWidth = "key_width"
  case valueWidth = "value_width"
  case valueRows = "value_rows"
  case valueExpansion = "value_expansion"
  case keyWidthWindowed = "key_width_windowed"
  case keyWidthGlobal = "key_width_global"
  case valueWidthWindowed = "value_width_windowed"
  case valueWidthGlobal = "value_width_global"
  case keyValueHeadsGlobal = "key_value_heads_global"
  case layerOverrides = "layer_overrides"
  case sharedKeyValueLayers = "shared_key_value_layers"
  case sharedFeedForwardDoubled = "shared_feed_forward_doubled"
  case valueFromKey = "value_from_key"
  case layerInputWidth = "layer_input_width"
  case layerInputVocabulary = "layer_input_vocabulary"
  case normEpsilon = "norm_epsilon"
  case rotaryDimensions = "rotary_dimensions"
  case rotaryDimensionsWindowed = "rotary_dimensions_windowed"
  case rotaryFraction = "rotary_fraction"
  case rotaryBase = "rotary_base"
  case rotaryBaseLocal = "rotary_base_local"
  case rotaryBaseWindowed = "rotary_base_windowed"
  case rotaryBaseStretch = "rotary_base_stretch"
  case originalContext = "original_context"
  case window
  case layerTypes = "layer_types"
  case windowEnabled = "window_enabled"
  case windowPattern = "window_pattern"
  case rotates
  case rotatedLayers = "rotated_layers"
  case unrotatedEvery = "unrotated_every"
  case vocabulary
  case queryScalar = "query_scalar"
  case attentionBias = "attention_bias"
  case feedForwardBias = "feed_forward_bias"
  case attentionSoftcap = "attention_softcap"
  case logitSoftcap = "logit_softcap"
  case embeddingMultiplier = "embedding_multiplier"
  case residualMultiplier = "residual_multiplier"
  case attentionMultiplier = "attention_multiplier"
  case attentionTemperature = "attention_temperature"
  case attentionTemperatureLength = "attention_temperature_length"
  case logitMultiplier = "logit_multiplier"
  case logitDivisor = "logit_divisor"
  case parallelResidual = "parallel_residual"
  case parallelNorms = "parallel_norms"
  case multiQuery = "multi_query"
  case groupedQuery = "grouped_query"
  case tiedOutput = "tied_output"
  case queryRank = "query_rank"
  case latentRank = "latent_rank"
  case stillKeyWidth = "still_key_width"
  case latentHeads = "latent_heads"
  case latentKeyWidth = "latent_key_width"
  case latentValueWidth = "latent_value_width"
  case outputGroups = "output_groups"
  case outputRank = "output_rank"
  case compressionRatios = "compression_ratios"
  case compressionRates = "compression_rates"
  case sparseRate = "sparse_rate"
  case heavyRate = "heavy_rate"
  case indexHeads = "index_heads"
  case indexWidth = "index_width"
  case indexKept = "index_kept"
  case experts
  case expertsEnabled = "experts_enabled"
  case expertsPerToken = "experts_per_token"
  case expertWidth = "expert_width"
  case sharedExperts = "shared_experts"
  case sharedExpertWidth = "shared_expert_width"
  case expertScore = "expert_score"
  case expertGroups = "expert_groups"
  case expertGroupsUsed = "expert_groups_used"
  case normalizesExpertWeights = "normalizes_expert_weights"
  case expertWeightScale = "expert_weight_scale"
  case leadingDenseLayers = "leading_dense_layers"
  case expertStep = "expert_step"
  case denseLayers = "dense_layers"
  case feedForwardTypes = "feed_forward_types"
  case ruleKeyHeads = "rule_key_heads"
  case ruleValueHeads = "rule_value_heads"
  case ruleKeyWidth = "rule_key_width"
  case ruleValueWidth = "rule_value_width"
  case ruleValueRows = "rule_value_rows"
  case ruleKernel = "rule_kernel"
  case ruleLayers = "rule_layers"
  case attentionEvery = "attention_every"
  case tokenRoutedLayers = "token_routed_layers"
  case gateLimit = "gate_limit"
  case sharedGateLimit = "shared_gate_limit"
  case residualStreams = "residual_streams"
  case streamIterations = "stream_iterations"
  case streamEpsilon = "stream_epsilon"
  case predictingLayers = "predicting_layers"
  case mixerForm = "mixer_form"

  /// What the value of a hyper-parameter is.
  package enum Kind: String, Sendable {
    case whole, number, flag, text, texts, wholes
    /// 1 or 0 for each layer.
    case switches
    /// How layers of two kinds follow each other: a period, letters or a truth value for each layer.
    case pattern
    /// By a layer's number, the members of config.json that differ there.
    case members
    /// A whole number for each kind of layer.
    case rates
  }

  package var kind: Kind {
    switch self {
    case .layers, .context, .width, .heads, .feedForward, .keyValueHeads, .keyWidth, .valueWidth,
      .valueRows,
      .keyWidthWindowed, .keyWidthGlobal, .valueWidthWindowed, .valueWidthGlobal,
      .keyValueHeadsGlobal, .sharedKeyValueLayers, .layerInputWidth, .layerInputVocabulary,
      .rotaryDimensions, .rotaryDimensionsWindowed, .originalContext, .window, .vocabulary,
      .attentionTemperatureLength,
      .queryRank, .latentRank,
      .stillKeyWidth, .latentHeads, .latentKeyWidth, .latentValueWidth, .parallelNorms,
      .unrotatedEvery, .sparseRate, .heavyRate, .outputGroups, .outputRank, .indexHeads,
      .indexWidth, .indexKept,
      .experts, .expertsPerToken, .expertWidth, .sharedExperts, .sharedExpertWidth,
      .expertGroups, .expertGroupsUsed, .leadingDenseLayers, .expertStep, .predictingLayers,
      .ruleKeyHeads, .ruleValueHeads, .ruleKeyWidth, .ruleValueWidth, .ruleValueRows, .ruleKernel,
      .attentionEvery, .tokenRoutedLayers, .residualStreams, .streamIterations:
      .whole
    case .normEpsilon, .valueExpansion, .rotaryFraction, .rotaryBase, .rotaryBaseLocal,
      .rotaryBaseWindowed, .rotaryBaseStretch, .queryScalar,
      .attentionSoftcap, .logitSoftcap, .embeddingMultiplier, .residualMultiplier,
      .attentionMultiplier, .attentionTemperature, .logitMultiplier, .logitDivisor,
      .expertWeightScale, .gateLimit, .sharedGateLimit, .streamEpsilon:
      .number
    case .windowEnabled, .attentionBias, .feedForwardBias, .parallelResidual, .multiQuery,
      .groupedQuery, .tiedOutput, .normalizesExpertWeights, .sharedFeedForwardDoubled,
      .valueFromKey, .expertsEnabled, .rotates:
      .flag
    case .expertScore, .mixerForm: .text
    case .layerTypes, .feedForwardTypes: .texts
    case .denseLayers, .compressionRatios: .wholes
    case .compressionRates: .rates
    case .rotatedLayers, .ruleLayers: .switches
    case .windowPattern: .pattern
    case .layerOverrides: .members
    }
  }
}
