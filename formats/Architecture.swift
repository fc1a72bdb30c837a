import Checkpoints
import OrderedCollections
import Tensors

/// One family of models as data: how its tensors and hyper-parameters are named in both containers
/// and which block its layers are made of. Read from `formats/architectures/*.json`.
public struct Architecture: Sendable {
  /// The name of the data file, which is the GGUF architecture's name, such as `qwen2`.
  public let name: String
  /// `model_type` values of config.json that this architecture reads.
  public let modelTypes: [String]
  /// The `architectures` entry to write into config.json, by model type.
  public let classNames: [String: String]
  public let block: BlockRecipe
  /// How the rotary pairs of Q and K lie in each container.
  public let pairLayouts: [Side: PairLayout]
  public let hyperparameters: [Hyperparameter: HyperparameterKeys]
  /// Facts of config.json that have one supported value: another one is refused.
  public let required: OrderedDictionary<String, [JSONValue]>
  /// GGUF keys that loaders ask for and nothing here needs, with the config.json key they copy.
  public let copied: OrderedDictionary<String, JSONValue>
  public let weights: OrderedDictionary<Role, WeightNames>
  /// Patterns of tensor names that real checkpoints carry and nobody needs.
  public let ignored: [String]

  /// The container family of a checkpoint: decides names, layouts and forms.
  public enum Side: String, Sendable, CaseIterable, Hashable {
    case gguf, huggingface
  }
}

/// What one layer of the architecture computes.
public struct BlockRecipe: Sendable, Equatable {
  public enum NormKind: String, Sendable { case rms, layer }
  /// Where norms stand: before each sublayer, after it (before the residual sum), or both.
  public enum NormPlacement: String, Sendable { case before, after, both }
  public enum Residual: String, Sendable {
    case sequential
    /// Attention and feed-forward read the same residual stream.
    case parallel
  }
  public enum AttentionKind: String, Sendable {
    case grouped
    /// Multi-head latent attention (DeepSeek-V2): K and V come from one latent vector per token.
    case latent
  }
  public enum HeadNorm: String, Sendable {
    case none
    /// One gain per head dimension, each head normed alone.
    case head
    /// One gain per row of the projection, all heads normed together (OLMo 2).
    case full
  }
  public enum Positions: String, Sendable { case rotary, learned }
  public enum FeedForward: String, Sendable { case gated, plain }
  public enum EmbeddingScale: String, Sendable {
    case none
    /// Embeddings are multiplied by the square root of the model's width (Gemma).
    case widthRoot = "width_root"
  }

  public var norm: NormKind
  public var normPlacement: NormPlacement
  public var residual: Residual
  public var attention: AttentionKind
  public var queryKeyNorm: HeadNorm
  public var positions: Positions
  public var feedForward: FeedForward
  public var activation: Activation
  /// Key of config.json that names the activation, and the names that mean this one.
  public var activationKey: String
  public var activationNames: [String]
  public var embeddingScale: EmbeddingScale
  /// Every n-th layer attends globally, the others within the window; 0: all alike.
  public var globalEvery: Int
  /// The reference implementation rotates the share of a head that `partial_rotary_factor` states;
  /// those of other architectures ignore that key.
  public var rotatesPartially: Bool
  /// Layer counts whose attention scale is 1/sqrt(width / heads) in GGUF files (Gemma 3 27B).
  public var widthScaledLayers: [Int]
}

/// How a weight is stored in one container.
public struct WeightName: Sendable, Equatable {
  public enum Form: String, Sendable {
    case plain
    /// Stored [inputs, outputs] (GPT-2's Conv1D).
    case transposed
    /// The stored gain is w where the norm multiplies by 1 + w (Gemma).
    case gainMinusOne = "gain_minus_one"
    /// A stack of one matrix per head, each stored transposed (DeepSeek's absorbed key matrix).
    case transposedPerHead = "transposed_per_head"
  }
  /// Which rows of a fused tensor belong to this weight.
  public enum Part: String, Sendable {
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
  public var tensor: String
  public var form: Form
  public var part: Part?

  public func tensorName(layer: Int?) -> String {
    guard let layer else { return tensor }
    return tensor.replacing("{layer}", with: String(layer))
  }
}

/// A weight's names on both sides; a weight that is optional may be missing from a checkpoint.
public struct WeightNames: Sendable, Equatable {
  public var names: [Architecture.Side: WeightName]
  public var optional: Bool
}

/// The keys of a hyper-parameter on both sides and its value where a file says nothing.
public struct HyperparameterKeys: Sendable, Equatable {
  /// Without the architecture prefix.
  public var gguf: [String]
  public var huggingface: [String]
  public var fallback: JSONValue?
}

/// The hyper-parameters the program knows.
public enum Hyperparameter: String, Sendable, CaseIterable {
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
