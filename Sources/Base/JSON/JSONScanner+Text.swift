/// UTF-8 sequences and escape sequences (RFC 3629, RFC 8259 section 7).
extension JSONScanner {
  /// Bytes of the UTF-8 sequence at an offset; nil if it is not one.
  static func sequenceLength(_ bytes: RawSpan, at offset: Int) -> Int? {
    guard let first = bytes.byte(offset) else { return nil }
    let length: Int
    // The second byte's range excludes overlong forms, surrogates and what is above U+10FFFF.
    let second: ClosedRange<UInt8>
    switch first {
    case 0xC2...0xDF: (length, second) = (2, 0x80...0xBF)
    case 0xE0: (length, second) = (3, 0xA0...0xBF)
    case 0xE1...0xEC, 0xEE...0xEF: (length, second) = (3, 0x80...0xBF)
    case 0xED: (length, second) = (3, 0x80...0x9F)
    case 0xF0: (length, second) = (4, 0x90...0xBF)
    case 0xF1...0xF3: (length, second) = (4, 0x80...0xBF)
    case 0xF4: (length, second) = (4, 0x80...0x8F)
    default: return nil
    }
    guard let next = bytes.byte(offset + 1), second.contains(next) else { return nil }
    for index in 2..<max(length, 2) {
      guard let byte = bytes.byte(offset + index), byte & 0xC0 == 0x80 else { return nil }
    }
    return length
  }

  /// Four hexadecimal digits; nil if they are not.
  static func hexadecimal(_ bytes: RawSpan, at offset: Int) -> UInt32? {
    var value: UInt32 = 0
    for index in 0..<4 {
      guard let byte = bytes.byte(offset + index), let digit = digit(byte) else { return nil }
      value = value << 4 | digit
    }
    return value
  }

  private static func digit(_ byte: UInt8) -> UInt32? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(byte - UInt8(ascii: "a") + 10)
    case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(byte - UInt8(ascii: "A") + 10)
    default: nil
    }
  }

  /// A checked string's content with its escape sequences resolved.
  static func unescaped(_ content: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(content.count)
    let span = content.span.bytes
    var index = 0
    while let byte = span.byte(index) {
      guard byte == UInt8(ascii: "\\"), let letter = span.byte(index + 1) else {
        result.append(byte)
        index += 1
        continue
      }
      index += 2
      switch letter {
      case UInt8(ascii: "b"): result.append(0x08)
      case UInt8(ascii: "f"): result.append(0x0C)
      case UInt8(ascii: "n"): result.append(0x0A)
      case UInt8(ascii: "r"): result.append(0x0D)
      case UInt8(ascii: "t"): result.append(0x09)
      case UInt8(ascii: "u"):
        var code = hexadecimal(span, at: index) ?? 0xFFFD
        index += 4
        if (0xD800..<0xDC00).contains(code), let low = hexadecimal(span, at: index + 2),
          (0xDC00..<0xE000).contains(low)
        {
          code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
          index += 6
        }
        let scalar = Unicode.Scalar(code) ?? "\u{FFFD}"
        result.append(contentsOf: Array(String(Character(scalar)).utf8))
      default: result.append(letter)
      }
    }
    return result
  }
}
