/// What a tensor does in the model, whatever its name in a file.
package enum Role: String, Sendable, CaseIterable, Hashable {
  case embedding = "embedding"
  case positions = "positions"
  /// What each token gives to the input of single layers, side by side.
  case layerInputEmbedding = "layer_input.embedding"
  case layerInputNormGain = "layer_input.norm.gain"
  case outputNormGain = "output_norm.gain"
  case outputNormBias = "output_norm.bias"
  case output = "output"
  case outputBias = "output.bias"
  case rotaryFactors = "rotary.factors"
  case rotaryFactorsShort = "rotary.factors_short"
  case rotaryFactorsLong = "rotary.factors_long"

  /// How the residual streams are weighed after the last layer, where there are several.
  case outputStreams = "output_streams"
  case outputStreamsScale = "output_streams.scale"
  case outputStreamsBias = "output_streams.bias"

  /// How attention reads, writes and mixes them.
  case attentionStreams = "attention.streams"
  case attentionStreamsScale = "attention.streams.scale"
  case attentionStreamsBias = "attention.streams.bias"
  case attentionNormGain = "attention.norm.gain"
  case attentionNormBias = "attention.norm.bias"
  case query = "attention.query"
  case queryBias = "attention.query.bias"
  case key = "attention.key"
  case keyBias = "attention.key.bias"
  case value = "attention.value"
  case valueBias = "attention.value.bias"
  case attentionOutput = "attention.output"
  case attentionOutputBias = "attention.output.bias"
  /// What the heads' outputs are multiplied by, through a sigmoid.
  case attentionGate = "attention.gate"
  case queryNormGain = "attention.query_norm.gain"
  case keyNormGain = "attention.key_norm.gain"
  case attentionPostNormGain = "attention.post_norm.gain"
  /// A learned score of each head that takes part in the sum of its weights and gives nothing.
  case attentionSinks = "attention.sinks"
  /// Of a norm of each head's output.
  case headNormGain = "attention.head_norm.gain"

  /// Of a delta rule: queries, keys and values, one after another, and the convolution over them.
  case ruleChannels = "delta_rule.channels"
  case ruleConvolution = "delta_rule.convolution"
  /// What the normed outputs are multiplied by, through an activation.
  case ruleGate = "delta_rule.gate"
  /// How much of what a key gives is corrected.
  case ruleRate = "delta_rule.rate"
  /// How much is forgotten, and the factor of that for each head.
  case ruleDecay = "delta_rule.decay"
  case ruleDecayBias = "delta_rule.decay.bias"
  case ruleDecayFactor = "delta_rule.decay_factor"
  case ruleNormGain = "delta_rule.norm.gain"
  case ruleOutput = "delta_rule.output"

  case queryDown = "attention.query_down"
  case queryDownNormGain = "attention.query_down_norm.gain"
  case queryUp = "attention.query_up"
  case latentDown = "attention.latent_down"
  case latentNormGain = "attention.latent_norm.gain"
  case latentKeyUp = "attention.latent_key_up"
  case latentValueUp = "attention.latent_value_up"

  case sharedVector = "attention.shared"
  case sharedVectorNormGain = "attention.shared_norm.gain"
  /// One matrix for each group of heads, one below another.
  case outputDown = "attention.output_down"
  case outputUp = "attention.output_up"
  case compressed = "attention.compressed"
  case compressedGate = "attention.compressed_gate"
  /// What is added to the gates, by a token's place in its window.
  case compressedPlaces = "attention.compressed_places"
  case compressedNormGain = "attention.compressed_norm.gain"
  case indexQuery = "attention.index_query"
  case indexHeads = "attention.index_heads"
  case indexCompressed = "attention.index_compressed"
  case indexGate = "attention.index_gate"
  case indexPlaces = "attention.index_places"
  case indexNormGain = "attention.index_norm.gain"

  case feedForwardStreams = "feed_forward.streams"
  case feedForwardStreamsScale = "feed_forward.streams.scale"
  case feedForwardStreamsBias = "feed_forward.streams.bias"
  case feedForwardNormGain = "feed_forward.norm.gain"
  case feedForwardNormBias = "feed_forward.norm.bias"
  case gate = "feed_forward.gate"
  case gateBias = "feed_forward.gate.bias"
  case up = "feed_forward.up"
  case upBias = "feed_forward.up.bias"
  case down = "feed_forward.down"
  case downBias = "feed_forward.down.bias"
  case feedForwardPostNormGain = "feed_forward.post_norm.gain"

  case router = "feed_forward.router"
  case routerBias = "feed_forward.router.bias"
  case routerCorrection = "feed_forward.router_correction.bias"
  /// The experts of each token, [vocabulary, experts of a token], whole numbers.
  case routerTable = "feed_forward.router_table"
  case expertGate = "feed_forward.expert_gate"
  case expertGateBias = "feed_forward.expert_gate.bias"
  case expertUp = "feed_forward.expert_up"
  case expertUpBias = "feed_forward.expert_up.bias"
  case expertDown = "feed_forward.expert_down"
  case expertDownBias = "feed_forward.expert_down.bias"
  case sharedRouter = "feed_forward.shared_router"
  case sharedGate = "feed_forward.shared_gate"
  case sharedUp = "feed_forward.shared_up"
  case sharedDown = "feed_forward.shared_down"
  /// Of a layer with a dense network beside its experts: the norms before the router and the experts,
  /// and those after each of the two.
  case routerNormGain = "feed_forward.router_norm.gain"
  case expertNormGain = "feed_forward.expert_norm.gain"
  case densePostNormGain = "feed_forward.dense_post_norm.gain"
  case expertPostNormGain = "feed_forward.expert_post_norm.gain"
  /// What the weight of each expert is multiplied by.
  case expertGain = "feed_forward.expert_weight.gain"

  /// The rows that make a layer's own input of the embedding, and what lets the stream take it in.
  case layerInputProjection = "layer_input.projection"
  case layerInputGate = "layer_input.gate"
  case layerInputOutput = "layer_input.output"
  case layerInputPostNormGain = "layer_input.post_norm.gain"
  /// One number that the stream is multiplied by behind the layer.
  case layerGain = "layer.gain"

  /// One tensor for the whole model rather than one per layer.
  package var isGlobal: Bool {
    switch self {
    case .embedding, .positions, .layerInputEmbedding, .layerInputNormGain, .outputNormGain,
      .outputNormBias, .output, .outputBias, .outputStreams, .outputStreamsScale,
      .outputStreamsBias, .rotaryFactors, .rotaryFactorsShort, .rotaryFactorsLong:
      true
    default: false
    }
  }

  /// A vector (norm gain, bias, scales, sinks, frequency factors); everything else is a matrix.
  package var isVector: Bool {
    rawValue.hasSuffix(".gain") || rawValue.hasSuffix(".bias") || rawValue.hasSuffix(".scale")
      || rawValue.hasPrefix("rotary.") || self == .attentionSinks || self == .ruleDecayFactor
  }

  /// Used number by number, not in matrix products.
  package var isElementwise: Bool { isVector || self == .ruleConvolution }

  /// What mixes the tokens of a layer.
  package enum Mixer: Sendable { case attention, deltaRule }

  /// The kind of mixer that a weight belongs to; nil for the norms around it, which all have, and for
  /// weights of other things.
  package var mixer: Mixer? {
    if rawValue.hasPrefix("delta_rule.") { return .deltaRule }
    guard rawValue.hasPrefix("attention."), !isOfStreams else { return nil }
    return switch self {
    case .attentionNormGain, .attentionNormBias, .attentionPostNormGain: nil
    default: .attention
    }
  }

  /// Rows of numbers that are added to others or looked up, not multiplied: as exact as they are stored.
  package var isTable: Bool {
    self == .compressedPlaces || self == .indexPlaces || holdsWholeNumbers
  }

  /// A table of numbers of other things.
  package var holdsWholeNumbers: Bool { self == .routerTable }

  /// The gain of the norm whose output this matrix multiplies, where one stands before it.
  package var norm: Role? {
    switch self {
    case .query, .key, .value, .attentionGate, .queryDown, .latentDown, .ruleChannels, .ruleGate,
      .ruleRate, .ruleDecay, .sharedVector, .compressed, .compressedGate, .indexHeads,
      .indexCompressed, .indexGate:
      .attentionNormGain
    case .queryUp, .indexQuery: .queryDownNormGain
    case .latentKeyUp, .latentValueUp: .latentNormGain
    case .gate, .up, .router, .expertGate, .expertUp, .sharedRouter, .sharedGate, .sharedUp:
      .feedForwardNormGain
    case .output: .outputNormGain
    default: nil
    }
  }

  /// The vector that is added to what this matrix or norm gives, where models have one.
  package var bias: Role? {
    switch self {
    case .ruleDecay: .ruleDecayBias
    case .query: .queryBias
    case .key: .keyBias
    case .value: .valueBias
    case .attentionOutput: .attentionOutputBias
    case .gate: .gateBias
    case .up: .upBias
    case .down: .downBias
    case .router: .routerBias
    case .expertGate: .expertGateBias
    case .expertUp: .expertUpBias
    case .expertDown: .expertDownBias
    case .attentionNormGain: .attentionNormBias
    case .feedForwardNormGain: .feedForwardNormBias
    case .outputNormGain: .outputNormBias
    case .output: .outputBias
    default: nil
    }
  }

  /// A matrix whose rows are those of the vocabulary.
  package var hasRowPerToken: Bool {
    [.embedding, .output, .layerInputEmbedding].contains(self)
  }

  /// A part that attention to a shared vector has in some layers.
  package enum AttentionPart: Sendable { case compression, index }

  /// That part; nil for all other weights.
  package var attentionPart: AttentionPart? {
    switch self {
    case .compressed, .compressedGate, .compressedPlaces, .compressedNormGain: .compression
    case .indexQuery, .indexHeads, .indexCompressed, .indexGate, .indexPlaces, .indexNormGain:
      .index
    default: nil
    }
  }

  /// The part of a feed-forward network that a weight belongs to.
  package enum Network: Sendable { case dense, router, experts, shared, besideExperts }

  /// That part; nil for weights of other things, and for the norms before and after the network.
  package var network: Network? {
    switch self {
    case .gate, .up, .upBias, .down, .downBias: .dense
    case .router, .routerBias, .routerCorrection, .routerNormGain, .routerTable, .expertGain:
      .router
    case .expertGate, .expertGateBias, .expertUp, .expertUpBias, .expertDown, .expertDownBias:
      .experts
    case .sharedRouter, .sharedGate, .sharedUp, .sharedDown: .shared
    case .expertNormGain, .densePostNormGain, .expertPostNormGain: .besideExperts
    default: nil
    }
  }

  /// There is one for each expert of a layer.
  package var isOfExperts: Bool { network == .experts }

  /// Weighs the residual streams, where there are several.
  package var isOfStreams: Bool {
    switch self {
    case .outputStreams, .outputStreamsScale, .outputStreamsBias, .attentionStreams,
      .attentionStreamsScale, .attentionStreamsBias, .feedForwardStreams, .feedForwardStreamsScale,
      .feedForwardStreamsBias:
      true
    default: false
    }
  }

  /// A small matrix of which much depends: one that weighs experts or residual streams, or says what
  /// a delta rule forgets and corrects. Computed in float32, whatever others are.
  package var isFloat32: Bool {
    isFloat32InGGUF || self == .ruleDecay || self == .ruleRate
  }

  /// Stored in float32 in GGUF, whatever others are.
  package var isFloat32InGGUF: Bool {
    self == .router || self == .sharedRouter || self == .ruleConvolution
      || isOfStreams && !isVector
  }

  /// What a layer's heads hold.
  package enum Heads: Sendable { case queries, keys, values }

  /// The heads whose dims this weight's rows are, head after head, in the space that a site rotates;
  /// of a norm's gain those of one head, where each is normed alone.
  package var heads: Heads? {
    switch self {
    case .query, .queryBias, .queryUp, .queryNormGain: .queries
    case .key, .keyBias, .keyNormGain: .keys
    case .value, .valueBias, .latentValueUp, .attentionGate, .headNormGain: .values
    default: nil
    }
  }
}
