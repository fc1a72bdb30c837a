/// Where the members of an object stand in JSON text that `JSONScanner` has passed.
struct JSONMembers {
  private let bytes: UnsafeRawBufferPointer
  private var offset = 0

  /// Nil where the text is not an object.
  init?(_ bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
    skipSpace()
    guard byte == UInt8(ascii: "{") else { return nil }
    offset += 1
  }

  /// The next member's key and the place of its value; nil at the end.
  mutating func next() -> (key: String, value: Range<Int>)? {
    skipSpace()
    if byte == UInt8(ascii: ",") {
      offset += 1
      skipSpace()
    }
    guard byte == UInt8(ascii: "\"") else { return nil }
    let start = offset + 1
    skipString()
    let content = [UInt8](bytes[start..<max(offset - 1, start)])
    let key = String(decoding: JSONScanner.unescaped(content), as: UTF8.self)
    skipSpace()
    // The colon.
    offset += 1
    skipSpace()
    let value = offset
    skipValue()
    return (key, value..<min(offset, bytes.count))
  }

  private var byte: UInt8? { offset < bytes.count ? bytes[offset] : nil }

  private mutating func skipSpace() {
    while let byte, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { offset += 1 }
  }

  private mutating func skipString() {
    offset += 1
    while let byte, byte != UInt8(ascii: "\"") {
      offset += byte == UInt8(ascii: "\\") ? 2 : 1
    }
    offset += 1
  }

  /// Passes over a value: up to the comma or bracket that ends it.
  private mutating func skipValue() {
    var depth = 0
    while let byte {
      switch byte {
      case UInt8(ascii: "\""):
        skipString()
        continue
      case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        guard depth > 0 else { return }
        depth -= 1
      case UInt8(ascii: ",") where depth == 0: return
      default: break
      }
      offset += 1
    }
  }
}
