import Base

/// Names the pre-tokenizers of tokenizer.json files as GGUF does (`tokenizer.ggml.pre`).
package enum HuggingFacePreTokenizers {
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

  /// The GGUF name of a byte-level pre-tokenizer; nil where none is known. Names with the same
  /// patterns differ in `ignoresMerges`, which tokenizer.json says.
  static func name(of json: JSONValue?, ignoresMerges: Bool) throws -> String? {
    let wanted = signature(json)
    if let spelled = try spellings().first(where: { $0.patterns == wanted }) { return spelled.name }
    return try NamedPreTokenizer.all().first {
      $0.isByteLevel && $0.patterns == wanted && $0.ignoresMerges == ignoresMerges
    }?.names.first
  }

  /// The `pre_tokenizer` of tokenizer.json for a byte-level pre-tokenizer: the ecosystem's own
  /// spelling of its patterns where one is known.
  static func json(of named: NamedPreTokenizer) throws -> JSONValue {
    let spelled = try spellings().first { named.names.contains($0.name) }
    let splits: [JSONValue] = (spelled?.patterns ?? named.patterns).map { pattern in
      [
        "type": "Split", "pattern": ["Regex": .string(pattern)], "behavior": "Isolated",
        "invert": false,
      ]
    }
    let bytes: JSONValue = [
      "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false,
    ]
    return ["type": "Sequence", "pretokenizers": .array(splits + [bytes])]
  }

  /// Patterns as tokenizer.json files spell them, by their GGUF name.
  package struct Spelling: Sendable {
    package enum Key: String, CaseIterable { case name, patterns }

    package let name: String
    let patterns: [String]
  }

  private static let file = "tokenizers/huggingface.json"

  private static func spellings() throws -> [Spelling] { try read(FormatResources.json(file)) }

  /// Reads what the data file holds.
  package static func read(_ json: JSONValue) throws(FormatError) -> [Spelling] {
    try PreTokenizerList.entries(of: json, file: file, Spelling.Key.self) {
      entry throws(FormatError) in
      Spelling(name: try entry.string(.name), patterns: try entry.strings(.patterns))
    }
  }
}
