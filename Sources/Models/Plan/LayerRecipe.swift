import Rotary
import Tensors

/// What one layer computes: everything about it but its weights.
package struct LayerRecipe: Sendable, Equatable {
  /// What carries information from token to token.
  package enum Mixer: Sendable, Equatable {
    case attention(AttentionRecipe)
    case deltaRule(DeltaRuleRecipe)
  }

  /// What mixes the channels of a token.
  package enum ChannelMixer: Sendable, Equatable {
    case dense(FeedForwardRecipe)
    case experts(ExpertsRecipe)
    /// Both read the stream, each through its own norm; a norm after each and what they give added up.
    case denseBesideExperts(FeedForwardRecipe, ExpertsRecipe)
  }

  /// Where norms stand: before each sublayer, after it (before the residual sum), or both.
  package enum NormPlacement: String, Sendable, CaseIterable { case before, after, both }

  package var mixer: Mixer
  package var channelMixer: ChannelMixer
  /// The norms of both sublayers.
  package var norm: NormRecipe
  package var normPlacement: NormPlacement
  package var residual: ResidualRecipe
  /// Elements of the layer's own input, made of the tokens themselves; 0: it has none.
  package var inputWidth: Int

  package init(
    mixer: Mixer, channelMixer: ChannelMixer, norm: NormRecipe, normPlacement: NormPlacement,
    residual: ResidualRecipe, inputWidth: Int = 0
  ) {
    self.inputWidth = inputWidth
    self.mixer = mixer
    self.channelMixer = channelMixer
    self.norm = norm
    self.normPlacement = normPlacement
    self.residual = residual
  }

  /// The attention of the layer; nil where it mixes tokens by other means. Nothing else becomes
  /// attention by setting it.
  package var attention: AttentionRecipe? {
    get { if case .attention(let attention) = mixer { attention } else { nil } }
    set {
      if let newValue, case .attention = mixer { mixer = .attention(newValue) }
    }
  }

  /// The delta rule of the layer; nil for attention.
  package var deltaRule: DeltaRuleRecipe? {
    if case .deltaRule(let rule) = mixer { rule } else { nil }
  }

  /// How the layer rotates; one that is not attention has nothing that a variant reaches.
  package var rotation: RotaryLayer {
    attention?.rotation ?? RotaryLayer(sites: .none, score: nil)
  }

  /// The feed-forward network of the layer, or of each of its experts where those are all it has.
  package var feedForward: FeedForwardRecipe {
    switch channelMixer {
    case .dense(let network), .denseBesideExperts(let network, _): network
    case .experts(let experts): experts.network
    }
  }

  /// The experts of the layer; nil for a dense one.
  package var experts: ExpertsRecipe? {
    switch channelMixer {
    case .dense: nil
    case .experts(let experts), .denseBesideExperts(_, let experts): experts
    }
  }

  /// Whether a dense network and experts have norms of their own.
  package var hasDenseBesideExperts: Bool {
    if case .denseBesideExperts = channelMixer { true } else { false }
  }

  /// Keys and values are those of an earlier layer.
  package var usesOtherKeys: Bool { attention?.keyValueSource != nil }

  /// Whether such a layer can have a weight of this role.
  package func has(_ role: Role) -> Bool {
    switch role.mixer {
    case nil: break
    case .attention: guard attention != nil else { return false }
    case .deltaRule: guard deltaRule != nil else { return false }
    }
    switch role {
    case .key, .keyBias, .keyNormGain: return !usesOtherKeys
    case .value, .valueBias: return !usesOtherKeys && attention?.valueIsKey != true
    case .latentKeyUp, .latentValueUp: return attention?.isAbsorbed != true
    case .headNormGain: return attention?.normsOutputs == true
    case .layerInputProjection, .layerInputGate, .layerInputOutput, .layerInputPostNormGain:
      return inputWidth > 0
    case .routerNormGain: return hasDenseBesideExperts
    default: break
    }
    if role.isOfStreams { return residual.hyperConnections != nil }
    if let part = role.attentionPart { return has(part) }
    return switch role.network {
    case nil: true
    case .dense: experts == nil || hasDenseBesideExperts
    case .router:
      experts.map {
        switch role {
        case .routerCorrection: $0.router.isCorrected
        case .routerTable: $0.router.choosesByToken
        default: true
        }
      } ?? false
    case .besideExperts: hasDenseBesideExperts
    case .experts: experts != nil
    case .shared: experts?.shared != nil
    }
  }
}

/// A norm without its weights.
package struct NormRecipe: Sendable, Equatable {
  package enum Kind: String, Sendable, CaseIterable { case rms, layer }

  package var kind: Kind
  package var epsilon: Double

  package init(kind: Kind, epsilon: Double) {
    self.kind = kind
    self.epsilon = epsilon
  }
}

/// How the sublayers' outputs join the residual stream.
package struct ResidualRecipe: Sendable, Equatable {
  /// Attention and feed-forward network read the same residual stream.
  package var isParallel: Bool
  /// Multiplies what a sublayer adds.
  package var multiplier: Double
  /// The feed-forward network reads what attention's norm gives: it has none of its own.
  package var sharesNorm: Bool
  /// How sublayers join several streams; nil: there is one.
  package var hyperConnections: HyperConnections?

  package init(
    isParallel: Bool, multiplier: Double, sharesNorm: Bool = false,
    hyperConnections: HyperConnections? = nil
  ) {
    self.isParallel = isParallel
    self.multiplier = multiplier
    self.sharesNorm = sharesNorm
    self.hyperConnections = hyperConnections
  }
}

/// A dense feed-forward network.
package struct FeedForwardRecipe: Sendable, Equatable {
  package enum Form: String, Sendable, CaseIterable {
    /// `down(activation(gate x) * up x)`
    case gated
    /// `down(activation(up x))`
    case plain
  }

  /// A gate that bounds what it multiplies: `g` is `gate x` up to `limit`, `u` is `up x` between
  /// `-limit` and `limit`.
  package struct GateClamp: Sendable, Equatable {
    /// `down((u + 1) g / (1 + e^(-slope g)))` (gpt-oss); nil: `down(activation(g) * u)`.
    package var slope: Double?
    package var limit: Double

    package init(slope: Double? = nil, limit: Double) {
      self.slope = slope
      self.limit = limit
    }
  }

  package var form: Form
  /// Channels between the matrices.
  package var width: Int
  package var activation: Activation
  /// Of a gated network, what bounds it; nil: nothing does.
  package var clamp: GateClamp?

  package init(form: Form, width: Int, activation: Activation, clamp: GateClamp? = nil) {
    self.form = form
    self.width = width
    self.activation = activation
    self.clamp = clamp
  }
}

/// Attention of one layer over the tokens before each.
package struct AttentionRecipe: Sendable, Equatable {
  package enum Kind: Sendable, Equatable {
    /// Every key and value head serves `heads / keyValueHeads` query heads.
    case grouped
    /// Multi-head latent attention (DeepSeek-V2): K and V come from one latent vector per token.
    case latent(Latent)
    /// One vector per token is key and value of all heads.
    case shared(SharedVector)
  }

  /// The sizes of latent attention.
  package struct Latent: Sendable, Equatable {
    /// Elements of the latent vector.
    package var rank: Int
    /// Elements of the vector that queries come from; nil where they come from one matrix.
    package var queryRank: Int?
    /// Dims of the key that all heads share and that rotates; each head has still ones before it.
    package var sharedKeyWidth: Int
    /// The heads before absorption, of the absorbed form; nil: keys and values have their matrices.
    package var absorbed: Heads?

    package init(rank: Int, queryRank: Int?, sharedKeyWidth: Int) {
      self.rank = rank
      self.queryRank = queryRank
      self.sharedKeyWidth = sharedKeyWidth
    }
  }

  /// A norm of queries and keys.
  package enum HeadNorm: String, Sendable, CaseIterable {
    case none
    /// One gain per head dimension, each head normed alone.
    case head
    /// One gain per row of the projection, all heads normed together (OLMo 2).
    case full
    /// As `head`, but of queries and keys that are rotated already (HunYuan): a gain that differs
    /// within a pair then scales other components at other positions, so that scores know more than
    /// the distance, and gains move with their pairs where the layout changes.
    case headAfterRotation = "head_after_rotation"
  }

  package var kind: Kind
  package var heads: Int
  /// Heads of K and V.
  package var keyValueHeads: Int
  /// Dims of a query or key head.
  package var keyWidth: Int
  /// Dims of a value head.
  package var valueWidth: Int
  /// Multiplies q . k.
  package var scale: Double
  /// Bounds the scores; 0: they are as they are.
  package var softcap: Double
  /// Tokens that a query sees, itself among them; 0: everything before it.
  package var window: Int
  package var headNorm: HeadNorm
  /// Each output of a head is multiplied by `1 / (1 + e^-g)`, g a row of `Role.attentionGate`.
  package var isGated: Bool
  /// What queries are multiplied by besides, by their positions; nil: nothing.
  package var temperature: AttentionTemperature?
  /// Each value head is divided by its root mean square, before it rotates.
  package var normsValues: Bool
  /// There is no value matrix: values are the output of the key matrix, before the norm of keys.
  package var valueIsKey: Bool
  /// The earlier layer whose keys and values this one uses, which has none of its own; nil: none.
  package var keyValueSource: Int?
  /// The rotation that the checkpoint was made with.
  package var rotation: RotaryLayer
  /// Scores fade with the distance and are weights as they are; nil: a softmax makes weights of them.
  package var decay: DecayRecipe?
  /// Each head's output is divided by its root mean square, with a gain where there is one.
  package var normsOutputs = false
  /// What a gate goes through; nil: a sigmoid.
  package var gateActivation: Activation?

  package init(
    kind: Kind, heads: Int, keyValueHeads: Int, keyWidth: Int, valueWidth: Int, scale: Double,
    softcap: Double = 0, window: Int = 0, headNorm: HeadNorm = .none, isGated: Bool = false,
    temperature: AttentionTemperature? = nil, normsValues: Bool = false, valueIsKey: Bool = false,
    keyValueSource: Int? = nil, rotation: RotaryLayer
  ) {
    self.normsValues = normsValues
    self.valueIsKey = valueIsKey
    self.keyValueSource = keyValueSource
    self.kind = kind
    self.heads = heads
    self.keyValueHeads = keyValueHeads
    self.keyWidth = keyWidth
    self.valueWidth = valueWidth
    self.scale = scale
    self.softcap = softcap
    self.window = window
    self.headNorm = headNorm
    self.isGated = isGated
    self.temperature = temperature
    self.rotation = rotation
  }

  /// No heads: what a layer has that is not attention.
  package static let headless = AttentionRecipe(
    kind: .grouped, heads: 0, keyValueHeads: 0, keyWidth: 0, valueWidth: 0, scale: 1,
    rotation: RotaryLayer(sites: .none, score: nil))

  /// Whether a change of the values' basis can be undone in the output matrix: no gate of outputs or norm
  /// of values stands between, and the values are the layer's own.
  package var hasFreeValueBasis: Bool {
    !isGated && !normsValues && !normsOutputs && !valueIsKey && keyValueSource == nil
  }

  /// Query heads that share one key and value head.
  package var groupSize: Int { heads / max(keyValueHeads, 1) }
  /// Elements of all query heads.
  package var queryRows: Int { heads * keyWidth }
  /// Elements of all key heads.
  package var keyRows: Int { keyValueHeads * keyWidth }
  /// Elements of all value heads.
  package var valueRows: Int { keyValueHeads * valueWidth }
  /// Elements of the matrices that a sequence's heads keep in the recurrent form of decay attention; 0
  /// where there is none.
  package var stateCount: Int {
    decay.map { heads * keyWidth * $0.stateColumns(valueWidth: valueWidth) } ?? 0
  }
  /// Elements of the heads' outputs, which the output matrix reads.
  package var outputColumns: Int { heads * valueWidth }

  /// The sizes of latent attention; nil for grouped heads.
  package var latent: Latent? {
    if case .latent(let latent) = kind { latent } else { nil }
  }

  /// Dims of a latent key head that come of the latent vector; those of a grouped one are all alike.
  package var stillKeyWidth: Int { keyWidth - (latent?.sharedKeyWidth ?? 0) }

  /// The query heads that a key and value head serves.
  package func members(ofGroup group: Int) -> Range<Int> {
    (group * groupSize)..<((group + 1) * groupSize)
  }
}
