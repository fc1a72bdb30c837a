import Base
import Checkpoints
import Inference
import OrderedCollections
import Rotary
import Vocabulary

extension Model {
  /// Everything that a digit depends on that comes from the model and the variant it is computed as.
  /// - Parameters:
  ///   - role: `model`, or `base` and `other` of a comparison.
  ///   - rotary: the configuration computed, of which `length` is the longest pass.
  ///   - tokenizer: the one that prompts are made with; nil where ids are given.
  func identity(
    role: String = "model", rotary: RotaryConfiguration, length: Int, tokenizer: Tokenizer? = nil
  ) throws -> JSONValue {
    [
      "role": .string(role), "sha256": .string(digest.value()),
      "tokenizer_sha256": tokenizer.map {
        .string(SourceHash.sha256(bytes: $0.behaviour(of: checkpoint)))
      } ?? .null,
      "hyperparameters": .object(hyperparameters),
      "rotation": try rotation(rotary, length: length),
    ]
  }

  /// Every resolved size and scalar, whatever key of which file it came from.
  private var hyperparameters: OrderedDictionary<String, JSONValue> {
    var fields: OrderedDictionary<String, JSONValue> = [
      "architecture": .string(plan.architecture.name),
      "positions": .string(plan.architecture.block.positions.rawValue),
    ]
    fields.merge(Settings.of(plan.shape)) { own, _ in own }
    if let first = plan.shape.windows.first, plan.shape.windows.allSatisfy({ $0 == first }) {
      fields["windows"] = JSONValue(first)
    }
    return fields
  }

  private func rotation(_ rotary: RotaryConfiguration, length: Int) throws -> JSONValue {
    var frequencies = ""
    for layer in plan.layers.indices {
      let score = try rotary.score.frequencies(layer: layer, length: length)
      frequencies +=
        "\(score.radians);\(score.magnitude);\(rotary.value?.frequencies[layer] ?? []);"
    }
    let counts = rotary.value?.frequencies.map { row in row.count { $0 != 0 } }
    let bases = rotary.score.sets.map { JSONValue.number($0.base) }
    let stored = try plan.rotary.applying(.asStored, length: length)
    return [
      "sites": .string(rotary.sites.code),
      "value_pairs": counts.map(Self.shortened) ?? .null,
      "pairs": JSONValue(rotary.score.pairs),
      "value_base": (rotary.value?.base).map { .number($0) } ?? .null,
      "base": bases.count == 1 ? bases[0] : .array(bases),
      "layout": .string(rotary.score.layout.rawValue),
      "value_layout": (rotary.value?.layout).map { .string($0.rawValue) } ?? .null,
      "value_bias": (rotary.value?.bias).map { .string($0.rawValue) } ?? .null,
      "scaling": (rotary.score.sets.first?.scaling ?? .none).setting,
      "as_if": .bool(rotary != stored),
      "fit": fit,
      "frequencies_sha256": .string(SourceHash.sha256(text: frequencies)),
    ]
  }

  /// One number where all layers agree.
  private static func shortened(_ counts: [Int]) -> JSONValue {
    if let first = counts.first, counts.allSatisfy({ $0 == first }) { return JSONValue(first) }
    return .array(counts.map { JSONValue($0) })
  }

  /// What a conversion with a fit wrote beside the weights; null without one.
  private var fit: JSONValue {
    if let stated = checkpoint.configuration?["ropeconv"]?["fit"] { return stated }
    let prefix = "ropeconv.fit."
    var fields: OrderedDictionary<String, JSONValue> = [:]
    for (key, value) in checkpoint.metadata where key.hasPrefix(prefix) {
      fields[String(key.dropFirst(prefix.count))] = JSONValue(metadata: value)
    }
    return fields.isEmpty ? .null : .object(fields)
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
