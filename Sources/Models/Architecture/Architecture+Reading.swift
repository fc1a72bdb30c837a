import Base
import OrderedCollections
import Rotary
import Synchronization
import Tensors

extension Architecture {
  /// Keys of a data file.
  package enum Key: String, CaseIterable {
    case name, block, hyperparameters, required, unread, assumed, copied, weights, ignored
    case modelTypes = "model_types"
    case windowedModelType = "windowed_model_type"
    case folderModelType = "folder_model_type"
    case recognizedBy = "recognized_by"
    case toldBy = "told_by"
    case readWhere = "read_where"
    case pairLayout = "pair_layout"
    case seventyBillion = "seventy_billion"
    case eightBitOutput = "eight_bit_output"
  }

  private static let folder = "architectures"

  /// The path of a data file that comes with the program, below the folder of all of them.
  package static func file(of name: String) -> String { "\(folder)/\(name).json" }

  /// Those read already: to recognize a folder takes all of them.
  private static let known = Mutex<[String: Architecture]>([:])

  /// What one data file of `formats/architectures` says; a process reads it once.
  /// - Throws: `FormatError.invalid` for an unknown key, role, hyper-parameter or value.
  package init(named name: String) throws {
    if let known = Self.known.withLock({ $0[name] }) {
      self = known
      return
    }
    let file = Self.file(of: name)
    let read = try Architecture(FormatResources.json(file), name: name, file: file)
    Self.known.withLock { $0[name] = read }
    self = read
  }

  /// Names of all architectures with a data file that comes with the program, sorted.
  package static func names() throws -> [String] {
    try FormatResources.list(folder)
  }

  /// Reads what a data file holds, which must state the name `name`; errors name `file`.
  package init(
    _ json: JSONValue, name: String, file: String, origin: DataFile? = nil
  ) throws(FormatError) {
    self.origin = origin
    let top = try StrictObject<Key>(json, file: file, place: "")
    self.name = try top.string(.name)
    guard self.name == name else {
      throw top.failure(.name, "expected '\(name)', the file's name")
    }
    _ = try top.required(.modelTypes)
    var classNames: OrderedDictionary<String, String> = [:]
    for (type, value) in try top.members(.modelTypes) {
      guard let text = value.string else { throw top.failure(.modelTypes, "expected strings") }
      classNames[type] = text
    }
    modelTypes = Array(classNames.keys)
    self.classNames = Dictionary(uniqueKeysWithValues: classNames.map { ($0.key, $0.value) })
    windowedModelType = try top.optionalString(.windowedModelType)
    if let type = windowedModelType, classNames[type] == nil {
      throw top.failure(.windowedModelType, "'\(type)' is none of \(Key.modelTypes.rawValue)")
    }
    folderModelType = try top.optionalString(.folderModelType)
    recognizedBy = try top.strings(.recognizedBy)
    toldBy = try top.strings(.toldBy)
    readWhere = try Self.foldersRead(top, types: modelTypes)
    block = try BlockRecipe(
      top.required(.block), file: file, place: top.place(of: .block))

    let layouts = try StrictObject<PairLayoutKey>(
      top.required(.pairLayout), file: file, place: top.place(of: .pairLayout))
    pairLayouts = [
      .gguf: try layouts.choice(.gguf), .huggingface: try layouts.choice(.huggingface),
    ]
    var others: OrderedDictionary<String, PairLayout> = [:]
    for (key, value) in try layouts.members(.ggufWith) {
      guard let layout = value.string.flatMap(PairLayout.init(rawValue:)) else {
        throw layouts.failure(.ggufWith, "expected layouts, by GGUF key")
      }
      others[key] = layout
    }
    otherPairLayouts = others

    _ = try top.required(.hyperparameters)
    var hyperparameters: [Hyperparameter: HyperparameterKeys] = [:]
    for (key, value) in try top.members(.hyperparameters) {
      guard let parameter = Hyperparameter(rawValue: key) else {
        throw top.failure(.hyperparameters, "unknown hyper-parameter '\(key)'")
      }
      hyperparameters[parameter] = try HyperparameterKeys(
        value, of: parameter, file: file, place: "\(top.place(of: .hyperparameters)).\(key)")
    }
    self.hyperparameters = hyperparameters
    if block.attention == .shared,
      Set(pairLayouts.values).union(otherPairLayouts.values).count > 1
    {
      throw top.failure(.pairLayout, "must be one: pairs of a shared vector cannot move")
    }

    var required: OrderedDictionary<String, [JSONValue]> = [:]
    for (key, value) in try top.members(.required) {
      guard let accepted = value.array, !accepted.isEmpty else {
        throw FormatError.invalid(
          file: file, place: "\(top.place(of: .required)).\(key)",
          problem: "expected a list of the values that are supported")
      }
      required[key] = accepted
    }
    self.required = required

    // A copy for another model_type keeps those of the types that it was made from.
    var unread: [String: [String]] = [:]
    for (type, value) in try top.members(.unread) {
      let keys = value.array?.compactMap(\.string) ?? []
      guard !keys.isEmpty, keys.count == value.array?.count else {
        throw top.failure(.unread, "expected lists of members, by model_type")
      }
      unread[type] = keys
    }
    self.unread = unread
    var assumed: [String: OrderedDictionary<String, JSONValue>] = [:]
    for (type, value) in try top.members(.assumed) {
      guard let members = value.object, !members.isEmpty else {
        throw top.failure(.assumed, "expected members, by model_type")
      }
      assumed[type] = members
    }
    self.assumed = assumed

    var copied: OrderedDictionary<String, CopiedKey> = [:]
    for (key, value) in try top.members(.copied) {
      copied[key] = try CopiedKey(value, file: file, place: "\(top.place(of: .copied)).\(key)")
    }
    self.copied = copied

    _ = try top.required(.weights)
    var weights: OrderedDictionary<Role, WeightNames> = [:]
    for (key, value) in try top.members(.weights) {
      guard let role = Role(rawValue: key) else {
        throw top.failure(.weights, "unknown role '\(key)'")
      }
      weights[role] = try WeightNames(
        value, file: file, place: "\(top.place(of: .weights)).\(key)")
    }
    self.weights = weights
    ignored = try top.strings(.ignored)
    hasEightBitOutput = try top.flag(.eightBitOutput)
    if hyperparameters[.residualStreams] != nil {
      guard block.residual == .sequential else {
        throw top.failure(.block, "several residual streams are not parallel")
      }
      for role in Role.allCases where role.isOfStreams && weights[role].map(\.optional) != false {
        throw top.failure(.weights, "several residual streams need '\(role.rawValue)'")
      }
    }
    seventyBillion = try top.optional(.seventyBillion).map { value throws(FormatError) in
      try SeventyBillion(value, file: file, place: top.place(of: .seventyBillion))
    }
  }
}

extension Architecture {
  package enum PairLayoutKey: String, CaseIterable {
    case gguf, huggingface
    case ggufWith = "gguf_with"
  }
}

extension Architecture.SeventyBillion {
  package enum Key: String, CaseIterable { case layers, grouped }

  init(_ json: JSONValue, file: String, place: String) throws(FormatError) {
    let entry = try StrictObject<Key>(json, file: file, place: place)
    _ = try entry.required(.layers)
    layers = try entry.integer(.layers, default: 0)
    grouped = try entry.flag(.grouped)
  }
}

extension BlockRecipe {
  package enum Key: String, CaseIterable {
    case norm, residual, attention, positions, rotation, activation, experts, sites, compression
    case normPlacement = "norm_placement"
    case queryKeyNorm = "query_key_norm"
    case feedForward = "feed_forward"
    case activationKey = "activation_key"
    case activationNames = "activation_names"
    case embeddingScale = "embedding_scale"
    case gateClamp = "gate_clamp"
    case globalEvery = "global_every"
    case endsGlobally = "ends_globally"
    case rotatesPartially = "rotates_partially"
    case roundsRamp = "rounds_ramp"
    case stretchesBase = "stretches_base"
    case widthScaledLayers = "width_scaled_layers"
    case yarnMultiplier = "yarn_multiplier"
    case yarnKeys = "yarn_keys"
    case valueHeadOrder = "value_head_order"
    case valueNorm = "value_norm"
    case decay
    case headNorm = "head_norm"
    case gateActivation = "gate_activation"
    case reachesBase = "reaches_base"
    case denseBesideExperts = "dense_beside_experts"
    case unitMagnitude = "unit_magnitude"
  }

  init(_ json: JSONValue, file: String, place: String) throws(FormatError) {
    let entry = try StrictObject<Key>(json, file: file, place: place)
    norm = try entry.choice(.norm)
    normPlacement = try entry.choice(.normPlacement, default: .before)
    residual = try entry.choice(.residual, default: .sequential)
    attention = try entry.choice(.attention, default: .grouped)
    queryKeyNorm = try entry.choice(.queryKeyNorm, default: AttentionRecipe.HeadNorm.none)
    positions = try entry.choice(.positions, default: .rotary)
    rotation = try entry.choice(.rotation, default: .everywhere)
    yarnMultiplier = try entry.choice(.yarnMultiplier, default: .tenthOfBoth)
    yarnKeys = try entry.strings(.yarnKeys)
    unitMagnitude = try entry.flag(.unitMagnitude)
    sites = try Self.sites(entry, positions: positions)
    compression = try entry.optional(.compression).map { value throws(FormatError) in
      try CompressionBlock(value, file: file, place: entry.place(of: .compression))
    }
    guard compression == nil || attention == .shared else {
      throw entry.failure(.compression, "is for attention to a shared vector")
    }
    feedForward = try entry.choice(.feedForward, default: .gated)
    activation = try entry.choice(.activation)
    activationKey = try entry.string(.activationKey)
    activationNames = try entry.strings(.activationNames)
    guard !activationNames.isEmpty else {
      throw entry.failure(.activationNames, "expected at least one name")
    }
    embeddingScale = try entry.choice(.embeddingScale, default: EmbeddingScale.none)
    globalEvery = try entry.integer(.globalEvery, default: 0)
    guard globalEvery >= 0 else { throw entry.failure(.globalEvery, "expected at least 0") }
    endsGlobally = try entry.flag(.endsGlobally)
    rotatesPartially = try entry.flag(.rotatesPartially)
    roundsRamp = try entry.flag(.roundsRamp, default: true)
    gateClamp = try entry.optional(.gateClamp).map { value throws(FormatError) in
      try FeedForwardRecipe.GateClamp(value, file: file, place: entry.place(of: .gateClamp))
    }
    guard gateClamp == nil || feedForward == .gated else {
      throw entry.failure(.gateClamp, "is for gated networks")
    }
    stretchesBase = try entry.flag(.stretchesBase)
    widthScaledLayers = try entry.integers(.widthScaledLayers)
    valueHeadOrders = try entry.optional(.valueHeadOrder).map { value throws(FormatError) in
      let orders = try StrictObject<Architecture.Side>(
        value, file: file, place: entry.place(of: .valueHeadOrder))
      return [.gguf: try orders.choice(.gguf), .huggingface: try orders.choice(.huggingface)]
    }
    decay = try entry.optional(.decay).map { value throws(FormatError) in
      try DecayBlock(value, file: file, place: entry.place(of: .decay))
    }
    guard decay == nil || attention == .grouped else {
      throw entry.failure(.decay, "is for grouped attention")
    }
    normsOutputs = try entry.flag(.headNorm)
    gateActivation =
      entry.optional(.gateActivation) == nil ? nil : try entry.choice(.gateActivation)
    reachesBase = try entry.flag(.reachesBase)
    normsValues = try entry.flag(.valueNorm)
    hasDenseBesideExperts = try entry.flag(.denseBesideExperts)
    experts = try entry.optional(.experts).map { value throws(FormatError) in
      try ExpertsBlock(value, file: file, place: entry.place(of: .experts))
    }
  }
}

extension BlockRecipe {
  /// The sites of a plain file: queries and keys, unless the data file says otherwise.
  private static func sites(
    _ entry: StrictObject<Key>, positions: ModelShape.Positions
  ) throws(FormatError) -> RotarySites {
    guard let text = try entry.optionalString(.sites) else {
      return positions == .rotary ? .scores : .none
    }
    guard positions == .rotary, let sites = try? RotarySites(parsing: text) else {
      throw entry.failure(
        .sites, "unknown value '\(text)' (known: letters of rotary sites, such as qkvo)")
    }
    return sites
  }
}

extension FeedForwardRecipe.GateClamp {
  package enum Key: String, CaseIterable { case slope, limit }

  init(_ json: JSONValue, file: String, place: String) throws(FormatError) {
    let entry = try StrictObject<Key>(json, file: file, place: place)
    func positive(_ key: Key) throws(FormatError) -> Double {
      guard let number = try entry.required(key).double, number.isFinite, number > 0 else {
        throw entry.failure(key, "expected a positive number")
      }
      return number
    }
    self.init(
      slope: entry.optional(.slope) == nil ? nil : try positive(.slope),
      limit: try positive(.limit))
  }
}

extension HyperparameterKeys {
  package enum Key: String, CaseIterable {
    case gguf, huggingface
    case fallback = "default"
    case always, listed
  }

  init(
    _ json: JSONValue, of parameter: Hyperparameter, file: String, place: String
  ) throws(FormatError) {
    let entry = try StrictObject<Key>(json, file: file, place: place)
    names = [.gguf: try entry.strings(.gguf), .huggingface: try entry.strings(.huggingface)]
    fallback = entry.optional(.fallback)
    isAlwaysWritten = try entry.flag(.always)
    isListed = try entry.flag(.listed)
    guard let fallback else { return }
    let fits =
      switch parameter.kind {
      case .whole: fallback.int != nil
      case .number: fallback.double != nil
      case .flag: fallback.bool != nil
      case .text: fallback.string != nil
      case .texts, .wholes, .switches, .pattern, .members, .rates: false
      }
    guard fits else { throw entry.failure(.fallback, "is not a value of this hyper-parameter") }
  }
}

extension CopiedKey {
  package enum Key: String, CaseIterable {
    case huggingface, type
    case fallback = "default"
  }

  init(_ json: JSONValue, file: String, place: String) throws(FormatError) {
    let entry = try StrictObject<Key>(json, file: file, place: place)
    huggingface = try entry.string(.huggingface)
    type = try entry.choice(.type, default: .whole)
    fallback = entry.optional(.fallback)
    guard let fallback else { return }
    let fits =
      switch type {
      case .whole: fallback.int != nil || fallback.bool != nil
      case .float32: fallback.double != nil
      case .count: fallback.array != nil
      case .sections: fallback.array?.allSatisfy { $0.int != nil } == true
      }
    guard fits else { throw entry.failure(.fallback, "is not a value of this type") }
  }
}

extension WeightNames {
  package enum Key: String, CaseIterable { case gguf, huggingface, optional }

  init(_ json: JSONValue, file: String, place: String) throws(FormatError) {
    let entry = try StrictObject<Key>(json, file: file, place: place)
    names = [:]
    for (side, key) in [(Architecture.Side.gguf, Key.gguf), (.huggingface, .huggingface)] {
      guard let value = entry.optional(key) else { continue }
      var listed: [WeightName] = []
      for name in value.array ?? [value] {
        listed.append(try WeightName(name, file: file, place: entry.place(of: key)))
      }
      names[side] = listed.first
      others[side] = listed.count > 1 ? Array(listed.dropFirst()) : nil
    }
    guard !names.isEmpty else {
      throw FormatError.invalid(file: file, place: place, problem: "names no tensor")
    }
    optional = try entry.flag(.optional)
  }
}

extension WeightName {
  package enum Key: String, CaseIterable { case tensor, form, part }

  /// A tensor's name, or an object where more is to be said.
  init(_ json: JSONValue, file: String, place: String) throws(FormatError) {
    if let tensor = json.string {
      self.init(tensor: tensor, form: .plain, part: nil)
      return
    }
    let entry = try StrictObject<Key>(json, file: file, place: place)
    self.init(
      tensor: try entry.string(.tensor), form: try entry.choice(.form, default: .plain),
      part: entry.optional(.part) == nil ? nil : try entry.choice(.part))
  }
}
