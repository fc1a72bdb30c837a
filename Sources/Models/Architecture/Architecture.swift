import Base
import Checkpoints
import OrderedCollections
import Tensors

/// One family of models as data: how its tensors and hyper-parameters are named in both containers
/// and which block its layers are made of. Read from `formats/architectures/*.json`.
package struct Architecture: Sendable {
  /// The name of the data file, which is the GGUF architecture's name, such as `qwen2`.
  package let name: String
  /// `model_type` values of config.json that this architecture reads.
  package let modelTypes: [String]
  /// The `architectures` entry to write into config.json, by model type.
  package let classNames: [String: String]
  package let block: BlockRecipe
  /// How the rotary pairs of Q and K lie in each container.
  package let pairLayouts: [Side: PairLayout]
  package let hyperparameters: [Hyperparameter: HyperparameterKeys]
  /// Facts of config.json that have one supported value: another one is refused.
  package let required: OrderedDictionary<String, [JSONValue]>
  /// GGUF keys that loaders ask for and nothing here needs, with the config.json key they copy.
  package let copied: OrderedDictionary<String, JSONValue>
  package let weights: OrderedDictionary<Role, WeightNames>
  /// Patterns of tensor names that real checkpoints carry and nobody needs.
  package let ignored: [String]

  /// The container family of a checkpoint: decides names, layouts and forms.
  package enum Side: String, Sendable, CaseIterable, Hashable {
    case gguf, huggingface
  }
}

/// What one layer of the architecture computes.
package struct BlockRecipe: Sendable, Equatable {
  package enum NormKind: String, Sendable { case rms, layer }
  /// Where norms stand: before each sublayer, after it (before the residual sum), or both.
  package enum NormPlacement: String, Sendable { case before, after, both }
  package enum Residual: String, Sendable {
    case sequential
    /// Attention and feed-forward read the same residual stream.
    case parallel
  }
  package enum AttentionKind: String, Sendable {
    case grouped
    /// Multi-head latent attention (DeepSeek-V2): K and V come from one latent vector per token.
    case latent
  }
  package enum HeadNorm: String, Sendable {
    case none
    /// One gain per head dimension, each head normed alone.
    case head
    /// One gain per row of the projection, all heads normed together (OLMo 2).
    case full
  }
  package enum Positions: String, Sendable { case rotary, learned }
  package enum FeedForward: String, Sendable { case gated, plain }
  package enum EmbeddingScale: String, Sendable {
    case none
    /// Embeddings are multiplied by the square root of the model's width (Gemma).
    case widthRoot = "width_root"
  }

  package var norm: NormKind
  package var normPlacement: NormPlacement
  package var residual: Residual
  package var attention: AttentionKind
  package var queryKeyNorm: HeadNorm
  package var positions: Positions
  package var feedForward: FeedForward
  package var activation: Activation
  /// Key of config.json that names the activation, and the names that mean this one.
  package var activationKey: String
  package var activationNames: [String]
  package var embeddingScale: EmbeddingScale
  /// Every n-th layer attends globally, the others within the window; 0: all alike.
  package var globalEvery: Int
  /// The reference implementation rotates the share of a head that `partial_rotary_factor` states;
  /// those of other architectures ignore that key.
  package var rotatesPartially: Bool
  /// Layer counts whose attention scale is 1/sqrt(width / heads) in GGUF files (Gemma 3 27B).
  package var widthScaledLayers: [Int]
}

/// How a weight is stored in one container.
package struct WeightName: Sendable, Equatable {
  package enum Form: String, Sendable {
    case plain
    /// Stored [inputs, outputs] (GPT-2's Conv1D).
    case transposed
    /// The stored gain is w where the norm multiplies by 1 + w (Gemma).
    case gainMinusOne = "gain_minus_one"
    /// A stack of one matrix per head, each stored transposed (DeepSeek's absorbed key matrix).
    case transposedPerHead = "transposed_per_head"
  }
  /// Which rows of a fused tensor belong to this weight.
  package enum Part: String, Sendable {
    case query, key, value, gate, up
    /// The query, key or value rows where each head keeps its three together (GPT-NeoX).
    case queryOfHead = "query_of_head"
    case keyOfHead = "key_of_head"
    case valueOfHead = "value_of_head"
    /// The key and value rows of DeepSeek's kv_b projection, head by head.
    case latentKey = "latent_key"
    case latentValue = "latent_value"
  }

  /// Tensor name with `{layer}` where the layer's number stands.
  package var tensor: String
  package var form: Form
  package var part: Part?

  package func tensorName(layer: Int?) -> String {
    guard let layer else { return tensor }
    return tensor.replacing("{layer}", with: String(layer))
  }
}

/// A weight's names on both sides; a weight that is optional may be missing from a checkpoint.
package struct WeightNames: Sendable, Equatable {
  package var names: [Architecture.Side: WeightName]
  package var optional: Bool
}

/// The keys of a hyper-parameter on both sides and its value where a file says nothing.
package struct HyperparameterKeys: Sendable, Equatable {
  /// Without the architecture prefix.
  package var gguf: [String]
  package var huggingface: [String]
  package var fallback: JSONValue?
}

/// The hyper-parameters the program knows.
package enum Hyperparameter: String, Sendable, CaseIterable {
  case layers, context, width, heads
  case feedForward = "feed_forward"
  case keyValueHeads = "key_value_heads"
  case keyWidth = "key_width"
  case valueWidth = "value_width"
  case normEpsilon = "norm_epsilon"
  case rotaryDimensions = "rotary_dimensions"
  case rotaryFraction = "rotary_fraction"
  case rotaryBase = "rotary_base"
  case rotaryBaseLocal = "rotary_base_local"
  case originalContext = "original_context"
  case window
  case layerTypes = "layer_types"
  case windowEnabled = "window_enabled"
  case vocabulary
  case queryScalar = "query_scalar"
  case attentionSoftcap = "attention_softcap"
  case logitSoftcap = "logit_softcap"
  case embeddingMultiplier = "embedding_multiplier"
  case residualMultiplier = "residual_multiplier"
  case attentionMultiplier = "attention_multiplier"
  case logitDivisor = "logit_divisor"
  case parallelResidual = "parallel_residual"
  case tiedOutput = "tied_output"
  case queryRank = "query_rank"
  case latentRank = "latent_rank"
  case stillKeyWidth = "still_key_width"
}
