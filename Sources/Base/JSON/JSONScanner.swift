/// A fault and the byte at which it stands.
struct JSONFailure: Error {
  let fault: JSONFault
  let offset: Int
  var key: String?

  func place(from start: Int) -> ErrorPlace {
    if let key { .key(key, byte: start + offset) } else { .byte(start + offset) }
  }
}

/// Checks that bytes are one JSON value as RFC 8259 has it, without building anything: nesting
/// within the limit, no key twice in an object, integers within 64 bits, finite numbers, UTF-8, and
/// no more values than memory is meant for.
struct JSONScanner {
  private enum Container {
    case array
    /// An object, by where its keys begin.
    case object(Int)
  }

  private let wideIntegers: JSONValue.WideIntegers
  private let memoryLimit: Int
  /// What the values so far will take, by `JSONMemory`.
  private var memory = 0
  /// Where the integers end that do not fit 64 bits, in ascending order.
  private(set) var wideIntegerEnds: [Int] = []
  /// Values that are not null, containers among them.
  private(set) var values = 0
  private var offset = 0
  private var stack: [Container] = []
  private var keys = OpenKeys()

  /// - Parameters:
  ///   - wideIntegers: what becomes of integers beyond 64 bits.
  ///   - memory: the most bytes of memory that the values may take, by `JSONMemory`.
  init(wideIntegers: JSONValue.WideIntegers, memory: Int) {
    self.wideIntegers = wideIntegers
    memoryLimit = memory
  }

  mutating func check(_ bytes: RawSpan) throws(JSONFailure) {
    repeat {
      try value(bytes)
    } while try afterValue(bytes)
    skipSpace(bytes)
    guard offset == bytes.byteCount else {
      throw failure(.trailingBytes(count: bytes.byteCount - offset))
    }
  }

  // MARK: - Structure

  /// A scalar, or the start of a container up to its first value; an empty container is passed.
  private mutating func value(_ bytes: RawSpan) throws(JSONFailure) {
    while true {
      skipSpace(bytes)
      guard let byte = bytes.byte(offset) else { throw failure(.unexpectedEnd) }
      switch byte {
      case UInt8(ascii: "{"):
        try push(.object(keys.count))
        skipSpace(bytes)
        if bytes.byte(offset) == UInt8(ascii: "}") {
          offset += 1
          stack.removeLast()
          return
        }
        try key(bytes)
      case UInt8(ascii: "["):
        try push(.array)
        skipSpace(bytes)
        if bytes.byte(offset) == UInt8(ascii: "]") {
          offset += 1
          stack.removeLast()
          return
        }
      case UInt8(ascii: "\""):
        values += 1
        let start = offset
        _ = try string(bytes)
        return try take(JSONMemory.string + JSONMemory.textByte * (offset - start), at: start)
      case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
        values += 1
        let start = offset
        try number(bytes)
        return try take(JSONMemory.number + offset - start, at: start)
      case UInt8(ascii: "t"):
        values += 1
        try take(JSONMemory.flag, at: offset)
        return try literal("true", bytes)
      case UInt8(ascii: "f"):
        values += 1
        try take(JSONMemory.flag, at: offset)
        return try literal("false", bytes)
      case UInt8(ascii: "n"):
        try take(JSONMemory.null, at: offset)
        return try literal("null", bytes)
      default: throw failure(.unexpectedCharacter(found: byte, expected: "a value"))
      }
    }
  }

  /// What follows a value: true if that is another value, false at the end of the outermost one.
  private mutating func afterValue(_ bytes: RawSpan) throws(JSONFailure) -> Bool {
    while let container = stack.last {
      skipSpace(bytes)
      guard let byte = bytes.byte(offset) else { throw failure(.unexpectedEnd) }
      switch (byte, container) {
      case (UInt8(ascii: ","), .array):
        offset += 1
        return true
      case (UInt8(ascii: ","), .object):
        offset += 1
        skipSpace(bytes)
        try key(bytes)
        return true
      case (UInt8(ascii: "]"), .array), (UInt8(ascii: "}"), .object):
        offset += 1
        stack.removeLast()
        if case .object(let first) = container { keys.close(from: first) }
      case (_, .array):
        throw failure(.unexpectedCharacter(found: byte, expected: "',' or ']'"))
      case (_, .object):
        throw failure(.unexpectedCharacter(found: byte, expected: "',' or '}'"))
      }
    }
    return false
  }

  private mutating func push(_ container: Container) throws(JSONFailure) {
    guard stack.count < JSONValue.depthLimit else {
      throw failure(.nestedTooDeep(limit: JSONValue.depthLimit))
    }
    switch container {
    case .array: try take(JSONMemory.array, at: offset)
    case .object: try take(JSONMemory.object, at: offset)
    }
    stack.append(container)
    values += 1
    offset += 1
  }

  /// Counts the memory of a value that stands at a place.
  private mutating func take(_ bytes: Int, at place: Int) throws(JSONFailure) {
    memory += bytes
    guard memory <= memoryLimit else {
      throw JSONFailure(fault: .tooManyValues(memory: memoryLimit), offset: place)
    }
  }

  /// A key and its colon.
  private mutating func key(_ bytes: RawSpan) throws(JSONFailure) {
    guard case .object(let first)? = stack.last else { return }
    try expect(UInt8(ascii: "\""), "a key", bytes, advance: false)
    let start = offset
    let escaped = try string(bytes)
    let range = (start + 1)..<(offset - 1)
    try take(JSONMemory.member + JSONMemory.textByte * range.count, at: start)
    // A NUL is a control character, which only an escape sequence can hold.
    guard !escaped || !Self.unescaped(bytes.array(range)).contains(0) else {
      throw JSONFailure(fault: .keyWithNUL, offset: start)
    }
    guard keys.insert(range, isEscaped: escaped, from: first, bytes) else {
      var content = bytes.array(range)
      if escaped { content = Self.unescaped(content) }
      throw JSONFailure(
        fault: .duplicateKey, offset: start, key: String(decoding: content, as: UTF8.self))
    }
    skipSpace(bytes)
    try expect(UInt8(ascii: ":"), "':'", bytes)
  }

  // MARK: - Scalars

  private mutating func literal(_ text: StaticString, _ bytes: RawSpan) throws(JSONFailure) {
    for index in 0..<text.utf8CodeUnitCount {
      try expect(text.utf8Start[index], "'\(text)'", bytes)
    }
  }

  private mutating func number(_ bytes: RawSpan) throws(JSONFailure) {
    let start = offset
    if bytes.byte(offset) == UInt8(ascii: "-") { offset += 1 }
    let leadingZero = bytes.byte(offset) == UInt8(ascii: "0")
    let integerDigits = digits(bytes)
    guard integerDigits > 0, !leadingZero || integerDigits == 1 else {
      throw JSONFailure(fault: .malformedNumber, offset: start)
    }
    var isInteger = true
    if bytes.byte(offset) == UInt8(ascii: ".") {
      offset += 1
      isInteger = false
      guard digits(bytes) > 0 else { throw JSONFailure(fault: .malformedNumber, offset: start) }
    }
    if let byte = bytes.byte(offset), byte | 0x20 == UInt8(ascii: "e") {
      offset += 1
      isInteger = false
      if let sign = bytes.byte(offset), sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") {
        offset += 1
      }
      guard digits(bytes) > 0 else { throw JSONFailure(fault: .malformedNumber, offset: start) }
    }
    // Up to 18 digits always fit, and without an exponent 18 digits are finite.
    if isInteger && integerDigits <= 18 { return }
    let text = bytes.text(start..<offset) ?? ""
    if isInteger {
      if Int64(text) != nil || UInt64(text) != nil { return }
      guard wideIntegers == .number else {
        throw JSONFailure(fault: .integerTooLarge(digits: text), offset: start)
      }
      wideIntegerEnds.append(offset)
    }
    guard let value = Double(text), value.isFinite else {
      throw JSONFailure(fault: .numberTooLarge(digits: text), offset: start)
    }
  }

  /// Passes over digits and counts them.
  private mutating func digits(_ bytes: RawSpan) -> Int {
    let start = offset
    while let byte = bytes.byte(offset), byte &- UInt8(ascii: "0") <= 9 { offset += 1 }
    return offset - start
  }

  /// Passes over a string with its quotes; true if it holds escape sequences.
  private mutating func string(_ bytes: RawSpan) throws(JSONFailure) -> Bool {
    offset += 1
    var escaped = false
    while let byte = bytes.byte(offset) {
      switch byte {
      case UInt8(ascii: "\""):
        offset += 1
        return escaped
      case UInt8(ascii: "\\"):
        escaped = true
        try escape(bytes)
      case 0..<0x20: throw failure(.controlCharacter(found: byte))
      case 0x20..<0x80: offset += 1
      default:
        guard let length = Self.sequenceLength(bytes, at: offset) else {
          throw failure(.invalidUTF8)
        }
        offset += length
      }
    }
    throw failure(.unexpectedEnd)
  }

  private mutating func escape(_ bytes: RawSpan) throws(JSONFailure) {
    let start = offset
    guard let letter = bytes.byte(offset + 1) else { throw failure(.unexpectedEnd) }
    switch letter {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"),
      UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
      offset += 2
    case UInt8(ascii: "u"):
      guard let unit = Self.hexadecimal(bytes, at: offset + 2) else {
        throw failure(.malformedEscape)
      }
      offset += 6
      switch unit {
      case 0xD800..<0xDC00:
        guard bytes.byte(offset) == UInt8(ascii: "\\"),
          bytes.byte(offset + 1) == UInt8(ascii: "u"),
          let low = Self.hexadecimal(bytes, at: offset + 2), (0xDC00..<0xE000).contains(low)
        else { throw JSONFailure(fault: .loneSurrogate, offset: start) }
        offset += 6
      case 0xDC00..<0xE000: throw JSONFailure(fault: .loneSurrogate, offset: start)
      default: break
      }
    default: throw failure(.malformedEscape)
    }
  }

  // MARK: - Bytes

  private mutating func skipSpace(_ bytes: RawSpan) {
    while let byte = bytes.byte(offset),
      byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
    { offset += 1 }
  }

  private mutating func expect(
    _ byte: UInt8, _ name: String, _ bytes: RawSpan, advance: Bool = true
  ) throws(JSONFailure) {
    guard let found = bytes.byte(offset) else { throw failure(.unexpectedEnd) }
    guard found == byte else {
      throw failure(.unexpectedCharacter(found: found, expected: name))
    }
    if advance { offset += 1 }
  }

  private func failure(_ fault: JSONFault) -> JSONFailure {
    JSONFailure(fault: fault, offset: offset)
  }
}
