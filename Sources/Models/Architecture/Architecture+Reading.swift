import Base
import Checkpoints
import OrderedCollections

extension Architecture {
  /// Reads one data file of `formats/architectures`.
  /// - Throws: `FormatError.invalid` for an unknown key, role, hyper-parameter or value.
  package init(named name: String) throws {
    let file = "architectures/\(name).json"
    try self.init(FormatResources.json(file), name: name, file: file)
  }

  /// Names of all architectures with a data file, sorted.
  package static func names() throws -> [String] {
    try FormatResources.list("architectures")
  }

  /// The architecture that a GGUF file names.
  package static func forGGUF(_ name: String, file: String) throws -> Architecture {
    let known = try names()
    guard known.contains(name) else {
      throw FormatError.unsupportedArchitecture(file: file, name: name, known: known)
    }
    return try Architecture(named: name)
  }

  /// The architecture that reads a config.json of this `model_type`.
  package static func forModelType(_ modelType: String, file: String) throws -> Architecture {
    var known: [String] = []
    for name in try names() {
      let architecture = try Architecture(named: name)
      if architecture.modelTypes.contains(modelType) { return architecture }
      known += architecture.modelTypes
    }
    throw FormatError.unsupportedArchitecture(file: file, name: modelType, known: known.sorted())
  }

  init(_ json: JSONValue, name: String, file: String) throws {
    let top = try StrictObject(
      json, file: file, place: "",
      keys: [
        "name", "model_types", "block", "pair_layout", "hyperparameters", "required", "copied",
        "weights", "ignored",
      ])
    self.name = try top.string("name")
    guard self.name == name else {
      throw top.failure("name", "expected '\(name)', the file's name")
    }
    let types = try Self.strings(of: top.required("model_types"), top, "model_types")
    modelTypes = Array(types.keys)
    classNames = Dictionary(uniqueKeysWithValues: types.map { ($0.key, $0.value) })
    block = try BlockRecipe(top.required("block"), file: file)

    let layouts = try StrictObject(
      top.required("pair_layout"), file: file, place: "pair_layout", keys: ["gguf", "huggingface"])
    pairLayouts = [
      .gguf: try layouts.choice("gguf"), .huggingface: try layouts.choice("huggingface"),
    ]

    var hyperparameters: [Hyperparameter: HyperparameterKeys] = [:]
    for (key, value) in try Self.members(
      of: top.required("hyperparameters"), top, "hyperparameters")
    {
      guard let parameter = Hyperparameter(rawValue: key) else {
        throw top.failure("hyperparameters", "unknown hyper-parameter '\(key)'")
      }
      let entry = try StrictObject(
        value, file: file, place: "hyperparameters.\(key)",
        keys: ["gguf", "huggingface", "default"])
      hyperparameters[parameter] = HyperparameterKeys(
        gguf: try entry.strings("gguf"), huggingface: try entry.strings("huggingface"),
        fallback: entry.optional("default"))
    }
    self.hyperparameters = hyperparameters

    var required: OrderedDictionary<String, [JSONValue]> = [:]
    for (key, value) in try Self.members(of: top.optional("required"), top, "required") {
      guard let accepted = value.array else {
        throw top.failure("required.\(key)", "expected a list")
      }
      required[key] = accepted
    }
    self.required = required
    copied = try Self.members(of: top.optional("copied"), top, "constants")

    var weights: OrderedDictionary<Role, WeightNames> = [:]
    for (key, value) in try Self.members(of: top.required("weights"), top, "weights") {
      guard let role = Role(rawValue: key) else {
        throw top.failure("weights", "unknown role '\(key)'")
      }
      weights[role] = try WeightNames(value, file: file, place: "weights.\(key)")
    }
    self.weights = weights
    ignored = try top.strings("ignored")
  }

  private static func members(
    of value: JSONValue?, _ owner: StrictObject, _ key: String
  ) throws -> OrderedDictionary<String, JSONValue> {
    guard let value else { return [:] }
    guard let object = value.object else { throw owner.failure(key, "expected an object") }
    return object
  }

  private static func strings(
    of value: JSONValue, _ owner: StrictObject, _ key: String
  ) throws -> OrderedDictionary<String, String> {
    var result: OrderedDictionary<String, String> = [:]
    for (name, text) in try members(of: value, owner, key) {
      guard let text = text.string else { throw owner.failure(key, "expected strings") }
      result[name] = text
    }
    return result
  }
}

extension BlockRecipe {
  init(_ json: JSONValue, file: String) throws {
    let entry = try StrictObject(
      json, file: file, place: "block",
      keys: [
        "norm", "norm_placement", "residual", "attention", "query_key_norm", "positions",
        "feed_forward", "activation", "activation_key", "activation_names", "embedding_scale",
        "global_every", "rotates_partially", "width_scaled_layers",
      ])
    norm = try entry.choice("norm")
    normPlacement = try entry.choice("norm_placement", default: .before)
    residual = try entry.choice("residual", default: .sequential)
    attention = try entry.choice("attention", default: .grouped)
    queryKeyNorm = try entry.choice("query_key_norm", default: HeadNorm.none)
    positions = try entry.choice("positions", default: .rotary)
    feedForward = try entry.choice("feed_forward", default: .gated)
    activation = try entry.choice("activation")
    activationKey = try entry.string("activation_key")
    activationNames = try entry.strings("activation_names")
    embeddingScale = try entry.choice("embedding_scale", default: EmbeddingScale.none)
    globalEvery = try entry.integer("global_every", default: 0)
    rotatesPartially = entry.optional("rotates_partially")?.bool ?? false
    widthScaledLayers = (entry.optional("width_scaled_layers")?.array ?? []).compactMap(\.int)
  }
}

extension WeightNames {
  init(_ json: JSONValue, file: String, place: String) throws {
    let entry = try StrictObject(
      json, file: file, place: place, keys: ["gguf", "huggingface", "optional"])
    names = [:]
    for side in Architecture.Side.allCases {
      guard let value = entry.optional(side.rawValue) else { continue }
      if let tensor = value.string {
        names[side] = WeightName(tensor: tensor, form: .plain, part: nil)
        continue
      }
      let details = try StrictObject(
        value, file: file, place: "\(place).\(side.rawValue)", keys: ["tensor", "form", "part"])
      names[side] = WeightName(
        tensor: try details.string("tensor"),
        form: try details.choice("form", default: .plain),
        part: details.optional("part") == nil ? nil : try details.choice("part"))
    }
    optional = entry.optional("optional")?.bool ?? false
  }
}
