/// Where sentences and words end in a text of any script.
struct SentenceEnds {
  /// What a place between two tokens is.
  enum Place: Sendable {
    /// In the middle of a character.
    case inCharacter
    case inWord
    /// White space is before or after it.
    case word
    /// A sentence or a line ends before it.
    case sentence
  }

  /// Marks that end a sentence where white space follows: "3.14" has none.
  private static let marks: Set<Unicode.Scalar> = [".", "!", "?", "\u{2026}"]
  /// Marks that end a sentence whatever follows.
  private static let certainMarks: Set<Unicode.Scalar> = [
    "\u{3002}", "\u{FF01}", "\u{FF1F}", "\u{FF0E}", "\u{FF61}",  // East Asia
    "\u{061F}", "\u{06D4}",  // Arabic, Urdu
    "\u{0964}", "\u{0965}",  // India
    "\u{0589}", "\u{1362}", "\u{1367}",  // Armenian, Ethiopic
    "\u{104A}", "\u{104B}", "\u{17D4}", "\u{17D5}",  // Burmese, Khmer
    "\u{203C}", "\u{2047}", "\u{2048}", "\u{2049}",  // two marks as one
  ]
  /// What may stand between a mark and the end of its sentence.
  private static let closing: Set<Unicode.Scalar> = [
    "\"", "'", ")", "]", "\u{201D}", "\u{2019}", "\u{00BB}", "\u{203A}", "\u{300D}", "\u{300F}",
    "\u{FF09}", "\u{3011}", "\u{300B}", "\u{3009}",
  ]
  /// Of these no more than so many.
  private static let mostClosing = 3

  let text: [UInt8]

  /// What the place after so many bytes is; the text's beginning and end are those of sentences.
  func place(_ offset: Int) -> Place {
    guard offset > 0, offset < text.count else { return .sentence }
    guard text[offset] & 0xC0 != 0x80 else { return .inCharacter }
    if endsSentence(offset) { return .sentence }
    return Self.isSpace(text[offset]) || Self.isSpace(text[offset - 1]) ? .word : .inWord
  }

  static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

  private func endsSentence(_ offset: Int) -> Bool {
    if text[offset - 1] == UInt8(ascii: "\n") { return true }
    // Most tokens end in a letter.
    guard text[offset - 1] >= 0x80 || !Self.isLetter(text[offset - 1]) else { return false }
    let next = scalar(at: offset)
    guard !Self.closing.contains(next), !Self.isMark(next) else { return false }
    var end = offset
    for _ in 0...Self.mostClosing {
      let (last, start) = scalar(before: end)
      if Self.certainMarks.contains(last) { return true }
      if Self.marks.contains(last) {
        // Chinese has "……" without a space.
        return next.properties.isWhitespace || last == "\u{2026}" && next.value >= 0x2E80
      }
      guard Self.closing.contains(last), start > 0 else { return false }
      end = start
    }
    return false
  }

  private static func isMark(_ scalar: Unicode.Scalar) -> Bool {
    marks.contains(scalar) || certainMarks.contains(scalar)
  }

  private static func isLetter(_ byte: UInt8) -> Bool {
    (0x61...0x7A).contains(byte) || (0x41...0x5A).contains(byte)
  }

  private func scalar(at offset: Int) -> Unicode.Scalar {
    Self.scalar(text[offset..<min(offset + 4, text.count)])
  }

  /// The last character before a place, and where it begins.
  private func scalar(before offset: Int) -> (Unicode.Scalar, start: Int) {
    var start = offset - 1
    while start > 0, offset - start < 4, text[start] & 0xC0 == 0x80 { start -= 1 }
    return (Self.scalar(text[start..<offset]), start)
  }

  /// The first character; U+FFFD for bytes that are none.
  private static func scalar(_ bytes: ArraySlice<UInt8>) -> Unicode.Scalar {
    String(decoding: bytes, as: UTF8.self).unicodeScalars.first ?? "\u{FFFD}"
  }
}
