import Base

/// A tokenizer that is missing facts, contradicts itself or is of a kind not supported.
package enum VocabularyError: Diagnostic {
  /// The tokenizer's model is of another family.
  case unsupportedModel(file: String, key: String, name: String, known: [String])
  /// No pre-tokenizer of this name is known.
  case unknownPreTokenizer(file: String, name: String)
  /// A part of tokenizer.json that the program does not compute.
  case unsupportedPart(file: String, place: String, what: String)
  /// A key is missing or its value has the wrong type, length or range.
  case invalid(file: String, key: String, problem: String)
  /// A pattern does not compile.
  case pattern(file: String, pattern: String, problem: String)
  /// A pattern gives up on a text, at a byte of it.
  case matching(file: String, pattern: String, problem: String, byte: Int)
  /// A piece of text for which the vocabulary has no token, not even for its bytes.
  case noToken(file: String, byte: UInt8)
  /// A piece of text of 2 GiB or more without any place to cut it.
  case wordTooLong(file: String, byteCount: Int)

  /// The same fault of a pattern with the byte of a larger text, by its byte of a part.
  func moved(_ place: (Int) -> Int) -> VocabularyError {
    guard case .matching(let file, let pattern, let problem, let byte) = self else { return self }
    return .matching(file: file, pattern: pattern, problem: problem, byte: place(byte))
  }

  package var summary: String {
    switch self {
    case .unsupportedModel(_, _, let name, let known):
      "tokenizer model \(quoted(name)) is not supported (known: \(known.joined(separator: ", ")))"
    case .unknownPreTokenizer(_, let name): "pre-tokenizer \(quoted(name)) is not known"
    case .unsupportedPart(_, _, let what): "\(what) is not supported"
    case .invalid(_, _, let problem): problem
    case .pattern(_, let pattern, let problem):
      "pattern \(quoted(pattern)) does not compile: \(problem)"
    case .matching(_, let pattern, let problem, let byte):
      "pattern \(quoted(pattern)) gives up on the text at byte \(byte): \(problem)"
    case .noToken(_, let byte): "the vocabulary has no token for byte \(byte)"
    case .wordTooLong(_, let count): "a word of \(count) bytes is too long to be tokenized"
    }
  }

  package var file: String? {
    switch self {
    case .unsupportedModel(let file, _, _, _), .unknownPreTokenizer(let file, _),
      .unsupportedPart(let file, _, _), .invalid(let file, _, _), .pattern(let file, _, _),
      .matching(let file, _, _, _), .noToken(let file, _), .wordTooLong(let file, _):
      file
    }
  }

  package var place: String? {
    switch self {
    case .unsupportedModel(_, let key, _, _), .invalid(_, let key, _): "key \(key)"
    case .unknownPreTokenizer: "key tokenizer.ggml.pre"
    case .unsupportedPart(_, let place, _): place
    default: nil
    }
  }
}
