import Base
import Checkpoints
import OrderedCollections

/// Sizes that layers need not agree in: files state one number for all, a list, or numbers for kinds
/// of layers and for single ones.
enum LayerSizes {
  /// The hyper-parameters that state a size of layers with a window, and of those without, where the
  /// usual one states that of the others.
  static func windowed(_ parameter: Hyperparameter) -> Hyperparameter? {
    switch parameter {
    case .keyWidth: .keyWidthWindowed
    case .valueWidth: .valueWidthWindowed
    case .rotaryDimensions: .rotaryDimensionsWindowed
    default: nil
    }
  }

  static func global(_ parameter: Hyperparameter) -> Hyperparameter? {
    switch parameter {
    case .keyWidth: .keyWidthGlobal
    case .valueWidth: .valueWidthGlobal
    case .keyValueHeads: .keyValueHeadsGlobal
    default: nil
    }
  }

  /// Sizes that GGUF can list, one for each layer.
  private static let listed: Set<Hyperparameter> = [.heads, .keyValueHeads, .feedForward]
}

// MARK: - Reading

extension LayerSizes {
  /// The size of each layer, of which `windows` has the windows; nil where nothing is stated.
  static func read(
    _ parameter: Hyperparameter, _ parameters: Hyperparameters, windows: [Int], minimum: Int = 1
  ) throws -> [Int]? {
    guard let stated = parameters.value(parameter) else { return nil }
    var sizes: [Int]
    if let list = stated.array, list.agreed == nil {
      sizes = try ofEach(list, parameter, parameters, layers: windows.count, minimum: minimum)
    } else if let number = try parameters.optionalInteger(parameter, minimum: minimum) {
      sizes = windows.map { _ in number }
    } else {
      return nil
    }
    let overrides = try overrides(parameters, layers: windows.count)
    func set(_ kind: Hyperparameter?, where applies: (Int) -> Bool) throws {
      guard let kind, !parameters.architecture.keys(of: kind, on: parameters.side).isEmpty,
        let number = try parameters.optionalInteger(kind, minimum: minimum)
      else { return }
      for (layer, window) in windows.enumerated() where applies(window) { sizes[layer] = number }
    }
    try set(windowed(parameter)) { $0 > 0 }
    // The reference counts such heads only where keys are values too.
    let isCounted = parameter != .keyValueHeads || parameters.flag(.valueFromKey) == true
    if overrides == nil, isCounted { try set(global(parameter)) { $0 == 0 } }
    for (layer, members) in overrides ?? [:] {
      for key in parameters.architecture.keys(of: parameter, on: parameters.side) {
        guard let stated = members[key], stated != .null else { continue }
        sizes[layer] = try parameters.whole(stated, parameter, minimum: minimum)
        break
      }
    }
    return sizes
  }

  /// A list with one for each layer; GGUF counts layers that predict further tokens among them.
  private static func ofEach(
    _ list: [JSONValue], _ parameter: Hyperparameter, _ parameters: Hyperparameters, layers: Int,
    minimum: Int
  ) throws -> [Int] {
    let predicting =
      parameters.side == .gguf ? try PredictingLayers.count(parameters, of: .max) : 0
    try parameters.check(parameter, list, hasOneFor: layers + predicting)
    return try list.prefix(layers).map { try parameters.whole($0, parameter, minimum: minimum) }
  }

  /// What config.json says of single layers, by their numbers; nil where it says nothing at all.
  private static func overrides(
    _ parameters: Hyperparameters, layers: Int
  ) throws -> [Int: JSONValue]? {
    guard let stated = parameters.value(.layerOverrides) else { return nil }
    guard let members = stated.object else {
      throw parameters.failure(.layerOverrides, "is not an object")
    }
    let known = Set(
      [Hyperparameter.keyWidth, .valueWidth, .keyValueHeads]
        .flatMap { parameters.architecture.keys(of: $0, on: parameters.side) })
    var overrides: [Int: JSONValue] = [:]
    for (name, value) in members {
      guard let layer = Int(name), (0..<layers).contains(layer), let facts = value.object else {
        throw parameters.failure(
          .layerOverrides, "has a member '\(name)', expected an object for one of \(layers) layers")
      }
      if let unknown = facts.keys.first(where: { !known.contains($0) }) {
        throw parameters.failure(
          .layerOverrides, "states '\(unknown)' of layer \(layer) alone, which is not supported")
      }
      overrides[layer] = value
    }
    return overrides
  }
}

// MARK: - Writing

extension LayerSizes {
  /// Whether a container of the architecture has keys for these sizes.
  private static func canState(
    _ sizes: [Int], as parameter: Hyperparameter, windows: [Int], in architecture: Architecture,
    on side: Architecture.Side
  ) -> Bool {
    guard sizes.agreed == nil, architecture.key(of: parameter, on: side) != nil else { return true }
    switch side {
    case .gguf:
      if let kind = windowed(parameter), architecture.key(of: kind, on: side) != nil {
        let (near, far) = (
          split(sizes, windows, isWindowed: true), split(sizes, windows, isWindowed: false)
        )
        return near.agreed != nil && far.agreed != nil
      }
      return listed.contains(parameter)
    case .huggingface:
      return architecture.hyperparameters[parameter]?.isListed == true
        || architecture.key(of: .layerOverrides, on: side) != nil && global(parameter) != nil
        || parameter == .feedForward
          && architecture.key(of: .sharedFeedForwardDoubled, on: side) != nil
    }
  }

  private static func split(_ sizes: [Int], _ windows: [Int], isWindowed: Bool) -> [Int] {
    zip(sizes, windows).compactMap { ($1 > 0) == isWindowed ? $0 : nil }
  }

  /// - Throws: `ModelError.notRepresentable` for layers that differ in what has one key.
  static func check(
    _ shape: StatedShape, of plan: ModelPlan, on side: Architecture.Side, container: String
  ) throws(ModelError) {
    let sizes: [(Hyperparameter, [Int], String)] = [
      (.heads, shape.heads, "their heads"), (.keyValueHeads, shape.keyValueHeads, "their KV heads"),
      (.keyWidth, shape.keyWidth, "the width of their heads"),
      (.valueWidth, shape.valueWidth, "the width of their values"),
      (.feedForward, shape.feedForward, "the width of their feed-forward networks"),
      (.rotaryDimensions, shape.rotaryDimensions, "how many of their dims rotate"),
    ]
    for (parameter, sizes, what) in sizes
    where !canState(
      sizes, as: parameter, windows: shape.windows, in: plan.architecture, on: side)
    {
      throw .notRepresentable(
        file: plan.checkpoint.path, what: "layers that differ in \(what)", container: container)
    }
  }

  /// States sizes in a GGUF file, whose keys can (`check`).
  static func write(
    _ parameter: Hyperparameter, _ sizes: [Int], windows: [Int], to fields: inout GGUFFields
  ) {
    guard let kind = windowed(parameter), fields.architecture.key(of: kind, on: .gguf) != nil else {
      return fields.set(parameter, .ofLayers(sizes))
    }
    let near = split(sizes, windows, isWindowed: true).first
    let far = split(sizes, windows, isWindowed: false).first
    guard let any = far ?? near else { return }
    fields.set(parameter, .whole(any))
    fields.set(kind, .whole(near ?? any))
  }

  /// States sizes in a config.json, which can (`check`).
  static func write(
    _ parameter: Hyperparameter, _ sizes: [Int], windows: [Int],
    to fields: inout ConfigurationFields
  ) {
    guard let overrides = fields.architecture.key(of: .layerOverrides, on: .huggingface),
      global(parameter) != nil,
      let key = fields.architecture.key(of: parameter, on: .huggingface)
    else { return fields.set(parameter, .ofLayers(sizes)) }
    guard let usual = split(sizes, windows, isWindowed: true).first ?? sizes.first else { return }
    fields.set(parameter, .whole(usual))
    // Where this member is missing, the reference uses default widths.
    var layers = fields.values[overrides]?.object ?? [:]
    for (layer, size) in sizes.enumerated() where size != usual {
      var members = layers["\(layer)"]?.object ?? [:]
      members[key] = .integer(Int64(size))
      layers["\(layer)"] = .object(members)
    }
    fields.values[overrides] = .object(layers)
  }
}
