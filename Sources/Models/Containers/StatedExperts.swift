import Base
import Checkpoints

/// What mixes the channels of a layer.
enum ChannelKind: Sendable, CaseIterable {
  case dense
  case experts
  /// Experts that are chosen by the token.
  case expertsOfToken

  /// How config.json names it; the second name is for families that know experts of tokens.
  var names: [String] {
    switch self {
    case .dense: ["dense"]
    case .experts: ["sparse", "moe"]
    case .expertsOfToken: ["hash_moe"]
    }
  }

  init?(name: String) {
    guard let kind = Self.allCases.first(where: { $0.names.contains(name) }) else { return nil }
    self = kind
  }

  init(_ recipe: LayerRecipe) {
    self = recipe.experts.map { $0.router.choosesByToken ? .expertsOfToken : .experts } ?? .dense
  }
}

extension ExpertsRecipe {
  /// The same experts, chosen as in a layer of this kind. Where a token decides, nothing corrects
  /// scores.
  func choosing(as kind: ChannelKind) -> ExpertsRecipe {
    guard kind == .expertsOfToken else { return self }
    var experts = self
    experts.router.choosesByToken = true
    experts.router.isCorrected = false
    return experts
  }
}

/// What a file states of its layers of experts, and which layers those are.
enum StatedExperts {
  /// Experts of all layers together; the largest models have some 25,000.
  private static let mostExperts = 1 << 20

  /// Reads them; nil for a model without experts. `shape` has its sizes.
  static func read(_ parameters: Hyperparameters, _ shape: StatedShape) throws -> ExpertsRecipe? {
    let block = parameters.architecture.block
    guard let facts = block.experts, parameters.flag(.expertsEnabled) ?? true,
      let count = try parameters.optionalInteger(.experts, minimum: 0), count > 0
    else { return nil }
    guard count <= mostExperts / max(shape.layers, 1) else {
      throw parameters.failure(
        .experts, "is \(count) in each of \(shape.layers) layers, which no model has")
    }
    let score = try score(parameters, facts)
    guard let router = facts.routers[score] else { return nil }
    let used = try parameters.integer(.expertsPerToken)
    guard used <= count else {
      throw parameters.failure(.expertsPerToken, "is \(used), more than the \(count) experts")
    }
    let (groups, groupsUsed) = try groups(parameters, router, experts: count, used: used)
    // What a missing member means differs between families and versions of their reference.
    if parameters.side == .huggingface, parameters.flag(.normalizesExpertWeights) == nil,
      !parameters.architecture.keys(of: .normalizesExpertWeights, on: .huggingface).isEmpty
    {
      throw parameters.failure(.normalizesExpertWeights, "is missing")
    }
    let scale = try parameters.optionalNumber(.expertWeightScale) ?? 1
    // Where GGUF's key is missing, weights stay as they are, but in files of families that have
    // none.
    let normalizes =
      parameters.side == .gguf && !isOwnKey(.normalizesExpertWeights, parameters.architecture)
      ? false : router.normalizes
    var network = FeedForwardRecipe(
      form: block.feedForward, width: 0, activation: block.activation,
      clamp: try GateLimit.read(parameters))
    if !parameters.architecture.keys(of: .expertWidth, on: parameters.side).isEmpty {
      network.width = try parameters.integer(.expertWidth)
    } else {
      guard let width = shape.feedForward.agreed else {
        throw parameters.failure(.feedForward, "differs between layers, though experts are as wide")
      }
      network.width = width
    }
    return ExpertsRecipe(
      count: count,
      router: RouterRecipe(
        score: score, used: used, isCorrected: router.isCorrected, groups: groups,
        groupsUsed: groupsUsed, groupScore: router.groupScore,
        normalizes: parameters.flag(.normalizesExpertWeights) ?? normalizes,
        scale: scale == 0 ? 1 : scale,
        inputScale: block.hasDenseBesideExperts ? 1 / Double(shape.width).squareRoot() : 1),
      network: network, shared: try shared(parameters, like: network))
  }

  private static func shared(
    _ parameters: Hyperparameters, like network: FeedForwardRecipe
  ) throws -> ExpertsRecipe.SharedExperts? {
    let count = try parameters.optionalInteger(.sharedExperts, minimum: 0)
    let stated = try parameters.optionalInteger(.sharedExpertWidth, minimum: 0)
    let width = stated ?? (count ?? 0) * network.width
    guard width > 0 else { return nil }
    guard width <= Hyperparameters.most else {
      throw parameters.failure(.sharedExperts, "makes \(width) channels, which no model has")
    }
    var shared = network
    shared.width = width
    shared.clamp = try GateLimit.read(parameters, ofShared: true)
    return ExpertsRecipe.SharedExperts(count: count ?? 1, network: shared)
  }

  /// How the router scores: what the file states, else what its `model_type` means.
  private static func score(
    _ parameters: Hyperparameters, _ facts: ExpertsBlock
  ) throws -> RouterRecipe.Score {
    let type = parameters.checkpoint.configuration?[
      HuggingFaceConfiguration.Key.modelType.rawValue]?.string
    let meant = facts.routers.first { router in
      guard let name = router.value.modelType else { return false }
      return type == name || type == CheckpointIdentity.variant(of: name, on: .huggingface)
    }?.key
    guard let value = parameters.value(.expertScore) else {
      return meant ?? facts.routers.keys[0]
    }
    let stated = value.string.flatMap(RouterRecipe.Score.init) ?? value.int.flatMap(score(code:))
    guard let stated, facts.routers[stated] != nil, meant == nil || meant == stated else {
      let known = meant.map { [$0] } ?? Array(facts.routers.keys)
      throw ModelError.unsupportedValue(
        file: parameters.checkpoint.path, key: parameters.name(.expertScore),
        found: value.serialized(pretty: false), accepted: known.map(\.rawValue))
    }
    return stated
  }

  /// llama.cpp's numbers (`enum llama_expert_gating_func_type`).
  private static func code(_ score: RouterRecipe.Score) -> Int {
    switch score {
    case .softmax: 1
    case .sigmoid: 2
    case .softmaxOfChosen: 3
    case .rootSoftplus: 4
    }
  }

  private static func score(code number: Int) -> RouterRecipe.Score? {
    RouterRecipe.Score.allCases.first { code($0) == number }
  }

  private static func groups(
    _ parameters: Hyperparameters, _ router: ExpertsBlock.Router, experts: Int, used: Int
  ) throws -> (groups: Int, used: Int) {
    let configuration = parameters.checkpoint.configuration
    let isUngrouped = router.ungrouped.contains { configuration?[$0.key]?.string == $0.value }
    let stated = try parameters.optionalInteger(.expertGroups, minimum: 0) ?? 1
    guard stated > 1, !isUngrouped else { return (1, 1) }
    let groups = stated
    guard experts % groups == 0, experts / groups >= (router.groupScore == .bestTwo ? 2 : 1) else {
      throw parameters.failure(
        .expertGroups, "is \(groups), into which \(experts) experts cannot be divided")
    }
    let groupsUsed = try parameters.integer(.expertGroupsUsed)
    guard groupsUsed <= groups, groupsUsed * (experts / groups) >= used else {
      throw parameters.failure(
        .expertGroupsUsed,
        "is \(groupsUsed) of \(groups) groups, which do not hold \(used) experts to use")
    }
    return (groups, groupsUsed)
  }

  // MARK: - Which layers

  /// What each layer has, in a model with experts.
  static func layers(_ parameters: Hyperparameters, count: Int) throws -> [ChannelKind] {
    if let kinds = parameters.value(.feedForwardTypes)?.array {
      guard kinds.count == count else {
        throw parameters.failure(
          .feedForwardTypes, "has \(kinds.count) entries for \(count) layers")
      }
      return try kinds.map { kind in
        guard let kind = kind.string.flatMap(ChannelKind.init(name:)) else {
          let known = ChannelKind.allCases.flatMap(\.names).joined(separator: ", ")
          throw parameters.failure(.feedForwardTypes, "holds an unknown type (known: \(known))")
        }
        return kind
      }
    }
    let leading = try parameters.optionalInteger(.leadingDenseLayers, minimum: 0) ?? 0
    let step = try parameters.optionalInteger(.expertStep) ?? 1
    var dense: Set<Int> = []
    if let listed = parameters.value(.denseLayers) {
      guard let numbers = listed.array?.compactMap(\.int), numbers.count == listed.array?.count
      else { throw parameters.failure(.denseLayers, "is no list of whole numbers") }
      dense = Set(numbers)
    }
    let byToken = try parameters.optionalInteger(.tokenRoutedLayers, minimum: 0) ?? 0
    return (0..<count).map {
      guard $0 >= leading, !dense.contains($0), ($0 + 1) % step == 0 else { return .dense }
      return $0 < byToken ? .expertsOfToken : .experts
    }
  }

  /// States which layers have experts.
  /// - Throws: `ModelError.notRepresentable` where the container has no key that can.
  private static func write<Fields: StatedFields>(
    layers: [ChannelKind], of plan: ModelPlan, to fields: inout Fields, container: String
  ) throws {
    func has(_ parameter: Hyperparameter) -> Bool {
      fields.architecture.key(of: parameter, on: Fields.side) != nil
    }
    let leading = layers.prefix { $0 == .dense }.count
    var isRun = layers.dropFirst(leading).allSatisfy { $0 != .dense }
    let byToken = layers.lastIndex(of: .expertsOfToken).map { $0 + 1 } ?? 0
    if has(.tokenRoutedLayers), !layers[..<byToken].contains(.experts) {
      fields.set(.tokenRoutedLayers, .whole(byToken))
    } else if byToken > 0 {
      isRun = false
    }
    if has(.denseLayers) {
      fields.set(.denseLayers, .wholes(layers.indices.filter { layers[$0] == .dense }))
      fields.set(.expertStep, .whole(1))
    } else if isRun, has(.leadingDenseLayers) {
      fields.set(.leadingDenseLayers, .whole(leading))
      fields.set(.expertStep, .whole(1))
    } else if has(.leadingDenseLayers), has(.expertStep), let step = step(of: layers) {
      fields.set(.leadingDenseLayers, .whole(leading))
      fields.set(.expertStep, .whole(step))
    } else if !isRun || leading > 0 {
      guard has(.feedForwardTypes) else {
        throw ModelError.notRepresentable(
          file: plan.checkpoint.path, what: "its mixture of dense layers and layers of experts",
          container: container)
      }
      let names = layers.map(\.names)
      fields.set(.feedForwardTypes, .texts(names.map { (byToken > 0 ? $0.last : $0.first) ?? "" }))
    }
  }

  /// The distance of layers of experts, where each stands at a multiple of it counted from 1; nil
  /// where they do not.
  private static func step(of layers: [ChannelKind]) -> Int? {
    let numbers = layers.indices.filter { layers[$0] != .dense }.map { $0 + 1 }
    guard let first = numbers.first else { return nil }
    let step = numbers.count > 1 ? numbers[1] - first : first
    let expected = stride(from: first, through: layers.count, by: step)
    return first % step == 0 && numbers == Array(expected) ? step : nil
  }

  // MARK: - Writing

  /// Whether the family's GGUF files have no key for a fact but one of our own.
  private static func isOwnKey(_ parameter: Hyperparameter, _ architecture: Architecture) -> Bool {
    architecture.key(of: parameter, on: .gguf)?.hasPrefix(OwnKeys.prefix) ?? true
  }

  private static func write(_ experts: ExpertsRecipe, to fields: inout some StatedFields) {
    fields.set(.experts, .whole(experts.count))
    fields.set(.expertsPerToken, .whole(experts.router.used))
    fields.set(.expertWidth, .whole(experts.network.width))
    fields.set(.sharedExperts, .whole(experts.shared?.count ?? 0))
    fields.set(.sharedExpertWidth, .whole(experts.shared?.network.width ?? 0))
    fields.set(.expertGroups, .whole(experts.router.groups))
    fields.set(.expertGroupsUsed, .whole(experts.router.groupsUsed))
    fields.set(.expertWeightScale, .number(experts.router.scale))
    GateLimit.write(experts, to: &fields)
  }

  static func write(_ plan: ModelPlan, to fields: inout GGUFFields) throws {
    guard let experts = plan.shape.networks.experts else { return }
    write(experts, to: &fields)
    fields.set(.expertScore, .whole(code(experts.router.score)))
    // What readers assume: their family's way, or no division where there is a key for it.
    let isOwn = isOwnKey(.normalizesExpertWeights, plan.architecture)
    let assumed =
      isOwn && plan.architecture.block.experts?.routers[experts.router.score]?.normalizes == true
    if experts.router.normalizes != assumed {
      fields.set(.normalizesExpertWeights, .flag(experts.router.normalizes))
    }
    try write(
      layers: plan.layers.map { ChannelKind($0.recipe) }, of: plan, to: &fields,
      container: "GGUF")
  }

  static func write(_ plan: ModelPlan, to fields: inout ConfigurationFields) throws {
    fields.set(.expertsEnabled, .flag(plan.shape.networks.experts != nil))
    guard let experts = plan.shape.networks.experts,
      let router = plan.architecture.block.experts?.routers[experts.router.score]
    else { return }
    write(experts, to: &fields)
    fields.set(.expertScore, .text(experts.router.score.rawValue))
    fields.set(.normalizesExpertWeights, .flag(experts.router.normalizes))
    fields.set(.predictingLayers, .whole(0))
    for (key, value) in experts.router.groups > 1 ? router.grouped : router.ungrouped {
      fields.set(key: key, .text(value))
    }
    try write(
      layers: plan.layers.map { ChannelKind($0.recipe) }, of: plan, to: &fields,
      container: ModelFolder.configuration)
  }
}
