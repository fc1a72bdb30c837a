/// The `tokenizer.*` keys of a GGUF file.
package enum TokenizerKey {
  package static let prefix = "tokenizer."
  /// What stands before those of the vocabulary.
  static let vocabularyPrefix = "tokenizer.ggml."

  package static let model = "tokenizer.ggml.model"
  package static let preTokenizer = "tokenizer.ggml.pre"
  package static let tokens = "tokenizer.ggml.tokens"
  static let scores = "tokenizer.ggml.scores"
  static let kinds = "tokenizer.ggml.token_type"
  static let merges = "tokenizer.ggml.merges"
  static let addsBOS = "tokenizer.ggml.add_bos_token"
  static let addsEOS = "tokenizer.ggml.add_eos_token"
  /// The ecosystem's spelling.
  static let separator = "tokenizer.ggml.seperator_token_id"
  static let addsSpacePrefix = "tokenizer.ggml.add_space_prefix"
  package static let chatTemplate = "tokenizer.chat_template"
  /// The names of others, whose keys are the one above with a point and the name.
  package static let chatTemplates = "tokenizer.chat_templates"
  /// A key of our own for tokens that end a text and that no other key holds: a list of ids.
  package static let endTokens = "ropeconv.end_token_ids"
  /// A key of our own for tokens that the tokenizer does not name, whatever id another key has for
  /// them: a list of names (`SpecialTokenKey`).
  package static let unnamedTokens = "ropeconv.unnamed_tokens"
}

/// A token with a task of its own, as the files name its id.
package enum SpecialTokenKey: String, CaseIterable, Sendable {
  case bos, eos
  case unknown = "unk"
  case padding = "pad"
  case endOfTurn = "eot"
  case endOfMessage = "eom"

  /// Those that config.json states.
  package static let ofConfiguration: [Self] = [.bos, .eos, .padding]

  /// How a key of a GGUF file that holds an id ends.
  static let suffix = "_token_id"

  /// The key of a GGUF file.
  package var gguf: String {
    let name =
      switch self {
      case .unknown: "unknown"
      case .padding: "padding"
      default: rawValue
      }
    return TokenizerKey.vocabularyPrefix + name + Self.suffix
  }

  /// The member of config.json.
  package var configuration: String { rawValue + Self.suffix }

  /// The member of tokenizer_config.json, which holds the token's text.
  var text: String { rawValue + "_token" }
}
