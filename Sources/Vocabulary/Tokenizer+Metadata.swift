import Checkpoints
import OrderedCollections

extension Tokenizer {
  /// The `tokenizer.*` keys that the ecosystem's converter writes for this tokenizer; those of a
  /// GGUF file as they stand.
  /// - Parameter vocabularySize: rows of the embedding; missing tokens are filled up as unused.
  /// - Returns: keys and values in the order of the file.
  /// - Throws: `VocabularyError.unsupportedPart` where no GGUF name means the same pre-tokenizer.
  package func ggufMetadata(
    vocabularySize: Int
  ) throws -> OrderedDictionary<String, MetadataValue> {
    guard stored.metadata.isEmpty else { return stored.metadata }
    if model == "gpt2", preTokenizer == nil {
      throw VocabularyError.unsupportedPart(
        file: file, place: "pre_tokenizer", what: "a pre-tokenizer that GGUF has no name for")
    }
    guard vocabularySize >= table.count else {
      throw VocabularyError.invalid(
        file: file, key: "model.vocab",
        problem: "\(table.count) tokens, more than the \(vocabularySize) rows of the embedding")
    }
    let padding = table.count..<vocabularySize
    let texts = table.texts + padding.map { "[PAD\($0)]" }
    let kinds =
      table.kinds.map { Int32($0.rawValue) }
      + padding.map { _ in Int32(TokenKind.unused.rawValue) }
    var metadata: OrderedDictionary<String, MetadataValue> = [
      TokenizerKey.model: .string(model),
      TokenizerKey.preTokenizer: .string(preTokenizer ?? "default"),
      TokenizerKey.tokens: .array(.strings(texts)),
    ]
    if model == "llama" {
      metadata[TokenizerKey.scores] = .array(
        .floats(mergeScores() + padding.map { _ in -10_000 }))
    }
    metadata[TokenizerKey.kinds] = .array(.int32(kinds))
    if model == "gpt2" { metadata[TokenizerKey.merges] = .array(.strings(stored.merges)) }
    for (token, id) in specialIDs {
      if let id { metadata[token.gguf] = .uint32(UInt32(id)) }
    }
    metadata[TokenizerKey.addsBOS] = .bool(addsBOS)
    metadata[TokenizerKey.addsEOS] = .bool(addsEOS)
    metadata[TokenizerKey.addsSpacePrefix] = .bool(normalizer.addsSpacePrefix)
    if let template = stored.chatTemplate {
      metadata[TokenizerKey.chatTemplate] = .string(template)
    }
    return metadata
  }

  /// The ids of tokens with a task of their own, as either kind of file states them.
  var specialIDs: [(SpecialTokenKey, Int32?)] {
    [(.bos, bos), (.eos, eos), (.unknown, stored.unknown), (.padding, stored.padding)]
  }

  /// Scores that make SentencePiece merge in the order of the merges: a token scores minus the rank
  /// of the first merge that makes it.
  private func mergeScores() -> [Float] {
    var scores = [Float](repeating: -Float(stored.merges.count) - 1, count: table.count)
    var seen = Set<Int32>()
    for (rank, merge) in stored.merges.enumerated() {
      guard let (left, right) = MergeText.split(merge),
        let id = table.id((left + right).utf8), seen.insert(id).inserted
      else { continue }
      scores[Int(id)] = -Float(rank)
    }
    return scores
  }
}
