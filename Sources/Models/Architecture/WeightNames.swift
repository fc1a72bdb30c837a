/// How a weight is stored in one container.
package struct WeightName: Sendable, Equatable {
  package enum Form: String, Sendable, CaseIterable {
    case plain
    /// A vector that is stored as a matrix of one row.
    case row
    /// Stored [inputs, outputs] (GPT-2's Conv1D).
    case transposed
    /// The stored gain is w where the norm multiplies by 1 + w (Gemma).
    case gainMinusOne = "gain_minus_one"
    /// A stack of one matrix per head, each stored transposed (DeepSeek's absorbed key matrix).
    case transposedPerHead = "transposed_per_head"
    /// The stored number is the logarithm of the negative one (Mamba's A).
    case negativeLogarithm = "negative_logarithm"
  }
  /// Which rows of a fused tensor belong to this weight.
  package enum Part: String, Sendable, CaseIterable {
    case query, key, value, gate, up
    /// The query, key or value rows where each head keeps its three together (GPT-NeoX).
    case queryOfHead = "query_of_head"
    case keyOfHead = "key_of_head"
    case valueOfHead = "value_of_head"
    /// The query, key or value rows where each KV head's queries stand before its key and its value
    /// (Falcon).
    case queryOfGroup = "query_of_group"
    case keyOfGroup = "key_of_group"
    case valueOfGroup = "value_of_group"
    /// The key and value rows of DeepSeek's kv_b projection, head by head.
    case latentKey = "latent_key"
    case latentValue = "latent_value"
    /// Each head's queries, and the gate of its outputs behind them (Qwen3-Next).
    case queryOfGated = "query_of_gated"
    case gateOfQuery = "gate_of_query"
    /// Of a delta rule, each key head's query, key and values with the gates of these, or the rates and
    /// the decays of its value heads (Qwen3-Next).
    case channelsOfKeyHead = "channels_of_key_head"
    case gateOfKeyHead = "gate_of_key_head"
    case rateOfKeyHead = "rate_of_key_head"
    case decayOfKeyHead = "decay_of_key_head"
    /// The rows of one layer, where those of all layers stand one below another.
    case ofLayer = "of_layer"
    /// Every other row, from the first or the second on (gate and up of gpt-oss).
    case even, odd
  }

  /// Tensor name with `{layer}` where the layer's number stands, and `{expert}` for the expert's
  /// where each has a tensor of its own; else those of a layer are one stack.
  package var tensor: String
  package var form: Form
  package var part: Part?

  package func tensorName(layer: Int?, expert: Int? = nil) -> String {
    var name = tensor
    if let layer { name = name.replacing(Self.layerMark, with: String(layer)) }
    if let expert { name = name.replacing(Self.expertMark, with: String(expert)) }
    return name
  }

  static let layerMark = "{layer}"
  private static let expertMark = "{expert}"

  /// The tensor is a stack of all experts' matrices.
  package var isStack: Bool { !tensor.contains(Self.expertMark) }
}

/// A weight's names on both sides; a weight that is optional may be missing from a checkpoint.
package struct WeightNames: Sendable, Equatable {
  package var names: [Architecture.Side: WeightName]
  /// Other names that a container may have in place of the first, in the order of looking.
  package var others: [Architecture.Side: [WeightName]] = [:]
  package var optional: Bool

  /// All names in a container, the first one first.
  package func alternatives(on side: Architecture.Side) -> [WeightName] {
    (names[side].map { [$0] } ?? []) + (others[side] ?? [])
  }

  /// The name in a container that has the same place as the `alternative`-th in the other one, or
  /// the first where there are fewer; nil where the container has none.
  package func name(on side: Architecture.Side, alternative: Int) -> WeightName? {
    let names = alternatives(on: side)
    return names.indices.contains(alternative) ? names[alternative] : names.first
  }
}
