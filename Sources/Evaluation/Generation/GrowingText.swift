import Vocabulary

/// The text of a sequence that grows token by token. Control tokens are not part of it, but may be
/// what a text that ends it is made of.
struct GrowingText {
  private let tokenizer: Tokenizer
  /// Texts that end it: what stands before the first of them is kept.
  private let stops: [[UInt8]]
  /// The bytes of all tokens, and of those that are shown.
  private var all: [UInt8] = []
  private var shown: [UInt8] = []
  /// Whether one of the texts that end it has come.
  private(set) var isStopped = false

  init(_ tokenizer: Tokenizer, stops: [String]) {
    self.tokenizer = tokenizer
    self.stops = stops.filter { !$0.isEmpty }.map { Array($0.utf8) }
  }

  mutating func append(_ token: Int32) {
    let (allBefore, shownBefore) = (all.count, shown.count)
    all += tokenizer.decode([token])
    shown += tokenizer.decode([token], includesControl: false)
    isStopped =
      isStopped
      || stops.contains { stop in
        // It may have begun in the tokens before.
        all[max(allBefore - stop.count + 1, 0)...].firstRange(of: stop) != nil
          || shown[max(shownBefore - stop.count + 1, 0)...].firstRange(of: stop) != nil
      }
  }

  /// The text so far: for each text that ends it, in their order, only what stands before.
  var bytes: ArraySlice<UInt8> {
    var text = shown[...]
    for stop in stops {
      if let range = text.firstRange(of: stop) { text = text[..<range.lowerBound] }
    }
    return text
  }

  /// How many bytes of the text stay as they are, whatever comes: what could begin a text that ends it is
  /// left out, and the first bytes of a character.
  var certainCount: Int {
    let text = bytes
    var count = text.count
    for stop in stops {
      let longest = min(stop.count - 1, text.count)
      for length in stride(from: longest, to: 0, by: -1)
      where text.suffix(length).elementsEqual(stop.prefix(length)) {
        count = min(count, text.count - length)
        break
      }
    }
    return count - Self.unfinished(text.prefix(count))
  }

  /// Bytes at the end of a text that begin a UTF-8 character and do not end it.
  private static func unfinished(_ text: ArraySlice<UInt8>) -> Int {
    for (place, byte) in text.suffix(3).reversed().enumerated() where byte & 0xC0 != 0x80 {
      let length = byte < 0xC0 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : byte < 0xF8 ? 4 : 1
      return place + 1 < length ? place + 1 : 0
    }
    return 0
  }
}
