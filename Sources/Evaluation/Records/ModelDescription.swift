import Base
import Checkpoints
import Models
import OrderedCollections
import Rotary
import Tensors

/// A model of a result in words: its name, and the variant it was computed as, both from what the
/// result's identity states.
package struct ModelDescription: Sendable, Equatable {
  package let name: String
  /// The path it was opened by.
  package let file: String
  /// `model`, or `base` and `other` of a comparison.
  package let role: String
  /// Such as "RoVE, 16 of 32 pairs, fitted".
  package let variant: String
  /// Layers that no variant reaches, counted from 0.
  package let unrotatedLayers: [Int]
  /// The types of its weights, such as "q4_0 with q6_k"; no digit is told apart by it, for the hash is.
  package let weightTypes: String

  init(_ model: Model, identity: JSONValue) {
    file = model.checkpoint.path
    let named = model.plan.name
    name = named == file ? Self.stem(file) : named
    role = identity["role"]?.string ?? "model"
    variant = Self.variant(identity)
    unrotatedLayers = Self.unrotatedLayers(identity["rotation"])
    weightTypes = model.checkpoint.weightTypes
  }

  var json: JSONValue {
    [
      "name": .string(name), "file": .string(file), "role": .string(role),
      "variant": .string(variant),
      "unrotated_layers": .array(unrotatedLayers.map { .integer(Int64($0)) }),
      "weight_types": .string(weightTypes),
    ]
  }

  /// The words for a model of an identity.
  static func variant(_ identity: JSONValue) -> String {
    let rotation = identity["rotation"] ?? .null
    let sites = rotation["sites"]?.string ?? ""
    var parts: [String] = []
    switch sites {
    case "":
      let isLearned = identity["hyperparameters"]?["positions"]?.string == "learned"
      parts.append(isLearned ? "learned positions" : UnreachedLayers.withoutPositions.rawValue)
    case "qk": parts.append("RoPE")
    case "vo": parts.append("VO-RoPE")
    case "qkvo": parts.append("RoVE")
    default: parts.append("sites \(sites)")
    }
    let unrotated = unrotatedLayers(rotation)
    for kind in UnreachedLayers.allCases where !sites.isEmpty {
      let layers = unrotated.filter { self.kind(ofUnrotated: $0, identity) == kind }
      guard !layers.isEmpty else { continue }
      let numbers = layers.map(String.init).joined(separator: ", ")
      parts.append("\(kind.rawValue) in layer\(layers.count == 1 ? "" : "s") \(numbers)")
    }
    if sites.contains("v") || sites.contains("o") {
      let ofLayers = rotation["pairs"]?.array?.compactMap(\.int)
      let pairs = rotation["pairs"]?.int ?? ofLayers?.max() ?? 0
      let stated =
        rotation["value_pairs"]?.array?.compactMap(\.int)
        ?? [rotation["value_pairs"]?.int].compactMap { $0 }
      let counts = stated.enumerated().filter { !unrotated.contains($0.offset) }.map(\.element)
      if let least = counts.min(), let most = counts.max(), least < pairs {
        parts.append(
          least == most ? "\(most) of \(pairs) pairs" : "\(least) to \(most) of \(pairs) pairs")
      }
      if let base = rotation["value_base"]?.double, base != rotation["base"]?.double {
        parts.append("value base \(number(base))")
      }
    }
    if let words = fit(rotation["fit"] ?? .null) { parts.append(words) }
    if rotation["as_if"]?.bool == true { parts.append("as if") }
    parts += scalings(rotation)
    return parts.joined(separator: ", ")
  }

  /// What a fit did to the weights; nil where they had none, or where it was not used.
  private static func fit(_ fit: JSONValue) -> String? {
    guard !fit.isNull, fit[OwnKeys.Fit.mode]?.string != OwnKeys.Fit.unused else { return nil }
    let words =
      fit[OwnKeys.Fit.sites]?.string
      .map { "weights fitted for \($0.isEmpty ? "no rotation" : $0)" } ?? "fitted"
    return fit[OwnKeys.Fit.changed]?.bool == true ? "\(words), then changed" : words
  }

  /// The layers whose heads have no pairs, where others have some.
  private static func unrotatedLayers(_ rotation: JSONValue?) -> [Int] {
    let pairs = rotation?["pairs"]?.array?.compactMap(\.int) ?? []
    return pairs.indices.filter { pairs[$0] == 0 }
  }

  private static func kind(ofUnrotated layer: Int, _ identity: JSONValue) -> UnreachedLayers {
    let rules = identity["hyperparameters"]?["delta_rule"]?.array ?? []
    return layer < rules.count && !rules[layer].isNull ? .deltaRule : .withoutPositions
  }

  /// The `type` of a value scaling that follows no length: a table that the file holds.
  static let fixedScaling = "fixed"

  /// How frequencies are scaled; where values have another scaling than queries and keys, of each.
  private static func scalings(_ rotation: JSONValue) -> [String] {
    let scores = scaling(rotation["scaling"] ?? .null)
    guard let own = rotation["value_scaling"] else { return [scores].compactMap { $0 } }
    if own["type"]?.string == fixedScaling {
      return [scores, "value scaling fixed"].compactMap { $0 }
    }
    return [
      scores.map { "\($0) of queries and keys" }, scaling(own).map { "\($0) of values" },
    ].compactMap { $0 }
  }

  fileprivate static func scaling(_ scaling: JSONValue) -> String? {
    let names = [
      "linear": "linear", "ntk": "NTK", "dynamic": "dynamic NTK", "yarn": "YaRN",
      "llama3": "Llama 3 scaling", "longrope": "LongRoPE",
    ]
    guard let type = scaling["type"]?.string, let name = names[type] else { return nil }
    return scaling["factor"]?.double.map { "\(name) x\(number($0))" } ?? name
  }

  private static func number(_ value: Double) -> String {
    Int(exactly: value).map { $0 < 10_000_000 ? "\($0)" : "\(value)" } ?? "\(value)"
  }

  /// A path's last part without its extension.
  private static func stem(_ path: String) -> String {
    let last = path.split(separator: "/").last.map(String.init) ?? path
    for suffix in [".gguf", ".safetensors"] where last.hasSuffix(suffix) && last != suffix {
      return String(last.dropLast(suffix.count))
    }
    return last
  }
}

extension FrequencyScaling {
  /// The scaling in the words of a variant, and what it stretches: "YaRN x4 from 4096 tokens"; "none"
  /// without one. `context` are the tokens that the model states it was trained for.
  package func words(from context: Int) -> String {
    guard self != .none else { return name }
    let method = ModelDescription.scaling(setting) ?? name
    return stretched(from: context).map { "\(method) from \($0) tokens" } ?? method
  }

  /// The tokens that it stretches: its own, or the model's `context` where a stretch states none; nil of
  /// a scaling that stretches none, or does not say.
  package func stretched(from context: Int) -> Int? {
    switch self {
    case .linear, .ntk: context
    default: originalContext
    }
  }

  /// How many times it stretches them; nil where that is no one number.
  package var factor: Double? { setting["factor"]?.double }
}

extension Checkpoint {
  /// Element types that hold at least a hundredth of the parameters, the largest share first, such as
  /// "q4_0 with q6_k"; empty of a file without tensors.
  package var weightTypes: String {
    var counts: [ElementType: Int] = [:]
    for tensor in tensors.values { counts[tensor.storedType, default: 0] += tensor.elementCount }
    let all = counts.values.reduce(0, +)
    let types = counts.filter { $0.value > 0 && $0.value >= all / 100 }
      .sorted { ($1.value, $0.key.rawValue) < ($0.value, $1.key.rawValue) }
      .map(\.key.rawValue)
    guard let first = types.first else { return "" }
    let others = types.dropFirst()
    return others.isEmpty ? first : "\(first) with \(others.joined(separator: ", "))"
  }
}
