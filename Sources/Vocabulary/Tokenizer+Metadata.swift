import Checkpoints
import OrderedCollections

extension Tokenizer {
  /// The `tokenizer.*` keys that the ecosystem's converter writes for this tokenizer; those of a GGUF
  /// file as they stand.
  /// - Parameter vocabularySize: rows of the embedding; missing tokens are filled up as unused.
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
      "tokenizer.ggml.model": .string(model),
      "tokenizer.ggml.pre": .string(preTokenizer ?? "default"),
      "tokenizer.ggml.tokens": .array(.strings(texts)),
    ]
    if model == "llama" {
      metadata["tokenizer.ggml.scores"] = .array(
        .floats(mergeScores() + padding.map { _ in -10_000 }))
    }
    metadata["tokenizer.ggml.token_type"] = .array(.int32(kinds))
    if model == "gpt2" { metadata["tokenizer.ggml.merges"] = .array(.strings(stored.merges)) }
    for (key, id) in [
      ("bos_token_id", bos), ("eos_token_id", eos), ("unknown_token_id", stored.unknown),
      ("padding_token_id", stored.padding),
    ] {
      if let id { metadata["tokenizer.ggml.\(key)"] = .uint32(UInt32(id)) }
    }
    metadata["tokenizer.ggml.add_bos_token"] = .bool(addsBOS)
    metadata["tokenizer.ggml.add_eos_token"] = .bool(addsEOS)
    metadata["tokenizer.ggml.add_space_prefix"] = .bool(normalizer.addsSpacePrefix)
    if let template = stored.chatTemplate {
      metadata["tokenizer.chat_template"] = .string(template)
    }
    return metadata
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
