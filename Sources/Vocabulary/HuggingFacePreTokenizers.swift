import Architectures
import Checkpoints

/// Names the pre-tokenizers of tokenizer.json files as GGUF does (`tokenizer.ggml.pre`).
enum HuggingFacePreTokenizers {
  /// What `ByteLevel` splits by unless told otherwise (GPT-2).
  static let byteLevelPattern =
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"

  /// The steps of a pre-tokenizer as text: equal texts mean equal pieces.
  static func signature(_ json: JSONValue?) -> [String] {
    guard let json, json != .null else { return [] }
    switch json["type"]?.string {
    case "Sequence": return (json["pretokenizers"]?.array ?? []).flatMap(signature)
    case "ByteLevel":
      return json["use_regex"]?.bool ?? true ? [byteLevelPattern] : []
    case "Digits": return [json["individual_digits"]?.bool ?? false ? "\\p{N}" : "\\p{N}+"]
    case "Split": return [json["pattern"]?["Regex"]?.string ?? ""]
    default: return [json["type"]?.string ?? ""]
    }
  }

  /// The GGUF name of a byte-level pre-tokenizer; nil where none is known.
  static func name(of json: JSONValue?) throws -> String? {
    let file = "tokenizers/huggingface.json"
    let wanted = signature(json)
    for entry in try FormatResources.json(file)["pre_tokenizers"]?.array ?? [] {
      if entry["patterns"]?.array?.compactMap(\.string) == wanted { return entry["name"]?.string }
    }
    return nil
  }
}
