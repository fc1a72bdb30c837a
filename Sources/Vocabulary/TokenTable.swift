/// What a token is for (`tokenizer.ggml.token_type`).
package enum TokenKind: Int, Sendable {
  case normal = 1
  case unknown, control, userDefined, unused, byte
}

/// The tokens of a vocabulary: the bytes each stands for in a text.
struct TokenTable: Sendable {
  /// The file that describes the tokenizer, which errors name.
  let file: String
  /// The text of each token as the vocabulary spells it.
  let texts: TokenTexts
  let kinds: [TokenKind]
  let scores: [Float]
  /// The tokens by the bytes they stand for.
  let index: ByteStringIndex
  /// The token of each single byte (`<0x41>`), where there is one.
  let byteTokens: [Int32?]

  /// The bytes of each token as they stand in a text; U+2581 stays as it is.
  var bytes: ByteStrings { index.strings }
  var count: Int { bytes.count }

  /// - Parameters: one element per token each.
  /// - Throws: `VocabularyError.invalid` for an empty or far too large vocabulary, and for a byte
  ///   token that names no byte.
  init(
    bytes: ByteStrings, texts: ByteStrings, kinds: [TokenKind], scores: [Float], file: String
  ) throws(VocabularyError) {
    self.file = file
    self.texts = TokenTexts(bytes: texts)
    self.kinds = kinds
    self.scores = scores
    guard !bytes.isEmpty, bytes.count < Int(Int32.max) else {
      throw .invalid(
        file: file, key: TokenizerKey.tokens,
        problem: bytes.isEmpty ? "the vocabulary is empty" : "the vocabulary is too large")
    }
    index = ByteStringIndex(bytes)
    var byteTokens = [Int32?](repeating: nil, count: 256)
    for (id, kind) in kinds.enumerated() where kind == .byte {
      guard let byte = Self.byte(of: texts[id]) else {
        throw .invalid(
          file: file, key: TokenizerKey.tokens,
          problem: "byte token \(id) is '\(self.texts[id])', expected <0x00> to <0xFF>")
      }
      byteTokens[Int(byte)] = Int32(id)
    }
    self.byteTokens = byteTokens
  }

  /// The byte that `<0x41>` names.
  static func byte(of text: some Collection<UInt8>) -> UInt8? {
    guard text.count == 6, text.starts(with: "<0x".utf8) else { return nil }
    var value: UInt8 = 0
    for character in text.dropFirst(3).dropLast() {
      switch character {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | (character - 48)
      case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | (character - 87)
      case UInt8(ascii: "A")...UInt8(ascii: "F"): value = value << 4 | (character - 55)
      default: return nil
      }
    }
    return text.dropFirst(5).elementsEqual(">".utf8) ? value : nil
  }

  /// The token that stands for bytes.
  @inline(__always)
  func id(_ bytes: UnsafeBufferPointer<UInt8>) -> Int32? { index.find(bytes).map(Int32.init) }

  func id(_ bytes: some Sequence<UInt8>) -> Int32? {
    Array(bytes).withUnsafeBufferPointer { id($0) }
  }
}

/// The texts of tokens; what is not UTF-8 is shown with U+FFFD.
struct TokenTexts: RandomAccessCollection, Sendable {
  /// The texts as they are stored.
  let bytes: ByteStrings

  var startIndex: Int { bytes.startIndex }
  var endIndex: Int { bytes.endIndex }

  subscript(index: Int) -> String { String(decoding: bytes[index], as: UTF8.self) }
}
