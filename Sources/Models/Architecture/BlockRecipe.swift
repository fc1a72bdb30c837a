import Rotary
import Tensors

/// What the data file says of the architecture's layers; with a checkpoint's hyper-parameters it makes
/// the `LayerRecipe` of each, which is what everything else asks.
package struct BlockRecipe: Sendable, Equatable {
  package enum Residual: String, Sendable, CaseIterable {
    case sequential, parallel
    /// Parallel in models without a norm before the feed-forward network, which then reads what
    /// attention's norm gives, and sequential in the others (StableLM).
    case parallelUnlessNormed = "parallel_unless_normed"
  }
  package enum AttentionKind: String, Sendable, CaseIterable { case grouped, latent, shared }
  package enum EmbeddingScale: String, Sendable, CaseIterable {
    case none
    /// Embeddings are multiplied by the square root of the model's width (Gemma).
    case widthRoot = "width_root"
  }

  /// Which layers rotate queries and keys; the others know no positions.
  package enum Rotation: String, Sendable, CaseIterable {
    case everywhere
    /// Those with a sliding window, which a model of the family must have.
    case windowed
    /// Those with a sliding window, or all layers of a model that has none.
    case windowedOrAll = "windowed_or_all"
  }
  /// What GGUF's `rope.scaling.yarn_log_multiplier` holds of YaRN's two magnitudes.
  package enum YarnMultiplier: String, Sendable, CaseIterable {
    /// A tenth of both, which are taken for the same.
    case tenthOfBoth = "tenth_of_both"
    /// That of all dims, the other taken for 1.
    case allDims = "all_dims"
  }

  package var norm: NormRecipe.Kind
  package var normPlacement: LayerRecipe.NormPlacement
  package var residual: Residual
  package var attention: AttentionKind
  package var queryKeyNorm: AttentionRecipe.HeadNorm
  package var positions: ModelShape.Positions
  package var rotation: Rotation
  package var yarnMultiplier: YarnMultiplier
  /// Keys of a GGUF file, beside the factor and the original context, by which llama.cpp scales models
  /// of the family by YaRN; it passes over others.
  package var yarnKeys: [String]
  /// YaRN without a magnitude has 1, in GGUF files and where config.json states one set for all layers.
  package var unitMagnitude: Bool
  /// What rotates in layers with positions of a plain file.
  package var sites: RotarySites
  /// How windows of tokens are compressed in layers that do; nil for families without.
  package var compression: CompressionBlock?
  package var feedForward: FeedForwardRecipe.Form
  package var activation: Activation
  /// What bounds a gated network; nil: nothing does, or files state it (`GateLimit`).
  package var gateClamp: FeedForwardRecipe.GateClamp?
  /// Key of config.json that names the activation, and the names that mean this one.
  package var activationKey: String
  package var activationNames: [String]
  package var embeddingScale: EmbeddingScale
  /// Every n-th layer attends globally, the others within the window; 0: all alike.
  package var globalEvery: Int
  /// The reference implementation lets the last layer see everything, whatever config.json says.
  package var endsGlobally: Bool
  /// The reference implementation rotates the share of a head that `partial_rotary_factor` states;
  /// those of other architectures ignore that key.
  package var rotatesPartially: Bool
  /// The ends of YaRN's ramp are whole dims where a GGUF file states YaRN, which has no key for it.
  package var roundsRamp: Bool
  /// A dynamic scaling that states `alpha` is a base stretched by it, whatever the length (HunYuan).
  package var stretchesBase: Bool
  /// Layer counts whose attention scale is 1/sqrt(width / heads) in GGUF files (Gemma 3 27B).
  package var widthScaledLayers: [Int]
  /// By container, how the value heads of delta rules lie; nil for families without such layers.
  package var valueHeadOrders: [Architecture.Side: DeltaRuleRecipe.ValueHeadOrder]?
  /// What attention by decay is; nil: a softmax makes the weights.
  package var decay: DecayBlock?
  /// Each head's output is divided by its root mean square.
  package var normsOutputs: Bool
  /// What the gate of outputs goes through; nil: a sigmoid.
  package var gateActivation: Activation?
  /// Of a rotary base that files do not state: the slowest of the pairs turns by its inverse.
  package var reachesBase: Bool
  /// Each value head is divided by its root mean square; the norm has no gain.
  package var normsValues: Bool
  /// A layer of experts has a dense network beside them, and both have norms of their own.
  package var hasDenseBesideExperts: Bool
  /// What there is to know of layers of experts; nil for families without.
  package var experts: ExpertsBlock?

  /// The dims of a head that rotate are its last.
  package var rotatesLastDims: Bool { attention != .grouped }
}
