import HeapModule

/// Byte-pair encoding: merges neighbours in the order of their rank until none is left.
struct BytePairEncoder: Sendable {
  /// A pair of symbols becomes one.
  private struct Merge: Sendable {
    let rank: Int32
    let result: Int32
  }

  /// Tokens, and behind them strings that only occur on the way to a token.
  private var symbolBytes: [[UInt8]]
  private var symbols: [[UInt8]: Int32]
  private var merges: [UInt64: Merge] = [:]
  private let tokenCount: Int
  private let byteSymbols: [Int32?]
  private let splitsBytes: Bool
  private let ignoresMerges: Bool
  private let table: TokenTable
  private let unknown: Int32?

  /// - Parameters:
  ///   - merges: pairs of byte strings, best first.
  ///   - splitsBytes: words start as single bytes; else as characters with single bytes to fall back on.
  init(
    table: TokenTable, merges pairs: [([UInt8], [UInt8])], splitsBytes: Bool, ignoresMerges: Bool,
    unknown: Int32?
  ) {
    self.table = table
    self.splitsBytes = splitsBytes
    self.ignoresMerges = ignoresMerges
    self.unknown = unknown
    tokenCount = table.count
    symbolBytes = table.bytes
    symbols = table.ids
    var bytes: [Int32?] = []
    for byte in UInt8.min...UInt8.max { bytes.append(table.ids[[byte]]) }
    byteSymbols = bytes
    merges.reserveCapacity(pairs.count)
    for (rank, (left, right)) in pairs.enumerated() {
      let key = Self.key(symbol(left), symbol(right))
      let result = symbol(left + right)
      if merges[key] == nil { merges[key] = Merge(rank: Int32(rank), result: result) }
    }
  }

  private mutating func symbol(_ bytes: [UInt8]) -> Int32 {
    if let known = symbols[bytes] { return known }
    let id = Int32(symbolBytes.count)
    symbols[bytes] = id
    symbolBytes.append(bytes)
    return id
  }

  private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  private struct Candidate: Comparable {
    let rank: Int32
    let left: Int32
    let leftSymbol: Int32
    let rightSymbol: Int32

    static func < (one: Candidate, other: Candidate) -> Bool {
      (one.rank, one.left) < (other.rank, other.left)
    }
  }

  /// Appends the tokens of one word.
  func encode(_ word: ArraySlice<UInt8>, to output: inout [Int32]) throws(VocabularyError) {
    if ignoresMerges, let whole = table.ids[Array(word)] {
      output.append(whole)
      return
    }
    // Symbols of the word: a token or intermediate string, or -1 - byte where there is none.
    var current: [Int32] = []
    var index = word.startIndex
    while index < word.endIndex {
      if splitsBytes {
        current.append(byteSymbols[Int(word[index])] ?? -1 - Int32(word[index]))
        index += 1
        continue
      }
      let length = min(Self.characterLength(word[index]), word.endIndex - index)
      if let known = symbols[Array(word[index..<(index + length)])] {
        current.append(known)
      } else {
        current.append(contentsOf: word[index..<(index + length)].map { -1 - Int32($0) })
      }
      index += length
    }
    merge(&current)
    for symbol in current { try append(symbol, to: &output) }
  }

  private func merge(_ symbols: inout [Int32]) {
    let count = symbols.count
    guard count > 1 else { return }
    var next = (0..<Int32(count)).map { $0 + 1 }
    var previous = (0..<Int32(count)).map { $0 - 1 }
    var alive = [Bool](repeating: true, count: count)
    var queue = Heap<Candidate>()
    func add(_ left: Int32, _ right: Int32) {
      guard left >= 0, right < Int32(count) else { return }
      let (a, b) = (symbols[Int(left)], symbols[Int(right)])
      guard a >= 0, b >= 0, let merge = merges[Self.key(a, b)] else { return }
      queue.insert(Candidate(rank: merge.rank, left: left, leftSymbol: a, rightSymbol: b))
    }
    for left in 0..<Int32(count - 1) { add(left, left + 1) }
    while let best = queue.popMin() {
      let left = Int(best.left)
      guard alive[left], symbols[left] == best.leftSymbol, next[left] < Int32(count) else {
        continue
      }
      let right = Int(next[left])
      guard symbols[right] == best.rightSymbol,
        let merge = merges[Self.key(best.leftSymbol, best.rightSymbol)]
      else { continue }
      symbols[left] = merge.result
      alive[right] = false
      next[left] = next[right]
      if next[right] < Int32(count) { previous[Int(next[right])] = Int32(left) }
      add(previous[left], Int32(left))
      add(Int32(left), next[left])
    }
    var kept = 0
    for index in 0..<count where alive[index] {
      symbols[kept] = symbols[index]
      kept += 1
    }
    symbols.removeLast(count - kept)
  }

  /// A symbol that is no token is spelled by single bytes.
  private func append(_ symbol: Int32, to output: inout [Int32]) throws(VocabularyError) {
    if symbol >= 0, symbol < Int32(tokenCount) {
      output.append(symbol)
      return
    }
    let bytes = symbol < 0 ? [UInt8(-1 - symbol)] : symbolBytes[Int(symbol)]
    for byte in bytes {
      guard let id = table.byteTokens[Int(byte)] ?? byteSymbols[Int(byte)] ?? unknown else {
        // A byte-level vocabulary without some byte: the ecosystem's loader drops it.
        if splitsBytes { continue }
        throw .noToken(byte: byte)
      }
      output.append(id)
    }
  }

  /// Bytes of the character that begins with this byte; 1 for a byte that begins none.
  static func characterLength(_ first: UInt8) -> Int {
    switch first {
    case 0xC0...0xDF: 2
    case 0xE0...0xEF: 3
    case 0xF0...0xF7: 4
    default: 1
    }
  }
}
