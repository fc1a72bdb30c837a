/// Tokens that are found in a text before anything else: control and user-defined ones.
struct SpecialTokens: Sendable {
  struct Entry: Sendable {
    let id: Int32
    let bytes: [UInt8]
    let isControl: Bool
    /// White space before or after the token belongs to it.
    let stripsLeft: Bool
    let stripsRight: Bool
  }

  /// A part of a text: a token, or bytes to encode.
  enum Fragment: Equatable {
    case token(Int32)
    case text(Range<Int>)
  }

  /// Entries by their first byte, longest first.
  private var entries = [[Entry]](repeating: [], count: 256)

  init(_ all: [Entry]) {
    for entry in all where !entry.bytes.isEmpty { entries[Int(entry.bytes[0])].append(entry) }
    for byte in 0..<256 { entries[byte].sort { $0.bytes.count > $1.bytes.count } }
  }

  /// Cuts a text at its special tokens, the leftmost and longest first; user-defined tokens always
  /// count, control tokens where `includesControl` says so.
  func partition(_ text: [UInt8], includesControl: Bool) -> [Fragment] {
    var fragments: [Fragment] = []
    var start = 0
    var index = 0
    let begins = entries.map { !$0.isEmpty }
    while index < text.count {
      guard begins[Int(text[index])],
        let entry = entries[Int(text[index])].first(where: { entry in
          (includesControl || !entry.isControl) && text.count - index >= entry.bytes.count
            && text[index..<(index + entry.bytes.count)].elementsEqual(entry.bytes)
        })
      else {
        index += 1
        continue
      }
      var end = index
      if entry.stripsLeft { while end > start, Self.isSpace(text[end - 1]) { end -= 1 } }
      if end > start { fragments.append(.text(start..<end)) }
      fragments.append(.token(entry.id))
      index += entry.bytes.count
      if entry.stripsRight { while index < text.count, Self.isSpace(text[index]) { index += 1 } }
      start = index
    }
    if start < text.count { fragments.append(.text(start..<text.count)) }
    return fragments
  }

  private static func isSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || (0x09...0x0D).contains(byte)
  }
}
