import Base

/// Names the pre-tokenizers of tokenizer.json files as GGUF does (`tokenizer.ggml.pre`).
package enum HuggingFacePreTokenizers {
  /// What `ByteLevel` splits by unless told otherwise (GPT-2).
  static let byteLevelPattern =
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"
  /// A character of what `Punctuation` finds: ASCII's and Unicode's.
  static let punctuation = "[\\p{P}\\$\\+<=>\\^~\\|`]"

  /// The GGUF names of byte-level pre-tokenizers that make the same pieces, and with this vocabulary
  /// the same tokens, the commonest name first; none where none is known.
  static func names(
    of steps: [PreTokenizer.Step], _ encoder: BytePairEncoder
  ) throws -> [String] {
    guard steps.allSatisfy({ $0.behavior == .isolated && !$0.pattern.isLiteral }) else { return [] }
    let wanted = steps.map { comparable($0.pattern.source) }
    let named = try NamedPreTokenizer.all().filter(\.isByteLevel)
    var lists = [wanted]
    var unique: [String] = []
    for spelled in try spellings() where spelled.patterns.map(comparable) == wanted {
      unique.append(spelled.name)
      lists += named.filter { $0.names.contains(spelled.name) }.map { $0.patterns.map(comparable) }
    }
    for other in named where lists.contains(other.patterns.map(comparable)) {
      unique += other.names.filter { !unique.contains($0) }
    }
    func ignoresMerges(_ name: String) -> Bool {
      named.contains { $0.names.contains(name) && $0.ignoresMerges }
    }
    let equal = unique.filter { ignoresMerges($0) == encoder.ignoresMerges }
    // Where merges make every token, it is the same to take words whole.
    return !equal.isEmpty || unique.isEmpty || !encoder.mergesMakeEveryToken ? equal : unique
  }

  /// A pattern's text with one spelling of line ends.
  private static func comparable(_ pattern: String) -> String {
    var text = ""
    for scalar in pattern.unicodeScalars {
      switch scalar {
      case "\r": text += "\\r"
      case "\n": text += "\\n"
      default: text.unicodeScalars.append(scalar)
      }
    }
    return text
  }

  /// The `pre_tokenizer` of tokenizer.json for a pre-tokenizer: the ecosystem's own spelling of its
  /// patterns where one with as many steps is known.
  static func json(of named: NamedPreTokenizer) throws -> JSONValue {
    let spelled = try spellings().first {
      named.names.contains($0.name) && $0.patterns.count == named.patterns.count
    }
    let splits: [JSONValue] = (spelled?.patterns ?? named.patterns).map { pattern in
      [
        "type": "Split", "pattern": ["Regex": .string(pattern)], "behavior": "Isolated",
        "invert": false,
      ]
    }
    let bytes: JSONValue = [
      "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false,
    ]
    return [
      "type": "Sequence", "pretokenizers": .array(splits + (named.isByteLevel ? [bytes] : [])),
    ]
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
