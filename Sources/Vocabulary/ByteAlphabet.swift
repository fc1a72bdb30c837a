/// GPT-2's spelling of bytes as printable characters, in which byte-level vocabularies are stored.
enum ByteAlphabet {
  /// The character of each byte: itself where it is printable Latin-1, else one from U+0100 on.
  static let characters: [Unicode.Scalar] = {
    var characters: [Unicode.Scalar] = []
    var next: UInt32 = 256
    for byte in UInt32(0)..<256 {
      let printable = (33...126).contains(byte) || (161...172).contains(byte) || byte >= 174
      let value = printable ? byte : next
      if !printable { next += 1 }
      characters.append(Unicode.Scalar(value) ?? " ")
    }
    return characters
  }()

  /// The byte of each character up to the last one of the alphabet; 256 for characters outside it.
  private static let bytes: [UInt16] = {
    var bytes = [UInt16](repeating: 256, count: 0x800)
    for (byte, character) in characters.enumerated() { bytes[Int(character.value)] = UInt16(byte) }
    return bytes
  }()

  /// Appends the bytes that a token's text, in UTF-8, stands for.
  /// - Returns: false, with nothing appended, where the text holds another character.
  static func decode(_ text: some Collection<UInt8>, to result: inout [UInt8]) -> Bool {
    let start = result.count
    let isComplete = bytes.withUnsafeBufferPointer { bytes in
      var lead: UInt8?
      for unit in text {
        let character: Int
        if let first = lead {
          guard unit & 0xC0 == 0x80 else { return false }
          character = Int(first & 0x1F) << 6 | Int(unit & 0x3F)
          // The shortest form alone is UTF-8.
          guard character >= 0x80 else { return false }
          lead = nil
        } else if unit & 0xE0 == 0xC0 {
          lead = unit
          continue
        } else {
          character = Int(unit)
          guard character < 0x80 else { return false }
        }
        guard bytes[character] < 256 else { return false }
        result.append(UInt8(bytes[character]))
      }
      return lead == nil
    }
    if !isComplete { result.removeLast(result.count - start) }
    return isComplete
  }

  /// The bytes that normal tokens of a byte-level vocabulary stand for; the others are plain text.
  static func decoded(_ texts: ByteStrings, _ kinds: [TokenKind]) -> ByteStrings {
    var result = ByteStrings()
    result.reserveCapacity(count: texts.count, bytes: texts.bytes.count)
    var bytes: [UInt8] = []
    for (text, kind) in zip(texts, kinds) {
      bytes.removeAll(keepingCapacity: true)
      if kind == .normal, decode(text, to: &bytes) {
        result.append(bytes)
      } else {
        result.append(text)
      }
    }
    return result
  }

  static func encode(_ bytes: some Sequence<UInt8>) -> String {
    var text = String.UnicodeScalarView()
    for byte in bytes { text.append(characters[Int(byte)]) }
    return String(text)
  }
}
