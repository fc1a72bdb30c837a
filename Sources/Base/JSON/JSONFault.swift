/// What is wrong with JSON text (RFC 8259).
public enum JSONFault: Fault {
  /// The text ends inside a value, or holds none.
  case unexpectedEnd
  /// A character cannot stand where it stands.
  case unexpectedCharacter(found: UInt8, expected: String)
  /// Bytes follow the value.
  case trailingBytes(count: Int)
  /// Objects and arrays are nested deeper than the limit.
  case nestedTooDeep(limit: Int)
  /// The values would take more memory than this, in bytes, once they are read.
  case tooManyValues(memory: Int)
  /// An object has the same key twice.
  case duplicateKey
  /// A number is not written as JSON writes numbers.
  case malformedNumber
  /// An integer fits neither 64 bits with sign nor without.
  case integerTooLarge(digits: String)
  /// A number with fraction or exponent is too large for 64 bits.
  case numberTooLarge(digits: String)
  /// A string holds a control character that must be escaped.
  case controlCharacter(found: UInt8)
  /// A string holds an escape sequence that JSON does not have.
  case malformedEscape
  /// A string holds one half of a surrogate pair.
  case loneSurrogate
  /// The text is not UTF-8.
  case invalidUTF8
  /// An object's key holds a NUL character.
  case keyWithNUL
  /// The JSON library refused what the program's own check had passed.
  case refusedByLibrary(reason: String)

  /// What is wrong, in one line.
  public var summary: String {
    switch self {
    case .unexpectedEnd: "the JSON text ends inside a value"
    case .unexpectedCharacter(let found, let expected):
      "malformed JSON: expected \(expected), found \(Self.show(found))"
    case .trailingBytes(let count): "\(count) bytes follow the JSON value"
    case .nestedTooDeep(let limit): "JSON nested more than \(limit) deep"
    case .tooManyValues(let memory):
      "too many values in the JSON text: expected at most what takes \(memory >> 20) MiB of memory"
    case .duplicateKey: "a JSON object has the same key twice"
    case .malformedNumber: "malformed number in JSON"
    case .integerTooLarge(let digits): "integer \(quoted(digits)) in JSON does not fit 64 bits"
    case .numberTooLarge(let digits): "number \(quoted(digits)) in JSON is not finite"
    case .controlCharacter(let found):
      "unescaped control character \(Self.show(found)) in a JSON string"
    case .malformedEscape: "malformed escape sequence in a JSON string"
    case .loneSurrogate: "half of a surrogate pair in a JSON string"
    case .invalidUTF8: "JSON text is not valid UTF-8"
    case .keyWithNUL: "a JSON key holds a NUL character"
    case .refusedByLibrary(let reason): "malformed JSON: \(reason)"
    }
  }

  private static func show(_ byte: UInt8) -> String {
    (0x20..<0x7F).contains(byte)
      ? "'\(Character(Unicode.Scalar(byte)))'" : "byte 0x" + String(byte, radix: 16)
  }
}

extension FileError {
  /// What is wrong, where a text holds more values than are read; nil for every other fault.
  package var tooManyValues: String? {
    if case .tooManyValues? = fault as? JSONFault { summary } else { nil }
  }
}
