/// Tokens of words that were met before, for one thread and one text.
struct WordCache {
  private struct Entry {
    var hash: UInt64 = 0
    /// Where the word stands in the text; empty where the place is free.
    var start = 0
    var end = 0
    /// Where its tokens stand in `tokens`.
    var first = 0
    var last = 0
  }

  /// Beyond this many words no more are kept, so that memory does not grow with the text.
  private static let most = 1 << 18

  private var entries = [Entry](repeating: Entry(), count: 64)
  private var count = 0
  private var tokens: [Int32] = []

  /// Appends the tokens of a word, by `encode` where it is new.
  @inline(__always)
  mutating func encode<E: Error>(
    _ range: Range<Int>, of text: UnsafeBufferPointer<UInt8>, to output: inout [Int32],
    by encode: (UnsafeBufferPointer<UInt8>, inout [Int32]) throws(E) -> Void
  ) throws(E) {
    let word = UnsafeBufferPointer(rebasing: text[range])
    let hash = ByteHash.of(word)
    var slot = Int(truncatingIfNeeded: hash) & (entries.count - 1)
    while entries[slot].end > entries[slot].start {
      let entry = entries[slot]
      if entry.hash == hash, entry.end - entry.start == word.count,
        UnsafeBufferPointer(rebasing: text[entry.start..<entry.end]).hasBytes(of: word)
      {
        for index in entry.first..<entry.last { output.append(tokens[index]) }
        return
      }
      slot = (slot + 1) & (entries.count - 1)
    }
    let first = output.count
    try encode(word, &output)
    guard count < Self.most else { return }
    let entry = Entry(
      hash: hash, start: range.lowerBound, end: range.upperBound, first: tokens.count,
      last: tokens.count + output.count - first)
    tokens.append(contentsOf: output[first...])
    entries[slot] = entry
    count += 1
    if 2 * count > entries.count { grow() }
  }

  private mutating func grow() {
    let old = entries
    entries = [Entry](repeating: Entry(), count: 4 * old.count)
    for entry in old where entry.end > entry.start {
      var slot = Int(truncatingIfNeeded: entry.hash) & (entries.count - 1)
      while entries[slot].end > entries[slot].start { slot = (slot + 1) & (entries.count - 1) }
      entries[slot] = entry
    }
  }
}
