import Base
import Checkpoints

/// How config.json names the kinds of layers.
enum LayerKind: String, Sendable, CaseIterable {
  case windowed = "sliding_attention"
  case full = "full_attention"
  /// With a window, and compressed windows of tokens besides, some of them or all.
  case sparse = "compressed_sparse_attention"
  case heavy = "heavily_compressed_attention"

  /// Those that models of such blocks can have.
  static func known(in block: BlockRecipe) -> [LayerKind] {
    block.compression == nil ? [.windowed, .full] : [.windowed, .sparse, .heavy]
  }
}

/// The width of the sliding window of each layer; 0: the layer sees everything before it.
enum SlidingWindows {
  /// The width that a model states for those of its layers that have a window; 0: it has none.
  static func width(_ parameters: Hyperparameters) throws -> Int {
    // A container without a key for it states no window that does not count.
    let hasKey = !parameters.architecture.keys(of: .windowEnabled, on: parameters.side).isEmpty
    guard !hasKey || parameters.flag(.windowEnabled) ?? true else { return 0 }
    let stated = try parameters.optionalInteger(.window, minimum: 0)
    guard stated != nil || !isTakenForGranted(parameters) else {
      throw parameters.failure(.window, "is missing (null: no window)")
    }
    return stated ?? 0
  }

  /// Whether config.json leaves the window out where the reference takes one of its own then: in the
  /// `model_type` that a family has for models with a window (Mistral, OLMo 3).
  private static func isTakenForGranted(_ parameters: Hyperparameters) -> Bool {
    guard parameters.side == .huggingface, let configuration = parameters.checkpoint.configuration,
      let type = parameters.architecture.windowedModelType
    else { return false }
    let stated = configuration[HuggingFaceConfiguration.Key.modelType.rawValue]?.string
    return [type, CheckpointIdentity.variant(of: type, on: .huggingface)].contains(stated)
      && parameters.architecture.keys(of: .window, on: .huggingface)
        .allSatisfy { configuration[$0] == nil }
  }

  static func read(_ parameters: Hyperparameters, layers: Int) throws -> [Int] {
    let window = try width(parameters)
    guard window > 0 else {
      try checkNoneIsAsked(parameters, layers: layers)
      return [Int](repeating: 0, count: layers)
    }
    var windows = try windowed(parameters, layers: layers).map { $0 ? window : 0 }
    if parameters.architecture.block.endsGlobally, parameters.side == .huggingface, layers > 0 {
      windows[layers - 1] = 0
    }
    return windows
  }

  /// Layers that are to have a window where the model has none: the reference fails on such a folder, or
  /// lets its tokens see nothing.
  private static func checkNoneIsAsked(_ parameters: Hyperparameters, layers: Int) throws {
    guard parameters.side == .huggingface,
      let key = parameters.architecture.key(of: .windowEnabled, on: .huggingface),
      let types = parameters.value(.layerTypes)?.array,
      try kinds(types, parameters, layers: layers).contains(.windowed)
    else { return }
    throw parameters.failure(
      .layerTypes, "has layers with a window, though \(key) is not true or there is no width")
  }

  /// The kinds of layers in a list of them.
  static func kinds(
    _ types: [JSONValue], _ parameters: Hyperparameters, layers: Int
  ) throws -> [LayerKind] {
    try parameters.check(.layerTypes, types, hasOneFor: layers)
    let known = LayerKind.known(in: parameters.architecture.block)
    return try types.map { type in
      guard let kind = type.string.flatMap(LayerKind.init), known.contains(kind) else {
        let known = known.map(\.rawValue).joined(separator: ", ")
        throw parameters.failure(.layerTypes, "holds an unknown type (known: \(known))")
      }
      return kind
    }
  }

  /// Whether each layer of a model with a window has one.
  private static func windowed(_ parameters: Hyperparameters, layers: Int) throws -> [Bool] {
    if let types = parameters.value(.layerTypes)?.array {
      return try kinds(types, parameters, layers: layers).map { $0 != .full }
    }
    if let pattern = parameters.value(.windowPattern) {
      return try follow(pattern, parameters, layers: layers)
    }
    let architecture = parameters.architecture
    if architecture.block.globalEvery == 0, parameters.side == .huggingface,
      architecture.key(of: .windowEnabled, on: .huggingface) != nil, !ignoresKinds(parameters)
    {
      throw parameters.failure(
        .layerTypes, "is missing, though \(parameters.name(.windowEnabled)) is true")
    }
    return regular(every: architecture.block.globalEvery, layers: layers)
  }

  /// Whether the reference gives the window to all layers, whatever kinds are listed (Qwen 3 with
  /// experts).
  private static func ignoresKinds(_ parameters: Hyperparameters) -> Bool {
    let key = HuggingFaceConfiguration.Key.modelType.rawValue
    let type = parameters.checkpoint.configuration?[key]?.string ?? ""
    let unread = parameters.architecture.unread[type] ?? []
    return parameters.architecture.keys(of: .layerTypes, on: .huggingface)
      .contains(where: unread.contains)
  }

  /// The layers of a pattern: a period, whose last layer sees everything; letters that repeat, L and
  /// G for a layer that looks near or everywhere; or a truth value for each layer.
  private static func follow(
    _ pattern: JSONValue, _ parameters: Hyperparameters, layers: Int
  ) throws -> [Bool] {
    if let period = pattern.int, period >= 0 { return regular(every: period, layers: layers) }
    if let letters = pattern.string.map(Array.init), !letters.isEmpty,
      letters.allSatisfy({ $0 == "L" || $0 == "G" })
    {
      return (0..<layers).map { letters[$0 % letters.count] == "L" }
    }
    guard let list = pattern.array else {
      throw parameters.failure(
        .windowPattern, "is no period, no letters L and G and no list of truth values")
    }
    try parameters.check(.windowPattern, list, hasOneFor: layers)
    return try parameters.switches(.windowPattern, list)
  }

  /// The layers that nothing is said of: every n-th attends globally, or none.
  private static func regular(every: Int, layers: Int) -> [Bool] {
    (0..<layers).map { every == 0 || ($0 + 1) % every != 0 }
  }

  private static func types(_ windows: [Int]) -> StatedValue {
    .texts(windows.map { ($0 > 0 ? LayerKind.windowed : .full).rawValue })
  }

  /// - Throws: `ModelError.notRepresentable` where the layers are not those that readers assume and
  ///   the architecture has no key to say so.
  static func write(
    _ windows: [Int], of plan: ModelPlan, to fields: inout GGUFFields
  ) throws {
    let stated = plan.architecture.hyperparameters
    let width = windows.max() ?? 0
    guard width > 0 else {
      // Phi 3's loaders tell its variants apart by a window of 0.
      if stated[.window]?.isAlwaysWritten == true { fields.set(.window, .whole(0)) }
      return
    }
    fields.set(.window, .whole(width))
    let windowed = windows.map { $0 > 0 }
    let every = plan.architecture.block.globalEvery
    let isRegular = windowed == regular(every: every, layers: windows.count)
    guard !isRegular || stated[.windowPattern]?.isAlwaysWritten == true else { return }
    if plan.architecture.key(of: .windowPattern, on: .gguf) != nil {
      fields.set(.windowPattern, .flags(windowed))
    } else if plan.architecture.key(of: .layerTypes, on: .gguf) != nil {
      fields.set(.layerTypes, types(windows))
    } else {
      throw ModelError.notRepresentable(
        file: plan.checkpoint.path, what: "its mixture of windowed and global layers",
        container: "GGUF")
    }
  }

  static func write(_ windows: [Int], to fields: inout ConfigurationFields) {
    let architecture = fields.architecture
    guard let width = windows.max(), width > 0 else {
      // The reference takes a window and its own pattern for what such a family does not state.
      if architecture.block.globalEvery > 0, architecture.windowedModelType == nil {
        fields.set(.window, .nothing)
        fields.set(.layerTypes, types(windows))
      }
      return
    }
    fields.set(.window, .whole(width))
    fields.set(.windowEnabled, .flag(true))
    fields.set(.layerTypes, types(windows))
  }
}
