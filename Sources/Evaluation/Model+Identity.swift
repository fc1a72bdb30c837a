import Base
import Checkpoints
import Inference
import Models
import OrderedCollections
import Rotary
import Vocabulary

extension Model {
  /// Everything that a digit depends on that comes from the model and the variant it is computed as.
  /// - Parameters:
  ///   - role: `model`, or `base` and `other` of a comparison.
  ///   - rotary: the configuration computed.
  ///   - length: tokens of its longest pass.
  ///   - tokenizer: the one that prompts are made with; nil where ids are given.
  /// - Returns: an element of the identity's `models`.
  /// - Throws: `RotaryError` where the frequencies of this length cannot be computed, and what
  ///   `SourceDigest.value` throws.
  func identity(
    role: String = "model", rotary: RotaryConfiguration, length: Int, tokenizer: Tokenizer? = nil
  ) throws -> JSONValue {
    var fields: OrderedDictionary<String, JSONValue> = [
      "role": .string(role), "sha256": .string(try digest.value()),
      "tokenizer_sha256": try tokenizer.map {
        .string(SourceHash.sha256(bytes: try $0.behaviour(of: checkpoint)))
      } ?? .null,
      "hyperparameters": .object(hyperparameters),
      "rotation": try rotation(rotary, length: length),
    ]
    // What comes with the program is told by its version.
    if let file = plan.architecture.origin {
      fields["architecture_file"] = [
        "name": .string(Paths.name(of: file.path)), "sha256": .string(file.sha256),
      ]
    }
    return .object(fields)
  }

  /// Every resolved size and scalar, whatever key of which file it came from.
  private var hyperparameters: OrderedDictionary<String, JSONValue> {
    var fields: OrderedDictionary<String, JSONValue> = [
      "architecture": .string(plan.architecture.name)
    ]
    // Layers say what they have of these.
    let unmentioned: Set = [
      "outputNorm", "networks", "layerInputWidth", "plainSites", "hyperConnections",
    ]
    fields.merge(Settings.of(plan.shape, leaving: unmentioned)) { own, _ in own }
    fields.merge(Settings.ofLayers(plan.layers.map(\.recipe))) { own, _ in own }
    // The key of a state file hashes the text: sizes stand in the order they always had.
    let first = OrderedSet(Self.order).intersection(fields.keys)
    return OrderedDictionary(
      uniqueKeysWithValues: first.union(fields.keys).map { ($0, fields[$0] ?? .null) })
  }

  private static let order = [
    "architecture", "positions", "layers", "width", "heads", "key_value_heads", "key_width",
    "value_width", "feed_forward", "vocabulary", "context", "norm_epsilon", "attention_scale",
    "windows", "parallel_residual", "attention_softcap", "logit_softcap", "embedding_multiplier",
    "residual_multiplier", "logit_divisor", "latent_rank", "query_rank",
  ]

  private func rotation(_ rotary: RotaryConfiguration, length: Int) throws -> JSONValue {
    var frequencies = ""
    for layer in rotary.layers {
      let score =
        try layer.score?.frequencies(length: length) ?? RotaryFrequencies(radians: [])
      frequencies +=
        "\(score.radians);\(score.magnitude);\(layer.value?.frequencies ?? []);"
    }
    let (scores, values) = (rotary.scores, rotary.valueTable)
    let bases = scores.map { JSONValue.number($0.base) }
    let stored = try plan.rotary.applying(.asStored, length: length)
    var fields: OrderedDictionary<String, JSONValue> = [
      "sites": .string(rotary.sites.code),
      "value_pairs": values.map { JSONValue(ofLayers: $0.turning.map { JSONValue($0) }) } ?? .null,
      "pairs": JSONValue(ofLayers: rotary.layers.map { JSONValue($0.pairs) }),
      "value_base": (values?.base).map { .number($0) } ?? .null,
      "base": bases.count == 1 ? bases[0] : .array(bases),
      "layout": (scores.first?.layout).map { .string($0.rawValue) } ?? .null,
      "value_layout": (values?.layout).map { .string($0.rawValue) } ?? .null,
      "value_bias": (values?.bias).map { .string($0.rawValue) } ?? .null,
      "scaling": (scores.first?.scaling ?? .none).setting,
      "as_if": .bool(rotary != stored),
      "fit": try fit.value(of: plan),
      "frequencies_sha256": .string(SourceHash.sha256(text: frequencies)),
    ]
    let own = rotary.layers.lazy.compactMap(\.value).first { $0.ownScaling != nil }
    if let own, let scaling = own.ownScaling, own.followsScaling || !scaling.dependsOnLength {
      fields["value_scaling"] = scaling.setting
    } else if own != nil || rotary.fixesValueScaling || rotary.hasUnscaledValues(length: length) {
      fields["value_scaling"] = ["type": .string(ModelDescription.fixedScaling)]
    }
    if rotary.layers.contains(where: { $0.value?.followsScaling == true }) {
      fields["value_length"] = .string("own")
    }
    return .object(fields)
  }
}

extension Settings {
  /// What is to be known of a layer's mixer.
  private static func ofMixer(
    _ mixer: LayerRecipe.Mixer
  ) -> OrderedDictionary<String, JSONValue> {
    switch mixer {
    case .attention(let attention):
      var fields = of(
        attention,
        leaving: [
          "kind", "headNorm", "isGated", "temperature", "rotation", "normsValues", "valueIsKey",
          "keyValueSource", "decay", "normsOutputs", "gateActivation",
        ],
        names: ["scale": "attention_scale", "softcap": "attention_softcap", "window": "windows"])
      fields["latent_rank"] = JSONValue(attention.latent?.rank ?? 0)
      fields["query_rank"] = JSONValue(attention.latent?.queryRank ?? 0)
      if attention.isAbsorbed { fields["absorbed"] = .bool(true) }
      if let temperature = attention.temperature {
        fields["temperature"] = Settings.json(temperature)
      }
      if let source = attention.keyValueSource { fields["key_value_source"] = JSONValue(source) }
      if attention.valueIsKey { fields["value_is_key"] = .bool(true) }
      if let decay = attention.decay { fields["decay"] = Settings.json(decay) }
      if let shared = attention.sharedVector { fields["shared_vector"] = Settings.json(shared) }
      return fields
    case .deltaRule(let rule):
      return ["delta_rule": .object(of(rule, leaving: ["order"]))]
    }
  }

  /// The sizes and scalars of layers, one value where all agree and a list where they differ. What
  /// their architecture decides is not a setting, and rotation has a place of its own.
  static func ofLayers(_ recipes: [LayerRecipe]) -> OrderedDictionary<String, JSONValue> {
    let layers = recipes.map { recipe in
      // Stated where there are some alone: results of other models keep their keys.
      var fields = ofMixer(recipe.mixer)
      if recipe.inputWidth > 0 { fields["input_width"] = JSONValue(recipe.inputWidth) }
      if recipe.hasDenseBesideExperts, let experts = recipe.experts {
        fields["expert_width"] = JSONValue(experts.network.width)
      }
      if let clamp = recipe.feedForward.clamp { fields["gate_clamp"] = Settings.json(clamp) }
      if let connections = recipe.residual.hyperConnections {
        fields["hyper_connections"] = Settings.json(connections)
      }
      let others = [
        of(
          recipe.feedForward, leaving: ["form", "activation", "clamp"],
          names: ["width": "feed_forward"]),
        of(recipe.norm, leaving: ["kind"], names: ["epsilon": "norm_epsilon"]),
        of(
          recipe.residual, leaving: ["sharesNorm", "hyperConnections"],
          names: ["isParallel": "parallel_residual", "multiplier": "residual_multiplier"]),
      ]
      for other in others { fields.merge(other) { own, _ in own } }
      if let experts = recipe.experts { fields["experts"] = experts.setting }
      return fields
    }
    let keys = OrderedSet(layers.flatMap(\.keys))
    return OrderedDictionary(
      uniqueKeysWithValues: keys.map { key in
        (key, JSONValue(ofLayers: layers.map { $0[key] ?? .null }))
      })
  }
}

extension ExpertsRecipe: SettingValue {
  /// How many there are, how they are chosen and weighted, and the width of those beside them.
  var setting: JSONValue {
    var fields: OrderedDictionary<String, JSONValue> = [
      "count": JSONValue(count), "used": JSONValue(router.used),
      "score": .string(router.score.rawValue), "corrected": .bool(router.isCorrected),
      "groups": JSONValue(router.groups), "groups_used": JSONValue(router.groupsUsed),
      "group_score": .string(router.groupScore.rawValue),
      "normalizes": .bool(router.normalizes), "scale": .number(router.scale),
      "shared_width": JSONValue(shared?.network.width ?? 0),
    ]
    if router.choosesByToken { fields["by_token"] = .bool(true) }
    return .object(fields)
  }
}

extension FrequencyScaling: SettingValue {
  /// Its method and parameters; lists of factors are in the hash of the frequencies.
  var setting: JSONValue {
    var fields: OrderedDictionary<String, JSONValue> = ["type": .string(name)]
    switch self {
    case .none, .factors: break
    case .linear(let factor), .ntk(let factor): fields["factor"] = .number(factor)
    case .dynamic(let factor, let original):
      fields["factor"] = .number(factor)
      fields["original_context"] = JSONValue(original)
    case .yarn(let yarn): fields.merge(Settings.of(yarn)) { own, _ in own }
    case .llama3(let factor, let low, let high, let original):
      fields["factor"] = .number(factor)
      fields["low_factor"] = .number(low)
      fields["high_factor"] = .number(high)
      fields["original_context"] = JSONValue(original)
    case .proportional(let turning, let factor):
      fields["turning"] = JSONValue(turning)
      fields["factor"] = .number(factor)
    case .longRoPE(let scaling):
      // Which of the lists counts depends on the length, so both belong here.
      fields["original_context"] = JSONValue(scaling.originalContext)
      fields["magnitude"] = .number(scaling.magnitude)
      fields["factors_sha256"] = .string(
        SourceHash.sha256(text: "\(scaling.short);\(scaling.long)"))
    }
    return .object(fields)
  }
}

extension TokenizedText {
  /// The ids that are scored and how windows of them begin.
  var identity: JSONValue {
    [
      "sha256": .string(SourceHash.sha256(tokens: [tokens])), "tokens": JSONValue(tokens.count),
      "window_start": windowStart.map { JSONValue(Int($0)) } ?? .null,
    ]
  }
}
