import Base
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
    let isByteLevel = model == TokenizerModel.gpt2.rawValue
    var preTokenizer: String?
    if isByteLevel {
      preTokenizer = try publishedName(among: stored.preTokenizers)
      guard preTokenizer != nil else {
        throw VocabularyError.unsupportedPart(
          file: file, place: "pre_tokenizer", what: "a pre-tokenizer that GGUF has no name for")
      }
    }
    guard vocabularySize >= table.count else {
      throw VocabularyError.invalid(
        file: file, key: "model.vocab",
        problem: "\(table.count) tokens, more than the \(vocabularySize) rows of the embedding")
    }
    let padding = table.count..<vocabularySize
    // The ecosystem's loader finds user-defined tokens before it escapes spaces.
    let texts =
      table.texts.indices.map { id in
        let text = table.texts[id]
        return !isByteLevel && table.kinds[id] == .userDefined
          ? text.replacing("\u{2581}", with: " ") : text
      } + padding.map { "[PAD\($0)]" }
    let kinds =
      table.kinds.map { Int32($0.rawValue) }
      + padding.map { _ in Int32(TokenKind.unused.rawValue) }
    var metadata: OrderedDictionary<String, MetadataValue> = [
      TokenizerKey.model: .string(model),
      TokenizerKey.preTokenizer: .string(preTokenizer ?? "default"),
      TokenizerKey.tokens: .array(.strings(texts)),
    ]
    if !isByteLevel {
      metadata[TokenizerKey.scores] = .array(
        .floats(mergeScores() + padding.map { _ in -10_000 }))
    }
    metadata[TokenizerKey.kinds] = .array(.int32(kinds))
    if isByteLevel { metadata[TokenizerKey.merges] = .array(.strings(stored.merges)) }
    for (token, id) in specialIDs {
      if let id { metadata[token.gguf] = .uint32(UInt32(id)) }
    }
    metadata[TokenizerKey.addsBOS] = .bool(addsBOS && leading.count == 1)
    metadata[TokenizerKey.addsEOS] = .bool(addsEOS && trailing.count == 1)
    metadata[TokenizerKey.addsSpacePrefix] = .bool(normalizer.addsSpacePrefix)
    if let template = stored.chatTemplate {
      metadata[TokenizerKey.chatTemplate] = .string(template)
    }
    return metadata
  }

  /// The name that the ecosystem's converter gives this very tokenizer, which it knows by the ids of
  /// one text; else the commonest of the names that mean the same.
  private func publishedName(among names: [String]) throws -> String? {
    let fingerprints = try PublishedTokenizers.read()
    let ids = try encode(Array(fingerprints.text.utf8), addSpecial: true, parseSpecial: true)
    let published = fingerprints.names(of: ids)
    return published.first(where: names.contains) ?? names.first ?? published.first
  }

  /// What of a tokenizer.json GGUF has no key for, in words.
  /// - Parameter written: what readers make of the output's keys, where that is known: of a file with
  ///   some names they take white space beside tokens although no key says so.
  /// - Returns: one phrase for each.
  package func lostInGGUF(readAs written: Tokenizer? = nil) -> [String] {
    guard stored.metadata.isEmpty else { return [] }
    var lost: [String] = []
    if normalizer.composes { lost.append("Unicode normalization (NFC)") }
    if let prefix = lostPrefix { lost.append(prefix) }
    if let token = firstStripping(readAs: written) {
      lost.append(
        "tokens that take white space beside them (lstrip, rstrip), such as"
          + " \(quoted(String(decoding: token.bytes, as: UTF8.self)))")
    }
    if leading.count > 1 || trailing.count > 1 {
      lost.append("several tokens around a text (none is added)")
    }
    return lost
  }

  /// The rule of a space before texts, where readers of GGUF have another: none before texts of a
  /// byte-level vocabulary, one before each text of others.
  private var lostPrefix: String? {
    if normalizer.prefix == .noText { return nil }
    if model == TokenizerModel.gpt2.rawValue {
      return "space before a text (add_prefix_space), where readers put none"
    }
    if normalizer.prefix == .firstText {
      return "space before the first text alone (prepend_scheme 'first'), where readers put one"
        + " after each special token too"
    }
    return normalizer.prefixesOnlyWithoutSpace
      ? "space before texts that begin with none (Metaspace), where readers put one before all"
      : nil
  }

  /// The first token that takes white space and would not of a GGUF file.
  private func firstStripping(readAs written: Tokenizer?) -> SpecialTokens.Entry? {
    let kept = Dictionary(
      (written?.special.entries ?? []).map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    return special.entries.first {
      $0.stripsLeft != (kept[$0.id]?.stripsLeft ?? false)
        || $0.stripsRight != (kept[$0.id]?.stripsRight ?? false)
    }
  }

  /// Names of a folder's chat templates that a GGUF file gets none of.
  package var templatesLeftOut: [String] { stored.otherTemplates }

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
