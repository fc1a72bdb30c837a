import Base
import Checkpoints
import OrderedCollections
import Tensors

/// Reads a checkpoint's hyper-parameters by the names its architecture's data file gives them.
struct Hyperparameters {
  let checkpoint: Checkpoint
  let architecture: Architecture
  let side: Architecture.Side
  /// What stands before every GGUF key: the architecture's name, or `<name>-rotary`.
  let prefix: String
  /// Frequency factors that stand in tensors yet to be written.
  var divisors: OrderedDictionary<Role, [Float]> = [:]

  /// The greatest whole number that a file may state of a model.
  static let most = 1 << 31

  /// The value of a hyper-parameter as JSON, its fallback where the file says nothing, or nil.
  func value(_ parameter: Hyperparameter) -> JSONValue? {
    for key in architecture.keys(of: parameter, on: side) {
      switch side {
      case .gguf:
        if let value = checkpoint.metadata[ggufKey(key)] { return JSONValue(metadata: value) }
      case .huggingface:
        if let value = checkpoint.configuration?[key], value != .null { return value }
      }
    }
    return architecture.hyperparameters[parameter]?.fallback
  }

  /// How the rotary pairs of Q and K lie in each container: of the file's own where it stands, and of a
  /// GGUF file made of it.
  var pairLayouts: [Architecture.Side: PairLayout] {
    var layouts = architecture.pairLayouts
    for (key, layout) in architecture.otherPairLayouts where side == .gguf {
      let sections = checkpoint.metadata[ggufKey(key)]?.ints ?? []
      if sections.count > 1, sections.prefix(2).allSatisfy({ $0 > 0 }) { layouts[.gguf] = layout }
    }
    return layouts
  }

  /// The full GGUF key.
  func ggufKey(_ key: String) -> String { Architecture.ggufKey(key, prefix: prefix) }

  /// The key to name in an error.
  func name(_ parameter: Hyperparameter) -> String {
    guard let key = architecture.key(of: parameter, on: side) else { return parameter.rawValue }
    return side == .gguf ? ggufKey(key) : key
  }

  func failure(_ parameter: Hyperparameter, _ problem: String) -> ModelError {
    .hyperparameter(file: checkpoint.path, key: name(parameter), problem: problem)
  }

  /// A whole number of at least `minimum`; nil where absent.
  func optionalInteger(
    _ parameter: Hyperparameter, minimum: Int = 1
  ) throws(ModelError) -> Int? {
    guard let found = try single(parameter) else { return nil }
    return try whole(found, parameter, minimum: minimum)
  }

  /// A value of a hyper-parameter as a whole number of at least `minimum`.
  func whole(
    _ value: JSONValue, _ parameter: Hyperparameter, minimum: Int
  ) throws(ModelError) -> Int {
    guard let number = value.int else { throw failure(parameter, "is not a whole number") }
    guard number >= minimum else {
      throw failure(parameter, "is \(number), expected at least \(minimum)")
    }
    guard number <= Self.most else {
      throw failure(parameter, "is \(number), which no model has")
    }
    return number
  }

  func integer(_ parameter: Hyperparameter, minimum: Int = 1) throws(ModelError) -> Int {
    guard let number = try optionalInteger(parameter, minimum: minimum) else {
      throw failure(parameter, "is missing")
    }
    return number
  }

  /// The value of a hyper-parameter; a list must hold one value throughout.
  private func single(_ parameter: Hyperparameter) throws(ModelError) -> JSONValue? {
    guard let found = value(parameter), let list = found.array else { return value(parameter) }
    guard let first = list.first, list.allSatisfy({ $0 == first }) else {
      throw failure(parameter, "differs between layers, which is not supported")
    }
    return first
  }

  /// A number that is finite in float32 too, which GGUF keeps it in; nil where absent.
  func optionalNumber(_ parameter: Hyperparameter) throws(ModelError) -> Double? {
    guard let found = try single(parameter) else { return nil }
    guard let number = found.double, Float(number).isFinite else {
      throw failure(parameter, "is not a finite number")
    }
    return number
  }

  /// A positive finite number.
  func positive(_ parameter: Hyperparameter, default fallback: Double) throws(ModelError) -> Double
  {
    let number = try optionalNumber(parameter) ?? fallback
    guard Float(number) > 0 else {
      throw failure(parameter, "is \(number), expected a positive number")
    }
    return number
  }

  /// A list of 1 and 0, or of truth values.
  func switches(_ parameter: Hyperparameter, _ list: [JSONValue]) throws(ModelError) -> [Bool] {
    try list.map { value throws(ModelError) in
      switch (value.bool, value.int) {
      case (let flag?, _): return flag
      case (_, 0): return false
      case (_, 1): return true
      default: throw failure(parameter, "holds something that is neither 1 nor 0")
      }
    }
  }

  /// Refuses a list that has not one entry for each layer.
  func check(
    _ parameter: Hyperparameter, _ list: [JSONValue], hasOneFor layers: Int
  ) throws(ModelError) {
    guard list.count == layers else {
      throw failure(parameter, "has \(list.count) entries for \(layers) layers")
    }
  }

  /// Whether config.json says that there is none, which a family's default must not replace.
  func isDenied(_ parameter: Hyperparameter) -> Bool {
    side == .huggingface
      && architecture.keys(of: parameter, on: side).contains {
        checkpoint.configuration?[$0] == .null
      }
  }

  func flag(_ parameter: Hyperparameter) -> Bool? {
    value(parameter)?.bool
  }

  /// Keys and values have one head whatever else is stated, which only config.json can say (Falcon).
  var hasOneKeyValueHead: Bool {
    side == .huggingface && flag(.multiQuery) == true && flag(.groupedQuery) != true
  }

  /// Whether a layer has a tensor for a role.
  func hasTensor(_ role: Role, layer: Int = 0) -> Bool {
    let names = architecture.weights[role]?.alternatives(on: side) ?? []
    return names.contains { checkpoint.tensors[$0.tensorName(layer: layer)] != nil }
  }
}
