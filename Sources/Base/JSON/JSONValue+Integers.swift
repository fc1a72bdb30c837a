extension JSONValue {
  /// Why a text is not a list of numbers from 0 to 2^31 - 1.
  package enum IntegerListFault: Error, Equatable {
    case notAList
    /// The element of this index, from 0, is none.
    case element(Int)
  }

  /// A list of numbers from 0 to 2^31 - 1 that fills a text. There may be any number of them: each
  /// takes four bytes, and no value of JSON is made.
  ///
  /// - Returns: the numbers, or what keeps the text, which is JSON as far as it was looked at, from
  ///   being such a list.
  /// - Throws: `FileError.json` for a text that is not JSON, and `InputFault.tooLargeForMemory`.
  package static func integers(
    _ bytes: UnsafeRawBufferPointer, file: String
  ) throws(FileError) -> Result<[Int32], IntegerListFault> {
    guard bytes.count <= byteLimit else {
      throw .input(.tooLargeForMemory(bytes: bytes.count, limit: byteLimit), file: file)
    }
    var reader = IntegerListReader(bytes: bytes)
    guard let fault = reader.read() else { return .success(reader.numbers) }
    // A fault of the JSON text comes first.
    var scanner = JSONScanner(wideIntegers: .number, memory: memoryLimit)
    do {
      try scanner.check(bytes.bytes)
    } catch {
      if case .tooManyValues = error.fault { return .failure(fault) }
      throw .json(error.fault, file: file, place: error.place(from: 0))
    }
    return .failure(fault)
  }

  /// The same of bytes in an array.
  package static func integers(
    _ bytes: [UInt8], file: String
  ) throws(FileError) -> Result<[Int32], IntegerListFault> {
    try bytes.span.bytes.withUnsafeBytes { (bytes) throws(FileError) in
      try integers(bytes, file: file)
    }
  }
}

/// Reads JSON text that is a list of numbers from 0 to 2^31 - 1 and nothing else.
private struct IntegerListReader {
  private let bytes: UnsafeRawBufferPointer
  private var offset = 0
  private(set) var numbers: [Int32] = []

  init(bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  /// Nil where the whole text is such a list.
  mutating func read() -> JSONValue.IntegerListFault? {
    guard passes(UInt8(ascii: "[")) else { return .notAList }
    if !passes(UInt8(ascii: "]")) {
      repeat {
        guard let number = nextNumber() else { return .element(numbers.count) }
        numbers.append(number)
      } while passes(UInt8(ascii: ","))
      // What stands there goes on with the number, as a fraction does.
      guard passes(UInt8(ascii: "]")) else { return .element(numbers.count - 1) }
    }
    skipSpace()
    return offset == bytes.count ? nil : .notAList
  }

  /// Passes over a number; nil for any other value, and for a number out of range.
  private mutating func nextNumber() -> Int32? {
    skipSpace()
    // Minus zero is zero.
    let isNegative = passes(UInt8(ascii: "-"))
    let start = offset
    var value = 0
    while offset < bytes.count, bytes[offset] &- UInt8(ascii: "0") <= 9 {
      value = 10 * value + Int(bytes[offset] &- UInt8(ascii: "0"))
      guard value <= Int32.max else { return nil }
      offset += 1
    }
    guard offset > start, bytes[start] != UInt8(ascii: "0") || offset == start + 1,
      !isNegative || value == 0
    else { return nil }
    return Int32(value)
  }

  /// Passes over space and over this byte, where it comes next.
  private mutating func passes(_ byte: UInt8) -> Bool {
    skipSpace()
    guard offset < bytes.count, bytes[offset] == byte else { return false }
    offset += 1
    return true
  }

  private mutating func skipSpace() {
    while offset < bytes.count {
      let byte = bytes[offset]
      guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return }
      offset += 1
    }
  }
}
