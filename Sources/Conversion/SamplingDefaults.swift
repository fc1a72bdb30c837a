import Base
import Checkpoints
import Models
import OrderedCollections

/// How other programs are to draw tokens of a model, as generation_config.json and GGUF files state it:
/// nothing here is computed by it, and it goes along where both have a name for it.
///
/// convert_hf_to_gguf.py pairs the same names. A repetition penalty has another range of tokens in
/// each, so that it has no pair.
enum SamplingDefaults {
  private struct Setting {
    let member: String
    let key: String
    var isWhole = false
  }

  private static let settings = [
    Setting(member: "temperature", key: GeneralKey.samplingTemperature),
    Setting(member: "top_k", key: GeneralKey.samplingTopK, isWhole: true),
    Setting(member: "top_p", key: GeneralKey.samplingTopP),
    Setting(member: "min_p", key: GeneralKey.samplingMinP),
  ]
  /// Whether tokens are drawn at all, in transformers, where the likeliest is taken unless it is true.
  private static let drawn = "do_sample"

  /// The keys of a GGUF file for what a folder states.
  /// - Returns: none of a folder that says its tokens are not drawn.
  /// - Throws: `FileError` for a generation_config.json that is not JSON.
  static func metadata(
    of checkpoint: Checkpoint
  ) throws -> OrderedDictionary<String, MetadataValue> {
    guard let files = checkpoint.companions, files.contains(ModelFolder.generation) else {
      return [:]
    }
    let stated = try files.json(ModelFolder.generation)
    guard stated[drawn]?.bool != false else { return [:] }
    var metadata: OrderedDictionary<String, MetadataValue> = [:]
    for setting in settings {
      if setting.isWhole {
        metadata[setting.key] = stated[setting.member]?.int.flatMap { Int32(exactly: $0) }
          .map { .int32($0) }
      } else if let value = stated[setting.member]?.double.map({ Float($0) }), value.isFinite {
        metadata[setting.key] = .float32(value)
      }
    }
    return metadata
  }

  /// The members of generation_config.json for what a GGUF file states. Readers of such files sample by
  /// these keys, so `do_sample` becomes true. At a temperature of 0 or below they take the likeliest
  /// token; transformers refuses such a temperature, so `do_sample` is false and the rest is left out.
  static func members(
    of metadata: OrderedDictionary<String, MetadataValue>
  ) -> OrderedDictionary<String, JSONValue> {
    if case .float32(let temperature)? = metadata[GeneralKey.samplingTemperature],
      temperature <= 0
    {
      return [drawn: .bool(false)]
    }
    var members: OrderedDictionary<String, JSONValue> = [:]
    for setting in settings {
      if setting.isWhole {
        members[setting.member] = metadata[setting.key]?.int.map { JSONValue($0) }
      } else if case .float32(let value)? = metadata[setting.key], value.isFinite {
        // The shortest decimal number that is this one: 0.6, not 0.60000002384.
        members[setting.member] = Double("\(value)").map { .number($0) }
      }
    }
    if !members.isEmpty { members[drawn] = .bool(true) }
    return members
  }
}
