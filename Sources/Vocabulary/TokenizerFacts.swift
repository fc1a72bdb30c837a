import Checkpoints
import OrderedCollections

extension Tokenizer {
  /// Checks what a GGUF file says of its vocabulary, whatever kind of tokenizer it is for: ids that
  /// name a token, lists that have one number per token, and the spelling of bytes. Other
  /// containers are checked when their tokenizer is read.
  /// - Throws: `VocabularyError.invalid`.
  package static func check(_ checkpoint: Checkpoint) throws(VocabularyError) {
    try check(gguf: checkpoint.metadata, file: checkpoint.path)
  }

  /// The same for metadata that are to be written.
  package static func check(
    gguf metadata: OrderedDictionary<String, MetadataValue>, file: String
  ) throws(VocabularyError) {
    guard let count = metadata[TokenizerKey.tokens]?.array?.count else { return }
    for (key, value) in metadata where key.hasPrefix(TokenizerKey.vocabularyPrefix) {
      if key.hasSuffix(SpecialTokenKey.suffix) {
        _ = try id(value, of: count, key: key, file: file)
      } else if key == TokenizerKey.kinds || key == TokenizerKey.scores {
        guard let list = value.array, list.count == count,
          key == TokenizerKey.kinds ? list.ints() != nil : list.floats() != nil
        else {
          throw .invalid(
            file: file, key: key, problem: "is not a list of \(count) numbers, one per token")
        }
      }
    }
    if let stated = metadata[TokenizerKey.endTokens] {
      guard let ids = stated.array?.ints(), ids.allSatisfy({ (0..<count).contains($0) }) else {
        throw .invalid(
          file: file, key: TokenizerKey.endTokens,
          problem: "is not a list of ids of the \(count) tokens")
      }
    }
    if let stated = metadata[TokenizerKey.unnamedTokens] {
      guard let names = stated.strings, names.allSatisfy({ SpecialTokenKey(rawValue: $0) != nil })
      else {
        throw .invalid(
          file: file, key: TokenizerKey.unnamedTokens,
          problem: "is not a list of names of special tokens, such as 'bos'")
      }
    }
    try checkByteTokens(metadata, file: file)
  }

  /// A token that stands for a byte is spelled `<0x00>` to `<0xFF>`.
  private static func checkByteTokens(
    _ metadata: OrderedDictionary<String, MetadataValue>, file: String
  ) throws(VocabularyError) {
    guard let kinds = metadata[TokenizerKey.kinds]?.array?.ints() else { return }
    var wrong: Int?
    metadata[TokenizerKey.tokens]?.array?.forEachString { index, bytes in
      guard wrong == nil, index < kinds.count, TokenKind(rawValue: kinds[index]) == .byte,
        TokenTable.byte(of: bytes) == nil
      else { return }
      wrong = index
    }
    if let wrong {
      throw .invalid(
        file: file, key: TokenizerKey.tokens,
        problem: "byte token \(wrong) is not one of <0x00> to <0xFF>")
    }
  }

  /// A token's id; nil for "none".
  static func id(
    _ stored: MetadataValue, of count: Int, key: String, file: String
  ) throws(VocabularyError) -> Int32? {
    guard let id = stored.int else {
      throw .invalid(file: file, key: key, problem: "is not a token id")
    }
    // The ecosystem writes 2^32 - 1 for "none".
    if id == 0xFFFF_FFFF || id == -1 { return nil }
    guard id >= 0, id < count else {
      throw .invalid(
        file: file, key: key, problem: "is \(id), outside the vocabulary of \(count)")
    }
    return Int32(id)
  }
}
