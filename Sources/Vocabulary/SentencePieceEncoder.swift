/// SentencePiece's BPE (arXiv:1808.06226): neighbours merge in the order of the merged token's
/// score; what forms no token is spelled by byte tokens.
struct SentencePieceEncoder: WordEncoder {
  let table: TokenTable
  let unknown: Int32?
  let cuts: WordCuts?

  init(table: TokenTable, unknown: Int32?) {
    self.table = table
    self.unknown = unknown
    cuts = WordCuts(table.bytes)
  }

  func wholeToken(_ word: UnsafeBufferPointer<UInt8>) -> Int32? { nil }

  func start(_ word: UnsafeBufferPointer<UInt8>, symbols: inout [Symbol]) {
    var index = 0
    while index < word.count {
      let end = min(index + Characters.length(word[index]), word.count)
      let id = table.id(UnsafeBufferPointer(rebasing: word[index..<end]))
      symbols.append(Symbol(id: id ?? -1, start: Int32(index), end: Int32(end)))
      index = end
    }
  }

  /// Any two neighbours that are a token together become it.
  @inline(__always)
  func merge(
    _ left: Symbol, _ right: Symbol, in word: UnsafeBufferPointer<UInt8>
  ) -> (order: UInt32, id: Int32)? {
    let both = UnsafeBufferPointer(rebasing: word[Int(left.start)..<Int(right.end)])
    guard let id = table.id(both) else { return nil }
    return (Self.order(table.scores[Int(id)]), id)
  }

  /// A number that is the smaller the higher a score.
  static func order(_ score: Float) -> UInt32 {
    // Minus zero becomes zero.
    let bits = (score + 0).bitPattern
    return bits >> 31 == 0 ? ~(bits | 0x8000_0000) : bits
  }

  func append(
    _ symbol: Symbol, of word: UnsafeBufferPointer<UInt8>, to output: inout [Int32]
  ) throws(VocabularyError) {
    if symbol.id >= 0 {
      output.append(symbol.id)
      return
    }
    for byte in word[Int(symbol.start)..<Int(symbol.end)] {
      guard
        let id = table.byteTokens[Int(byte)] ?? table.id(CollectionOfOne(byte)) ?? unknown
      else { throw .noToken(file: table.file, byte: byte) }
      output.append(id)
    }
  }
}
