/// Places where a text may be cut before any merge, because no string of the vocabulary reaches
/// across: merges on the two sides then never meet.
///
/// Without a pre-tokenizer a whole text is one word; so it falls into many, mostly before spaces.
struct WordCuts: Sendable {
  /// Whether a vocabulary string has a character of one class before one of another. A class is the
  /// character's last or first byte, and one more for U+2581, whose bytes begin or end others too.
  private var joined: [Bool]
  private static let classes = 257
  private static let space: [UInt8] = [0xE2, 0x96, 0x81]

  /// - Parameters:
  ///   - strings: all that merges can make.
  ///   - joinsUnknown: characters that are none of `strings` are not cut from each other.
  init(_ strings: ByteStrings, joinsUnknown: Bool = false) {
    joined = [Bool](repeating: false, count: Self.classes * Self.classes)
    strings.bytes.withUnsafeBufferPointer { bytes in
      for number in strings.indices {
        let string = UnsafeBufferPointer(rebasing: bytes[strings.range(of: number)])
        Self.forEachBoundary(of: string) { _, pair in joined[pair] = true }
      }
    }
    if joinsUnknown { joinUnknown(strings) }
  }

  /// Joins classes of which neither holds known characters alone: those do that hold one character.
  private mutating func joinUnknown(_ strings: ByteStrings) {
    var isKnown = [Bool](repeating: false, count: Self.classes)
    for number in strings.indices {
      let string = strings[number]
      if string.count == 1, let byte = string.first, byte < 0x80 { isKnown[Int(byte)] = true }
      if string.elementsEqual(Self.space) { isKnown[256] = true }
    }
    let unknown = isKnown.indices.filter { !isKnown[$0] }
    for last in unknown {
      for first in unknown { joined[last * Self.classes + first] = true }
    }
  }

  /// Appends the parts of a word.
  func split(
    _ bytes: UnsafeBufferPointer<UInt8>, _ word: Range<Int>, to pieces: inout [Range<Int>]
  ) {
    var start = word.lowerBound
    Self.forEachBoundary(of: UnsafeBufferPointer(rebasing: bytes[word])) { offset, pair in
      guard !joined[pair] else { return }
      pieces.append(start..<(word.lowerBound + offset))
      start = word.lowerBound + offset
    }
    if start < word.upperBound { pieces.append(start..<word.upperBound) }
  }

  /// Calls `body` with every place between two characters, and with their classes as one number.
  @inline(__always)
  private static func forEachBoundary(
    of string: UnsafeBufferPointer<UInt8>, _ body: (_ offset: Int, _ pair: Int) -> Void
  ) {
    var index = 0
    var last: Int?
    while index < string.count {
      let first = string[index]
      let end = min(index + Characters.length(first), string.count)
      let isSpace =
        first == space[0] && end - index == 3 && string[index + 1] == space[1]
        && string[index + 2] == space[2]
      if let last { body(index, last * classes + (isSpace ? 256 : Int(first))) }
      last = isSpace ? 256 : Int(string[end - 1])
      index = end
    }
  }
}
