/// Byte-pair encoding: merges neighbours in the order of their rank until none is left.
struct BytePairEncoder: WordEncoder {
  /// What stands for a character that the vocabulary lacks.
  enum Fallback: Sendable, Equatable {
    /// Each byte by itself, as llama.cpp spells it: its byte token, else the unknown token.
    case bytes
    /// As the `tokenizers` library spells it: byte tokens where `usesBytes` and each of its bytes has
    /// one, else one unknown token, which takes in unknown neighbours where `fuses`.
    case character(usesBytes: Bool, fuses: Bool)
  }

  /// A pair of symbols becomes one; `rank` is negative where a place of the table is free.
  private struct Merge: Sendable {
    var pair: UInt64 = 0
    var rank: Int32 = -1
    var result: Int32 = 0
  }

  let cuts: WordCuts?
  /// Tokens, and after them strings that only occur on the way to a token.
  private let symbols: ByteStringIndex
  /// By the hash of the pair, at most half full.
  private let merges: [Merge]
  private let byteSymbols: [Int32?]
  private let splitsBytes: Bool
  private(set) var ignoresMerges: Bool
  private let takesLineFeedsWhole: Bool
  let table: TokenTable
  private let unknown: Int32?
  private let fallback: Fallback

  /// `list` holds the merges, best first, with the bytes of both parts. Where `splitsBytes`, words
  /// start as single bytes, else as characters with single bytes to fall back on. A word that is a
  /// token is taken whole where `ignoresMerges`, and a run of line feeds where
  /// `takesLineFeedsWhole`.
  init(
    table: TokenTable, merges list: MergeList, splitsBytes: Bool, ignoresMerges: Bool,
    takesLineFeedsWhole: Bool = false, unknown: Int32?, fallback: Fallback = .bytes
  ) {
    self.table = table
    self.splitsBytes = splitsBytes
    self.ignoresMerges = ignoresMerges
    self.takesLineFeedsWhole = takesLineFeedsWhole
    self.unknown = unknown
    self.fallback = fallback
    byteSymbols = (UInt8.min...UInt8.max).map { table.id(CollectionOfOne($0)) }
    var symbols = table.index
    var capacity = 16
    while capacity < 2 * list.count { capacity *= 2 }
    var merges = [Merge](repeating: Merge(), count: capacity)
    for rank in 0..<list.count {
      let (pair, result) = list.withParts(rank) { left, right, both in
        (
          Self.pair(Int32(symbols.findOrAdd(left)), Int32(symbols.findOrAdd(right))),
          Int32(symbols.findOrAdd(both))
        )
      }
      let slot = Self.slot(of: pair, in: merges)
      if merges[slot].rank < 0 {
        merges[slot] = Merge(pair: pair, rank: Int32(rank), result: result)
      }
    }
    self.symbols = symbols
    self.merges = merges
    guard !splitsBytes, !ignoresMerges else {
      cuts = nil
      return
    }
    cuts = WordCuts(
      symbols.strings, joinsUnknown: Self.joinsUnknown(fallback, table, unknown: unknown))
  }

  /// Whether an unknown token may stand for more than one character, or behind the byte tokens of the
  /// characters after it: what is unknown may then not be cut off from its neighbours.
  private static func joinsUnknown(
    _ fallback: Fallback, _ table: TokenTable, unknown: Int32?
  ) -> Bool {
    guard case .character(let usesBytes, let fuses) = fallback, unknown != nil else { return false }
    if usesBytes { return table.byteTokens.contains(nil) }
    return fuses
  }

  @inline(__always)
  private static func pair(_ left: Int32, _ right: Int32) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  /// The place of a pair's merge, or the free one where it would stand.
  @inline(__always)
  private static func slot(of pair: UInt64, in merges: [Merge]) -> Int {
    let mask = merges.count - 1
    var slot = Int(truncatingIfNeeded: ByteHash.of(pair)) & mask
    while merges[slot].rank >= 0, merges[slot].pair != pair { slot = (slot + 1) & mask }
    return slot
  }

  /// Bytes that a byte-level vocabulary lacks, where no unknown token stands for them.
  var bytesLeftOut: [UInt8] {
    guard splitsBytes, unknown == nil else { return [] }
    return (UInt8.min...UInt8.max).filter {
      byteSymbols[Int($0)] == nil && table.byteTokens[Int($0)] == nil
    }
  }

  /// Whether some character has no symbol: of all characters some always has none.
  var mayMeetUnknown: Bool { !splitsBytes || (unknown != nil && byteSymbols.contains(nil)) }

  func wholeToken(_ word: UnsafeBufferPointer<UInt8>) -> Int32? {
    ignoresMerges || (takesLineFeedsWhole && word.allSatisfy { $0 == 0x0A })
      ? table.id(word) : nil
  }

  /// Whether each normal token is what merges make of its bytes, so that it is the same to take
  /// words whole.
  var mergesMakeEveryToken: Bool {
    var plain = self
    plain.ignoresMerges = false
    var merger = PairMerger()
    var ids: [Int32] = []
    for id in table.kinds.indices where table.kinds[id] == .normal {
      ids.removeAll(keepingCapacity: true)
      let isMade = Array(table.bytes[id]).withUnsafeBufferPointer { bytes in
        (try? merger.encode(bytes, by: plain, to: &ids)) != nil
      }
      guard isMade, ids.count == 1 else { return false }
    }
    return true
  }

  /// A byte without a symbol is -1 - byte.
  func start(_ word: UnsafeBufferPointer<UInt8>, symbols list: inout [Symbol]) {
    var index = 0
    // Unknown characters whose symbol is still to be added.
    var waiting: Symbol?
    while index < word.count {
      let end = splitsBytes ? index + 1 : min(index + Characters.length(word[index]), word.count)
      let known =
        splitsBytes
        ? byteSymbols[Int(word[index])]
        : symbols.find(UnsafeBufferPointer(rebasing: word[index..<end])).map { Int32($0) }
      if let known {
        if let symbol = waiting {
          list.append(symbol)
          waiting = nil
        }
        list.append(Symbol(id: known, start: Int32(index), end: Int32(end)))
      } else {
        addUnknown(index..<end, of: word, waiting: &waiting, to: &list)
      }
      index = end
    }
    if let symbol = waiting { list.append(symbol) }
  }

  /// Appends what stands for a character without a symbol.
  /// - Parameters:
  ///   - range: its bytes.
  ///   - word: the bytes it stands in.
  ///   - waiting: the unknown characters before it; the `tokenizers` library puts them behind byte
  ///     tokens that follow.
  ///   - list: the word's symbols so far.
  private func addUnknown(
    _ range: Range<Int>, of word: UnsafeBufferPointer<UInt8>, waiting: inout Symbol?,
    to list: inout [Symbol]
  ) {
    var usesBytes = true
    if case .character(let falls, let fuses) = fallback {
      usesBytes = falls && range.allSatisfy { table.byteTokens[Int(word[$0])] != nil }
      if !usesBytes, let unknown {
        if let symbol = waiting, !fuses { list.append(symbol) }
        let start = fuses ? waiting?.start : nil
        waiting = Symbol(
          id: unknown, start: start ?? Int32(range.lowerBound), end: Int32(range.upperBound))
        return
      }
    }
    for place in range {
      var id = -1 - Int32(word[place])
      // The library's byte tokens merge like others; llama.cpp's do not.
      if usesBytes, fallback != .bytes, let byte = table.byteTokens[Int(word[place])] { id = byte }
      list.append(Symbol(id: id, start: Int32(place), end: Int32(place + 1)))
    }
  }

  @inline(__always)
  func merge(
    _ left: Symbol, _ right: Symbol, in word: UnsafeBufferPointer<UInt8>
  ) -> (order: UInt32, id: Int32)? {
    guard left.id >= 0, right.id >= 0 else { return nil }
    let merge = merges[Self.slot(of: Self.pair(left.id, right.id), in: merges)]
    return merge.rank < 0 ? nil : (UInt32(merge.rank), merge.result)
  }

  /// A symbol that is not a token is spelled by single bytes.
  func append(
    _ symbol: Symbol, of word: UnsafeBufferPointer<UInt8>, to output: inout [Int32]
  ) throws(VocabularyError) {
    if symbol.id >= 0, symbol.id < Int32(table.count) {
      output.append(symbol.id)
      return
    }
    for byte in word[Int(symbol.start)..<Int(symbol.end)] {
      guard let id = table.byteTokens[Int(byte)] ?? byteSymbols[Int(byte)] ?? unknown else {
        // A byte-level vocabulary without some byte: the ecosystem's loader drops it.
        if splitsBytes { continue }
        throw .noToken(file: table.file, byte: byte)
      }
      output.append(id)
    }
  }
}

extension BytePairEncoder {
  /// The first place where the merges of another encoder are others; of equal merges in a list only
  /// the first counts.
  func mergeDifference(from other: BytePairEncoder) -> TokenizerDifference? {
    guard splitsBytes == other.splitsBytes else { return nil }
    let (own, others) = (orderedPairs, other.orderedPairs)
    let common = min(own.count, others.count)
    let differing = (0..<common).first { place in
      let (one, two) = (parts(of: own[place]), other.parts(of: others[place]))
      return !one.left.elementsEqual(two.left) || !one.right.elementsEqual(two.right)
    }
    let place = differing ?? common
    guard place < max(own.count, others.count) else { return nil }
    return .merge(
      place: place, first: place < own.count ? shown(own[place]) : nil,
      second: place < others.count ? other.shown(others[place]) : nil)
  }

  /// The pairs that merge, best first.
  private var orderedPairs: [UInt64] {
    merges.filter { $0.rank >= 0 }.sorted { $0.rank < $1.rank }.map { $0.pair }
  }

  /// The bytes of both parts of a pair.
  private func parts(of pair: UInt64) -> (left: ArraySlice<UInt8>, right: ArraySlice<UInt8>) {
    (symbols.strings[Int(pair >> 32)], symbols.strings[Int(pair & 0xFFFF_FFFF)])
  }

  private func shown(_ pair: UInt64) -> TokenizerDifference.MergedPair {
    let (left, right) = parts(of: pair)
    return .init(
      left: String(decoding: left, as: UTF8.self), right: String(decoding: right, as: UTF8.self))
  }
}

/// Bytes as characters of UTF-8, whether valid or not.
enum Characters {
  /// Bytes of the character that begins with this byte; 1 for a byte that begins none.
  static func length(_ first: UInt8) -> Int {
    switch first {
    case 0xC0...0xDF: 2
    case 0xE0...0xEF: 3
    case 0xF0...0xF7: 4
    default: 1
    }
  }
}
