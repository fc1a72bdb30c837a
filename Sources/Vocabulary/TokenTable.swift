/// What a token is for (`tokenizer.ggml.token_type`).
public enum TokenKind: Int, Sendable {
  case normal = 1
  case unknown, control, userDefined, unused, byte
}

/// The tokens of a vocabulary: the bytes each stands for in a text.
struct TokenTable: Sendable {
  /// The bytes of each token as they stand in a text; U+2581 stays as it is.
  var bytes: [[UInt8]]
  /// The text of each token as the vocabulary spells it.
  var texts: [String]
  var kinds: [TokenKind]
  var scores: [Float]
  private(set) var ids: [[UInt8]: Int32] = [:]
  /// The token of each single byte (`<0x41>`), where there is one.
  private(set) var byteTokens = [Int32?](repeating: nil, count: 256)

  var count: Int { bytes.count }

  /// - Throws: `VocabularyError.invalid` for an empty vocabulary or a byte token that names no byte.
  init(
    bytes: [[UInt8]], texts: [String], kinds: [TokenKind], scores: [Float], file: String
  ) throws(VocabularyError) {
    self.bytes = bytes
    self.texts = texts
    self.kinds = kinds
    self.scores = scores
    guard !bytes.isEmpty else {
      throw .invalid(file: file, key: "tokenizer.ggml.tokens", problem: "the vocabulary is empty")
    }
    ids.reserveCapacity(bytes.count)
    for (id, token) in bytes.enumerated() {
      // Of equal tokens the last wins, as in the ecosystem's loader.
      ids[token] = Int32(id)
      guard kinds[id] == .byte else { continue }
      guard let byte = Self.byte(of: texts[id]) else {
        throw .invalid(
          file: file, key: "tokenizer.ggml.tokens",
          problem: "byte token \(id) is '\(texts[id])', expected <0x00> to <0xFF>")
      }
      byteTokens[Int(byte)] = Int32(id)
    }
  }

  /// The byte that `<0x41>` names.
  static func byte(of text: String) -> UInt8? {
    guard text.utf8.count == 6, text.hasPrefix("<0x"), text.hasSuffix(">"),
      text.dropFirst(3).dropLast().allSatisfy(\.isHexDigit)
    else { return nil }
    return UInt8(text.dropFirst(3).dropLast(), radix: 16)
  }

  func id(_ bytes: [UInt8]) -> Int32? { ids[bytes] }
}
