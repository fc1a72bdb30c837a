/// BERT's WordPiece (arXiv:1810.04805): a word is spelled by the longest token that begins it, then
/// by the longest that goes on, and so forth; a word that cannot be spelled is unknown as a whole.
struct WordPieceEncoder: WordEncoder {
  let table: TokenTable
  let unknown: Int32
  var cuts: WordCuts? { nil }

  /// Ids of the tokens in the order of their bytes, one of equal ones.
  private let sorted: [Int32]

  /// Bytes of the longest token that is taken: a search for tokens reads so far at each place.
  private static let longest = 1 << 12

  /// - Throws: `VocabularyError.invalid` for a vocabulary with a token of more than 4,096 bytes.
  init(table: TokenTable, unknown: Int32) throws(VocabularyError) {
    self.table = table
    self.unknown = unknown
    let strings = table.bytes
    if let long = strings.indices.first(where: { strings.range(of: $0).count > Self.longest }) {
      throw .invalid(
        file: table.file, key: TokenizerKey.tokens,
        problem: "token \(long) has \(strings.range(of: long).count) bytes, which is more than"
          + " \(Self.longest)")
    }
    sorted = strings.bytes.withUnsafeBufferPointer { bytes in
      func string(_ id: Int) -> UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(rebasing: bytes[strings.range(of: id)])
      }
      return strings.indices
        .filter { !string($0).isEmpty && table.id(string($0)) == Int32($0) }
        .sorted { string($0).lexicographicallyPrecedes(string($1)) }
        .map(Int32.init)
    }
  }

  func wholeToken(_ word: UnsafeBufferPointer<UInt8>) -> Int32? { nil }

  func start(_ word: UnsafeBufferPointer<UInt8>, symbols: inout [Symbol]) {
    var start = 0
    while start < word.count {
      let end = start + longestToken(in: word, from: start)
      guard end > start, let id = table.id(UnsafeBufferPointer(rebasing: word[start..<end])) else {
        symbols = [Symbol(id: unknown, start: 0, end: Int32(word.count))]
        return
      }
      symbols.append(Symbol(id: id, start: Int32(start), end: Int32(end)))
      start = end
    }
  }

  /// Bytes of the longest token that stands at a place of a word; 0 where none does.
  private func longestToken(in word: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
    let strings = table.bytes
    return strings.bytes.withUnsafeBufferPointer { bytes in
      // The tokens that begin with the bytes read so far, and go on.
      var range = sorted.startIndex..<sorted.endIndex
      var count = 0
      var longest = 0
      // The first token of the range whose next byte is at least a number.
      func first(_ byte: Int) -> Int {
        var (low, high) = (range.lowerBound, range.upperBound)
        while low < high {
          let middle = (low + high) / 2
          let token = strings.range(of: Int(sorted[middle]))
          if Int(bytes[token.lowerBound + count]) < byte { low = middle + 1 } else { high = middle }
        }
        return low
      }
      while start + count < word.count {
        let byte = Int(word[start + count])
        range = first(byte)..<first(byte + 1)
        guard !range.isEmpty else { break }
        count += 1
        // What begins as others do stands before them.
        if strings.range(of: Int(sorted[range.lowerBound])).count == count {
          longest = count
          range = (range.lowerBound + 1)..<range.upperBound
        }
      }
      return longest
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
