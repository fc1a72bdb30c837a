import Checkpoints
import OrderedCollections

/// The facts of a tokenizer as GGUF stores them.
struct StoredTokenizer: Sendable {
  /// `tokenizer.*` keys as they stand in the source, empty for a tokenizer.json.
  var metadata: OrderedDictionary<String, MetadataValue> = [:]
  /// Merges as texts, for a tokenizer.json.
  var merges: [String] = []
  /// GGUF names of the pre-tokenizer of a tokenizer.json, the commonest first.
  var preTokenizers: [String] = []
  var unknown: Int32?
  var padding: Int32?
  /// Tokens whose ids are none of the tokenizer's own: the configuration's, or the loader's defaults.
  var unnamed: Set<SpecialTokenKey> = []
  var chatTemplate: String?
  /// Names of chat templates of a folder beside that one.
  var otherTemplates: [String] = []
}

extension Tokenizer {
  /// Reads the `tokenizer.ggml.*` keys of a GGUF file, with the defaults of the ecosystem's loader.
  package init(gguf metadata: OrderedDictionary<String, MetadataValue>, file: String) throws {
    func failure(_ key: String, _ problem: String) -> VocabularyError {
      .invalid(file: file, key: key, problem: problem)
    }
    guard let name = metadata[TokenizerKey.model]?.string else {
      throw failure(TokenizerKey.model, "is not a string")
    }
    guard let model = TokenizerModel(rawValue: name) else {
      throw VocabularyError.unsupportedModel(
        file: file, key: TokenizerKey.model, name: name,
        known: TokenizerModel.allCases.map(\.rawValue))
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
    func id(_ key: String) throws -> Int32? {
      try metadata[key].flatMap { try Self.id($0, of: count, key: key, file: file) }
    }
    try Self.check(gguf: metadata, file: file)

    self.model = name
    self.file = file
    // A vocabulary of this kind has no other pre-tokenizer, and often names none.
    preTokenizer = model == .gemma4 ? name : metadata[TokenizerKey.preTokenizer]?.string
    var stored = StoredTokenizer()
    stored.metadata = metadata.filter { $0.key.hasPrefix(TokenizerKey.prefix) }
    stored.unknown = try id(SpecialTokenKey.unknown.gguf)
    stored.padding = try id(SpecialTokenKey.padding.gguf)
    var bos = try id(SpecialTokenKey.bos.gguf)
    var eos = try id(SpecialTokenKey.eos.gguf)
    stored.unnamed = Self.unnamed(in: metadata)
    // The default of these vocabularies, 11, is any token; others' are their models' own.
    if model == .gpt2 {
      if bos == nil { stored.unnamed.insert(.bos) }
      if eos == nil { stored.unnamed.insert(.eos) }
    }
    self.stored = stored
    var addsBOS = metadata[TokenizerKey.addsBOS]?.bool
    var addsEOS = metadata[TokenizerKey.addsEOS]?.bool

    switch model {
    case .llama:
      table = try TokenTable(bytes: texts, texts: texts, kinds: kinds, scores: scores, file: file)
      bos = bos ?? Self.fallback(1, count)
      eos = eos ?? Self.fallback(2, count)
      addsBOS = addsBOS ?? true
      let prefixes = metadata[TokenizerKey.addsSpacePrefix]?.bool ?? true
      normalizer = Normalizer(prefix: prefixes ? .everyText : .noText, escapesSpaces: true)
      algorithm = .sentencePiece(
        SentencePieceEncoder(table: table, unknown: stored.unknown ?? Self.fallback(0, count)))
    case .gpt2, .gemma4:
      let named = try NamedPreTokenizer.named(preTokenizer, file: file)
      let bytes = named.isByteLevel ? ByteAlphabet.decoded(texts, kinds) : texts
      table = try TokenTable(bytes: bytes, texts: texts, kinds: kinds, scores: scores, file: file)
      guard case .array(let list)? = metadata[TokenizerKey.merges], list.elementType == .string
      else {
        throw failure(TokenizerKey.merges, "is missing or not a list of strings")
      }
      if model == .gpt2 {
        bos = bos ?? Self.fallback(11, count)
        eos = eos ?? Self.fallback(11, count)
      }
      addsBOS = addsBOS ?? named.addsBOS
      addsEOS = addsEOS ?? named.addsEOS
      // The ecosystem's loader puts no space before a text of such a vocabulary, whatever the key
      // says.
      normalizer = Normalizer(escapesSpaces: named.escapesSpaces)
      let merges: MergeList
      switch MergeList.read(list, isByteLevel: named.isByteLevel) {
      case .success(let read): merges = read
      case .failure(let fault): throw failure(TokenizerKey.merges, fault.problem)
      }
      // The ecosystem's loader leaves out bytes that a byte-level vocabulary lacks, whatever the
      // unknown token.
      algorithm = .bytePairs(
        BytePairEncoder(
          table: table, merges: merges, splitsBytes: named.isByteLevel,
          ignoresMerges: named.ignoresMerges, takesLineFeedsWhole: named.takesLineFeedsWhole,
          unknown: named.isByteLevel ? nil : stored.unknown),
        try named.preTokenizer(file: file))
    case .bert:
      table = try TokenTable(bytes: texts, texts: texts, kinds: kinds, scores: scores, file: file)
      // Every text stands between these two, BERT's own ids unless the file says otherwise.
      bos = bos ?? Self.fallback(101, count)
      eos = try id(TokenizerKey.separator) ?? Self.fallback(102, count)
      (addsBOS, addsEOS) = (true, true)
      normalizer = Normalizer(escapesSpaces: true)
      guard let unknown = stored.unknown ?? Self.fallback(100, count) else {
        throw failure(SpecialTokenKey.unknown.gguf, "is missing")
      }
      let space = try Pattern(String(UnicodeScalar(WordPieceEncoder.separator)), file: file)
      algorithm = .wordPieces(
        try WordPieceEncoder(table: table, unknown: unknown),
        PreTokenizer(steps: [.init(pattern: space, behavior: .removed)]))
    }
    self.bos = bos
    self.eos = eos
    leading = addsBOS ?? false ? [bos].compactMap { $0 } : []
    trailing = addsEOS ?? false ? [eos].compactMap { $0 } : []
    let table = table
    let takesSpaces = SpacesBesideTokens(metadata)
    special = try SpecialTokens(
      table.kinds.indices.compactMap { id in
        let kind = table.kinds[id]
        guard kind == .control || kind == .userDefined || kind == .unknown else { return nil }
        let text = table.texts[id]
        return .init(
          id: Int32(id), bytes: Array(table.texts.bytes[id]), isControl: kind != .userDefined,
          stripsLeft: takesSpaces.before(text), stripsRight: takesSpaces.after(text))
      }, file: file, key: TokenizerKey.tokens)
  }

  private static func fallback(_ id: Int32, _ count: Int) -> Int32? {
    Int(id) < count ? id : nil
  }

  private static func integers(_ array: MetadataArray) -> [Int]? { array.ints() }

  private static func numbers(_ array: MetadataArray) -> [Float]? { array.floats() }
}

/// Which tokens of a GGUF file take the white space beside them: no key says it, and llama.cpp goes by
/// the names of models (`llama_vocab::impl::load`).
private struct SpacesBesideTokens {
  private let isPhi3: Bool
  private let mask: String?

  init(_ metadata: OrderedDictionary<String, MetadataValue>) {
    let name = metadata[GGUFKey.name]?.string?.lowercased() ?? ""
    let preTokenizer = metadata[TokenizerKey.preTokenizer]?.string ?? ""
    let isJina = ["jina-v2-de", "jina-v2-es", "jina-v2-code"].contains { preTokenizer.contains($0) }
    isPhi3 = !isJina && (name.contains("phi-3") || name.contains("phi3"))
    mask = isJina ? "<mask>" : !isPhi3 && name.contains("modern-bert") ? "[MASK]" : nil
  }

  func before(_ token: String) -> Bool { token == mask }

  func after(_ token: String) -> Bool {
    isPhi3 && !["<unk>", "<s>", "<|endoftext|>"].contains(token)
  }
}

extension ByteStrings {
  /// The strings of an array of a GGUF file; nil for other types.
  init?(_ array: MetadataArray) {
    self.init()
    reserveCapacity(count: array.count, bytes: array.byteCount)
    guard array.forEachString({ _, bytes in append(bytes) }) else { return nil }
  }
}
