extension JSONValue {
  /// What becomes of integers that fit 64 bits neither with sign nor without.
  public enum WideIntegers: Sendable {
    /// They are an error.
    case refused
    /// They become a `number`, which no reader of integers accepts. Configurations hold such
    /// numbers as "no limit" (`"model_max_length": 1000000000000000019884624838656`).
    case number
  }

  /// Objects and arrays may be nested this deep.
  public static let depthLimit = 512
  /// A larger text is not read: the library counts bytes in 32 bits.
  public static let byteLimit = 1 << 30
  /// The values of a text may take as much memory, in bytes, where nothing less is asked for. It is
  /// reckoned from the text before any of them is made: an empty object takes some 850 bytes, a
  /// number 130.
  public static let memoryLimit = 1 << 30

  /// Parses one JSON value that fills the text.
  ///
  /// The JSON library keeps the last of two equal keys, saturates integers and reads more than
  /// JSON, so `JSONScanner` checks the text first.
  ///
  /// - Parameters:
  ///   - bytes: UTF-8 text.
  ///   - file: the file that errors name.
  ///   - start: where in the file the text begins, for the byte offsets of errors.
  ///   - wideIntegers: what becomes of integers beyond 64 bits.
  ///   - memory: the most memory that the values may take, in bytes.
  /// - Returns: the value.
  /// - Throws: `FileError.json`, or `InputFault.tooLargeForMemory`.
  public static func parse(
    _ bytes: UnsafeRawBufferPointer, file: String, at start: Int = 0,
    wideIntegers: WideIntegers = .number, memory: Int = JSONValue.memoryLimit
  ) throws(FileError) -> JSONValue {
    guard bytes.count <= byteLimit else {
      throw .input(.tooLargeForMemory(bytes: bytes.count, limit: byteLimit), file: file)
    }
    var scanner = JSONScanner(wideIntegers: wideIntegers, memory: memory)
    do {
      try scanner.check(bytes.bytes)
    } catch {
      throw .json(error.fault, file: file, place: error.place(from: start))
    }
    guard scanner.wideIntegerEnds.isEmpty else {
      // An exponent makes the library read a double.
      var text = [UInt8]()
      var copied = 0
      for end in scanner.wideIntegerEnds {
        text.append(contentsOf: bytes[copied..<end])
        text.append(contentsOf: "e0".utf8)
        copied = end
      }
      text.append(contentsOf: bytes[copied...])
      return try text.span.bytes.withUnsafeBytes { (bytes) throws(FileError) in
        try JSONLibrary(file: file).parse(bytes, values: scanner.values)
      }
    }
    return try JSONLibrary(file: file).parse(bytes, values: scanner.values)
  }

  /// The members of an object that fills a text, one after another: never is more than one in memory.
  /// Integers beyond 64 bits are refused.
  ///
  /// - Parameters:
  ///   - bytes: UTF-8 text.
  ///   - file: the file that errors name.
  ///   - start: where in the file the text begins, for the byte offsets of errors.
  ///   - limit: the most bytes of the text of a member's value, by its key.
  ///   - memory: the most memory that a member's value may take, in bytes.
  ///   - body: gets each member; nil for its value where the text is longer than the limit, whose
  ///     length is given.
  /// - Returns: whether the text is an object.
  /// - Throws: as `parse` does, and what `body` throws.
  package static func forEachMember(
    of bytes: UnsafeRawBufferPointer, file: String, at start: Int, limit: (String) -> Int,
    memory: Int,
    _ body: (_ key: String, _ value: JSONValue?, _ length: Int) throws(FileError) -> Void
  ) throws(FileError) -> Bool {
    guard bytes.count <= byteLimit else {
      throw .input(.tooLargeForMemory(bytes: bytes.count, limit: byteLimit), file: file)
    }
    // Of all members together nothing is kept.
    var scanner = JSONScanner(wideIntegers: .refused, memory: .max)
    do {
      try scanner.check(bytes.bytes)
    } catch {
      throw .json(error.fault, file: file, place: error.place(from: start))
    }
    guard var members = JSONMembers(bytes) else { return false }
    let library = try JSONLibrary(file: file)
    while let (key, range) = members.next() {
      guard range.count <= limit(key) else {
        try body(key, nil, range.count)
        continue
      }
      let text = UnsafeRawBufferPointer(rebasing: bytes[range])
      var scanner = JSONScanner(wideIntegers: .refused, memory: memory)
      do {
        try scanner.check(text.bytes)
      } catch {
        throw .json(error.fault, file: file, place: error.place(from: start + range.lowerBound))
      }
      try body(key, try library.parse(text, values: scanner.values), range.count)
    }
    return true
  }

  /// Parses one JSON value that fills the UTF-8 text `bytes`; errors name `file`.
  public static func parse(
    _ bytes: [UInt8], file: String, wideIntegers: WideIntegers = .number,
    memory: Int = JSONValue.memoryLimit
  ) throws(FileError) -> JSONValue {
    try bytes.span.bytes.withUnsafeBytes { (bytes) throws(FileError) in
      try parse(bytes, file: file, wideIntegers: wideIntegers, memory: memory)
    }
  }

  /// Parses one JSON value that fills the UTF-8 text `bytes`; errors name `file`.
  public static func parse(
    _ bytes: RawSpan, file: String, wideIntegers: WideIntegers = .number,
    memory: Int = JSONValue.memoryLimit
  ) throws(FileError) -> JSONValue {
    try bytes.withUnsafeBytes { (bytes) throws(FileError) in
      try parse(bytes, file: file, wideIntegers: wideIntegers, memory: memory)
    }
  }

  /// Parses a file that holds one JSON value.
  public static func read(
    contentsOf path: String, wideIntegers: WideIntegers = .number,
    memory: Int = JSONValue.memoryLimit
  ) throws(FileError) -> JSONValue {
    try read(MappedFile.open(path), wideIntegers: wideIntegers, memory: memory)
  }

  /// Parses a mapped file that holds one JSON value.
  package static func read(
    _ file: MappedFile, wideIntegers: WideIntegers = .number, memory: Int = JSONValue.memoryLimit
  ) throws(FileError) -> JSONValue {
    try file.withBytes(0..<file.size) { (bytes) throws(FileError) in
      try parse(bytes, file: file.path, wideIntegers: wideIntegers, memory: memory)
    }
  }
}
