import HeapModule

/// A run of bytes of a word that merges treat as one.
struct Symbol {
  /// What the rules know it as; negative for bytes that are not a token by themselves.
  var id: Int32
  /// Where it stands in the word.
  var start: Int32
  var end: Int32
}

/// How a vocabulary's words are taken apart and merged again.
protocol WordEncoder: Sendable {
  /// The vocabulary.
  var table: TokenTable { get }

  /// Places where a long word may be cut without changing its tokens.
  var cuts: WordCuts? { get }

  /// A word that is a token whatever the merges say.
  func wholeToken(_ word: UnsafeBufferPointer<UInt8>) -> Int32?

  /// Appends the symbols that a word begins as.
  func start(_ word: UnsafeBufferPointer<UInt8>, symbols: inout [Symbol])

  /// What two neighbours become, and when: the lowest order first, then the leftmost.
  func merge(
    _ left: Symbol, _ right: Symbol, in word: UnsafeBufferPointer<UInt8>
  ) -> (order: UInt32, id: Int32)?

  /// Appends the tokens of a symbol that is merged no further.
  func append(
    _ symbol: Symbol, of word: UnsafeBufferPointer<UInt8>, to output: inout [Int32]
  ) throws(VocabularyError)
}

/// Merges neighbours until no rule is left, with room that is kept from word to word.
struct PairMerger {
  private var symbols: [Symbol] = []
  private var next: [Int32] = []
  private var previous: [Int32] = []
  /// The order of each symbol's merge with its right neighbour, and what it makes.
  private var merges: [(order: UInt32, id: Int32)?] = []
  /// Order and place of possible merges, some of them overtaken by others.
  private var queue = Heap<UInt64>()

  /// Appends the tokens of one word.
  mutating func encode<Encoder: WordEncoder>(
    _ word: UnsafeBufferPointer<UInt8>, by encoder: Encoder, to output: inout [Int32]
  ) throws(VocabularyError) {
    guard word.count < Int(Int32.max) else {
      throw .wordTooLong(file: encoder.table.file, byteCount: word.count)
    }
    if let whole = encoder.wholeToken(word) {
      output.append(whole)
      return
    }
    symbols.removeAll(keepingCapacity: true)
    encoder.start(word, symbols: &symbols)
    if symbols.count > 1 { merge(word, by: encoder) }
    for symbol in symbols where symbol.end > symbol.start {
      try encoder.append(symbol, of: word, to: &output)
    }
  }

  /// Leaves merged symbols in place of the first of them, and empty ones in place of the others.
  private mutating func merge<Encoder: WordEncoder>(
    _ word: UnsafeBufferPointer<UInt8>, by encoder: Encoder
  ) {
    let count = Int32(symbols.count)
    next.removeAll(keepingCapacity: true)
    previous.removeAll(keepingCapacity: true)
    merges.removeAll(keepingCapacity: true)
    for index in 0..<count {
      next.append(index + 1)
      previous.append(index - 1)
      merges.append(nil)
    }
    for left in 0..<(count - 1) { consider(left, word, encoder) }
    while let best = queue.popMin() {
      let left = Int(best & 0xFFFF_FFFF)
      guard let merge = merges[left], merge.order == UInt32(best >> 32) else { continue }
      let right = Int(next[left])
      symbols[left].id = merge.id
      symbols[left].end = symbols[right].end
      symbols[right].end = symbols[right].start
      merges[right] = nil
      next[left] = next[right]
      if next[right] < count { previous[Int(next[right])] = Int32(left) }
      if previous[left] >= 0 { consider(previous[left], word, encoder) }
      consider(Int32(left), word, encoder)
    }
  }

  @inline(__always)
  private mutating func consider<Encoder: WordEncoder>(
    _ left: Int32, _ word: UnsafeBufferPointer<UInt8>, _ encoder: Encoder
  ) {
    let index = Int(left)
    let right = Int(next[index])
    guard right < symbols.count,
      let merge = encoder.merge(symbols[index], symbols[right], in: word)
    else {
      merges[index] = nil
      return
    }
    merges[index] = merge
    queue.insert(UInt64(merge.order) << 32 | UInt64(left))
  }
}
