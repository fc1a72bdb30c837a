/// What happens to a text before it is encoded.
struct Normalizer: Sendable, Equatable {
  /// Which texts get a space in front.
  enum Prefix: Sendable {
    case noText
    /// The text's beginning alone.
    case firstText
    /// Every text between special tokens.
    case everyText
  }

  var prefix = Prefix.noText
  /// A space goes before only where none is there (Metaspace).
  var prefixesOnlyWithoutSpace = false
  /// Spaces become U+2581.
  var escapesSpaces = false
  /// Some text gets a space in front.
  var addsSpacePrefix: Bool {
    get { prefix != .noText }
    set { prefix = newValue ? .everyText : .noText }
  }
  /// Unicode normalization form C.
  var composes = false

  private static let escaped: [UInt8] = [0xE2, 0x96, 0x81]

  func apply(
    _ text: ArraySlice<UInt8>, followsSpecial: Bool, isFirst: Bool
  ) -> [UInt8] {
    var source = Array(text)
    if composes, let string = String(validating: source, as: UTF8.self) {
      source = Array(string.composed.utf8)
    }
    guard prefix != .noText || escapesSpaces else { return source }
    let startsWithSpace = source.first == 0x20 || source.starts(with: Self.escaped)
    let prefixes = prefix == .everyText ? followsSpecial : prefix == .firstText && isFirst
    if prefixes, !(prefixesOnlyWithoutSpace && startsWithSpace) {
      source.insert(0x20, at: 0)
    }
    guard escapesSpaces else { return source }
    let spaces = source.count { $0 == 0x20 }
    return [UInt8](unsafeUninitializedCapacity: source.count + 2 * spaces) { result, count in
      for byte in source {
        if byte == 0x20 {
          for escape in Self.escaped {
            result[count] = escape
            count += 1
          }
        } else {
          result[count] = byte
          count += 1
        }
      }
    }
  }

  static func unescape(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    var result: [UInt8] = []
    var index = bytes.startIndex
    while index < bytes.endIndex {
      if bytes[index] == escaped[0], bytes[index...].starts(with: escaped) {
        result.append(0x20)
        index += 3
      } else {
        result.append(bytes[index])
        index += 1
      }
    }
    return result
  }
}
