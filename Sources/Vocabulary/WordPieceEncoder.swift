/// BERT's WordPiece (arXiv:1810.04805): a word is spelled by the longest token that begins it, then
/// by the longest that goes on, and so forth; a word that cannot be spelled is unknown as a whole.
struct WordPieceEncoder: WordEncoder {
  let table: TokenTable
  let unknown: Int32
  var cuts: WordCuts? { nil }

  /// Finds every token as if it were a special one, in time that grows with the word alone.
  private let search: SpecialTokenSearch
  /// The token of each entry of the search.
  private let ids: [Int32]

  /// The most bytes of all tokens: the search takes some twenty times as many.
  private static let byteLimit = 1 << 26

  /// - Throws: `VocabularyError.invalid` for tokens of more bytes than vocabularies have.
  init(table: TokenTable, unknown: Int32) throws(VocabularyError) {
    self.table = table
    self.unknown = unknown
    let strings = table.bytes
    guard strings.bytes.count <= Self.byteLimit else {
      throw .invalid(
        file: table.file, key: TokenizerKey.tokens,
        problem: "tokens of \(strings.bytes.count) bytes, at most \(Self.byteLimit) are read")
    }
    // Of equal tokens the one that the table finds.
    let entries = strings.indices.compactMap { index -> SpecialTokens.Entry? in
      let (id, bytes) = (Int32(index), Array(strings[index]))
      guard !bytes.isEmpty, table.id(bytes) == id else { return nil }
      return SpecialTokens.Entry(
        id: id, bytes: bytes, isControl: true, stripsLeft: false, stripsRight: false)
    }
    ids = entries.map(\.id)
    search = SpecialTokenSearch(entries)
  }

  func wholeToken(_ word: UnsafeBufferPointer<UInt8>) -> Int32? { nil }

  func start(_ word: UnsafeBufferPointer<UInt8>, symbols: inout [Symbol]) {
    // The longest token at each place that has one, the first place last.
    var matches = search.matches(in: Array(word), includesControl: true)
    var start = 0
    while start < word.count {
      while let match = matches.last, match.place < start { matches.removeLast() }
      guard let match = matches.last, match.place == start else {
        symbols = [Symbol(id: unknown, start: 0, end: Int32(word.count))]
        return
      }
      let id = ids[match.entry]
      let end = start + table.bytes.range(of: Int(id)).count
      symbols.append(Symbol(id: id, start: Int32(start), end: Int32(end)))
      start = end
    }
  }

  func merge(
    _ left: Symbol, _ right: Symbol, in word: UnsafeBufferPointer<UInt8>
  ) -> (order: UInt32, id: Int32)? { nil }

  func append(
    _ symbol: Symbol, of word: UnsafeBufferPointer<UInt8>, to output: inout [Int32]
  ) { output.append(symbol.id) }

  // MARK: - Words

  /// What stands between words.
  static let separator: UInt8 = 0x20

  /// The words of a text as BERT's uncased models read it, each with U+2581 in front and a space
  /// behind: lower case without accents, a punctuation mark or Chinese character a word of its own.
  static func words(_ text: ArraySlice<UInt8>) -> [UInt8] {
    var bytes: [UInt8] = []
    var isOpen = false
    func close() {
      if isOpen { bytes.append(separator) }
      isOpen = false
    }
    func add(_ text: some Sequence<UInt8>) {
      if !isOpen { bytes += "\u{2581}".utf8 }
      bytes += text
      isOpen = true
    }
    for scalar in String(decoding: text, as: UTF8.self).decomposed.unicodeScalars {
      let properties = scalar.properties
      if properties.isWhitespace {
        close()
      } else if !isDropped(scalar) {
        let lower = properties.lowercaseMapping.utf8
        let isAlone = isWord(scalar)
        if isAlone { close() }
        add(lower)
        if isAlone { close() }
      }
    }
    close()
    return bytes
  }

  /// Control characters, replacements of invalid bytes, and accents.
  private static func isDropped(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned: true
    case .nonspacingMark, .spacingMark, .enclosingMark: true
    default: scalar.value == 0xFFFD
    }
  }

  private static func isWord(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation,
      .initialPunctuation, .finalPunctuation, .otherPunctuation:
      true
    case .mathSymbol, .currencySymbol, .modifierSymbol, .otherSymbol: scalar.value < 0x7F
    default: isChinese(scalar.value)
    }
  }

  /// The blocks of CJK ideographs as the ecosystem lists them.
  private static func isChinese(_ value: UInt32) -> Bool {
    switch value {
    case 0x4E00...0x9FFF, 0x3400...0x4DBF, 0x20000...0x2A6DF, 0x2A700...0x2B73F,
      0x2B740...0x2B81F, 0x2B920...0x2CEAF, 0xF900...0xFAFF, 0x2F800...0x2FA1F:
      true
    default: false
    }
  }
}
