/// What a tensor does in the model, whatever its name in a file.
package enum Role: String, Sendable, CaseIterable, Hashable {
  case embedding = "embedding"
  case positions = "positions"
  case outputNormGain = "output_norm.gain"
  case outputNormBias = "output_norm.bias"
  case output = "output"
  case rotaryFactors = "rotary.factors"
  case rotaryFactorsShort = "rotary.factors_short"
  case rotaryFactorsLong = "rotary.factors_long"

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
  case queryNormGain = "attention.query_norm.gain"
  case keyNormGain = "attention.key_norm.gain"
  case attentionPostNormGain = "attention.post_norm.gain"

  case queryDown = "attention.query_down"
  case queryDownNormGain = "attention.query_down_norm.gain"
  case queryUp = "attention.query_up"
  case latentDown = "attention.latent_down"
  case latentNormGain = "attention.latent_norm.gain"
  case latentKeyUp = "attention.latent_key_up"
  case latentValueUp = "attention.latent_value_up"

  case feedForwardNormGain = "feed_forward.norm.gain"
  case feedForwardNormBias = "feed_forward.norm.bias"
  case gate = "feed_forward.gate"
  case up = "feed_forward.up"
  case upBias = "feed_forward.up.bias"
  case down = "feed_forward.down"
  case downBias = "feed_forward.down.bias"
  case feedForwardPostNormGain = "feed_forward.post_norm.gain"

  /// One tensor for the whole model rather than one per layer.
  package var isGlobal: Bool {
    switch self {
    case .embedding, .positions, .outputNormGain, .outputNormBias, .output,
      .rotaryFactors, .rotaryFactorsShort, .rotaryFactorsLong:
      true
    default: false
    }
  }

  /// A vector (norm gain, bias, frequency factors); everything else is a matrix.
  package var isVector: Bool {
    rawValue.hasSuffix(".gain") || rawValue.hasSuffix(".bias") || rawValue.hasPrefix("rotary.")
  }

  /// The gain of the norm whose output this matrix multiplies, where one stands before it.
  package var norm: Role? {
    switch self {
    case .query, .key, .value, .queryDown, .latentDown: .attentionNormGain
    case .queryUp: .queryDownNormGain
    case .latentKeyUp, .latentValueUp: .latentNormGain
    case .gate, .up: .feedForwardNormGain
    case .output: .outputNormGain
    default: nil
    }
  }

  /// The vector that is added to what this matrix or norm gives, where models have one.
  package var bias: Role? {
    switch self {
    case .query: .queryBias
    case .key: .keyBias
    case .value: .valueBias
    case .attentionOutput: .attentionOutputBias
    case .up: .upBias
    case .down: .downBias
    case .attentionNormGain: .attentionNormBias
    case .feedForwardNormGain: .feedForwardNormBias
    case .outputNormGain: .outputNormBias
    default: nil
    }
  }

  /// What a layer's heads hold.
  package enum Heads: Sendable { case queries, keys, values }

  /// The heads whose dims this weight's rows are, head after head, in the space that a site rotates;
  /// of a norm's gain those of one head, where each is normed alone.
  package var heads: Heads? {
    switch self {
    case .query, .queryBias, .queryUp, .queryNormGain: .queries
    case .key, .keyBias, .keyNormGain: .keys
    case .value, .valueBias, .latentValueUp: .values
    default: nil
    }
  }
}
