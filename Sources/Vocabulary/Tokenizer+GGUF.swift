import Checkpoints
import OrderedCollections

/// The facts of a tokenizer as GGUF stores them.
struct StoredTokenizer: Sendable {
  /// `tokenizer.*` keys as they stand in the source, empty for a tokenizer.json.
  var metadata: OrderedDictionary<String, MetadataValue> = [:]
  /// Merges as texts, for a tokenizer.json.
  var merges: [String] = []
  var unknown: Int32?
  var padding: Int32?
  var chatTemplate: String?
}

extension Tokenizer {
  /// Reads the `tokenizer.ggml.*` keys of a GGUF file, with the defaults of the ecosystem's loader.
  init(gguf metadata: OrderedDictionary<String, MetadataValue>, file: String) throws {
    func failure(_ key: String, _ problem: String) -> VocabularyError {
      .invalid(file: file, key: key, problem: problem)
    }
    guard let model = metadata[TokenizerKey.model]?.string else {
      throw failure(TokenizerKey.model, "is not a string")
    }
    guard model == "gpt2" || model == "llama" else {
      throw VocabularyError.unsupportedModel(
        file: file, key: TokenizerKey.model, name: model, known: ["gpt2", "llama"])
    }
    guard case .array(let tokens)? = metadata[TokenizerKey.tokens], let texts = ByteStrings(tokens)
    else {
      throw failure(TokenizerKey.tokens, "is missing or not a list of strings")
    }
    let count = texts.count
    func list<Element>(_ key: String, _ elements: (MetadataArray) -> [Element]?) throws
      -> [Element]?
    {
      guard let stored = metadata[key] else { return nil }
      guard case .array(let array) = stored, let list = elements(array), list.count >= count else {
        throw failure(key, "is not a list of \(count) numbers, one per token")
      }
      return list
    }
    let kinds: [TokenKind] =
      try list(TokenizerKey.kinds, Self.integers)?.prefix(count).map {
        TokenKind(rawValue: $0) ?? .normal
      }
      ?? [TokenKind](repeating: .normal, count: count)
    let scores: [Float] =
      try list(TokenizerKey.scores, Self.numbers).map { Array($0.prefix(count)) }
      ?? [Float](repeating: 0, count: count)
    func id(_ token: SpecialTokenKey) throws -> Int32? {
      try metadata[token.gguf].flatMap {
        try Self.id($0, of: count, key: token.gguf, file: file)
      }
    }
    try Self.check(gguf: metadata, file: file)

    self.model = model
    self.file = file
    preTokenizer = metadata[TokenizerKey.preTokenizer]?.string
    var stored = StoredTokenizer()
    stored.metadata = metadata.filter { $0.key.hasPrefix(TokenizerKey.prefix) }
    stored.unknown = try id(.unknown)
    stored.padding = try id(.padding)
    self.stored = stored
    let bos = try id(.bos)
    let eos = try id(.eos)

    if model == "llama" {
      table = try TokenTable(bytes: texts, texts: texts, kinds: kinds, scores: scores, file: file)
      self.bos = bos ?? Self.fallback(1, count)
      self.eos = eos ?? Self.fallback(2, count)
      addsBOS = metadata[TokenizerKey.addsBOS]?.bool ?? true
      addsEOS = metadata[TokenizerKey.addsEOS]?.bool ?? false
      normalizer = Normalizer(
        prefix: metadata[TokenizerKey.addsSpacePrefix]?.bool ?? true ? .everyText : .noText,
        escapesSpaces: true)
      algorithm = .sentencePiece(
        SentencePieceEncoder(table: table, unknown: stored.unknown ?? Self.fallback(0, count)))
    } else {
      let named = try NamedPreTokenizer.named(preTokenizer, file: file)
      let bytes = named.isByteLevel ? ByteAlphabet.decoded(texts, kinds) : texts
      table = try TokenTable(bytes: bytes, texts: texts, kinds: kinds, scores: scores, file: file)
      guard case .array(let list)? = metadata[TokenizerKey.merges], list.elementType == .string
      else {
        throw failure(TokenizerKey.merges, "is missing or not a list of strings")
      }
      self.bos = bos ?? Self.fallback(11, count)
      self.eos = eos ?? Self.fallback(11, count)
      addsBOS = metadata[TokenizerKey.addsBOS]?.bool ?? named.addsBOS
      addsEOS = metadata[TokenizerKey.addsEOS]?.bool ?? named.addsEOS
      normalizer = Normalizer(
        prefix: metadata[TokenizerKey.addsSpacePrefix]?.bool ?? false ? .everyText : .noText,
        escapesSpaces: named.escapesSpaces)
      let merges: MergeList
      switch MergeList.read(list, isByteLevel: named.isByteLevel) {
      case .success(let read): merges = read
      case .failure(let fault): throw failure(TokenizerKey.merges, fault.problem)
      }
      algorithm = .bytePairs(
        BytePairEncoder(
          table: table, merges: merges, splitsBytes: named.isByteLevel,
          ignoresMerges: named.ignoresMerges, unknown: stored.unknown),
        try named.preTokenizer(file: file))
    }
    let table = table
    special = SpecialTokens(
      table.kinds.indices.compactMap { id in
        let kind = table.kinds[id]
        guard kind == .control || kind == .userDefined || kind == .unknown else { return nil }
        return .init(
          id: Int32(id), bytes: Array(table.texts.bytes[id]), isControl: kind != .userDefined,
          stripsLeft: false, stripsRight: false)
      })
  }

  private static func fallback(_ id: Int32, _ count: Int) -> Int32? {
    Int(id) < count ? id : nil
  }

  private static func integers(_ array: MetadataArray) -> [Int]? { array.ints() }

  private static func numbers(_ array: MetadataArray) -> [Float]? { array.floats() }
}

extension ByteStrings {
  /// The strings of an array of a GGUF file; nil for other types.
  init?(_ array: MetadataArray) {
    self.init()
    reserveCapacity(count: array.count, bytes: array.byteCount)
    guard array.forEachString({ _, bytes in append(bytes) }) else { return nil }
  }
}
