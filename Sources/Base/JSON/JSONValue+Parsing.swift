import CJSON
import OrderedCollections

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
  /// - Returns: the value.
  /// - Throws: `FileError.json`, or `InputFault.tooLargeForMemory`.
  public static func parse(
    _ bytes: UnsafeRawBufferPointer, file: String, at start: Int = 0,
    wideIntegers: WideIntegers = .number
  ) throws(FileError) -> JSONValue {
    guard bytes.count <= byteLimit else {
      throw .input(.tooLargeForMemory(bytes: bytes.count, limit: byteLimit), file: file)
    }
    var scanner = JSONScanner(wideIntegers: wideIntegers)
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
        try JSONLibrary.parse(bytes, file: file)
      }
    }
    return try JSONLibrary.parse(bytes, file: file)
  }

  /// Parses one JSON value that fills the UTF-8 text `bytes`; errors name `file`.
  public static func parse(
    _ bytes: [UInt8], file: String, wideIntegers: WideIntegers = .number
  ) throws(FileError) -> JSONValue {
    try bytes.span.bytes.withUnsafeBytes { (bytes) throws(FileError) in
      try parse(bytes, file: file, wideIntegers: wideIntegers)
    }
  }

  /// Parses one JSON value that fills the UTF-8 text `bytes`; errors name `file`.
  public static func parse(
    _ bytes: RawSpan, file: String, wideIntegers: WideIntegers = .number
  ) throws(FileError) -> JSONValue {
    try bytes.withUnsafeBytes { (bytes) throws(FileError) in
      try parse(bytes, file: file, wideIntegers: wideIntegers)
    }
  }

  /// Parses a file that holds one JSON value.
  public static func read(
    contentsOf path: String, wideIntegers: WideIntegers = .number
  ) throws(FileError) -> JSONValue {
    try read(MappedFile.open(path), wideIntegers: wideIntegers)
  }

  /// Parses a mapped file that holds one JSON value.
  package static func read(
    _ file: MappedFile, wideIntegers: WideIntegers = .number
  ) throws(FileError) -> JSONValue {
    try file.withBytes(0..<file.size) { (bytes) throws(FileError) in
      try parse(bytes, file: file.path, wideIntegers: wideIntegers)
    }
  }
}

/// json-c, called on text that `JSONScanner` has passed.
private enum JSONLibrary {
  static func parse(
    _ bytes: UnsafeRawBufferPointer, file: String
  ) throws(FileError) -> JSONValue {
    // The library counts a scalar as one level.
    guard let tokener = json_tokener_new_ex(Int32(JSONValue.depthLimit + 1)) else {
      throw .json(.refusedByLibrary(reason: "out of memory"), file: file, place: .whole)
    }
    defer { json_tokener_free(tokener) }
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT)
    var root = json_tokener_parse_ex(
      tokener, bytes.bindMemory(to: CChar.self).baseAddress, Int32(bytes.count))
    if json_tokener_get_error(tokener) == json_tokener_continue {
      // A number at the end might go on: the NUL of an empty string ends it.
      root = json_tokener_parse_ex(tokener, "", -1)
    }
    defer { json_object_put(root) }
    let status = json_tokener_get_error(tokener)
    guard status == json_tokener_success else {
      throw .json(
        .refusedByLibrary(reason: String(cString: json_tokener_error_desc(status))),
        file: file, place: .byte(Int(json_tokener_get_parse_end(tokener))))
    }
    return value(root)
  }

  private static func value(_ node: OpaquePointer?) -> JSONValue {
    switch json_object_get_type(node) {
    case json_type_boolean: return .bool(json_object_get_boolean(node) != 0)
    case json_type_double: return .number(json_object_get_double(node))
    case json_type_int:
      let signed = json_object_get_int64(node)
      guard signed == .max else { return .integer(signed) }
      let unsigned = json_object_get_uint64(node)
      return unsigned > UInt64(Int64.max) ? .unsigned(unsigned) : .integer(signed)
    case json_type_string:
      let text = UnsafeRawBufferPointer(
        start: json_object_get_string(node), count: Int(json_object_get_string_len(node)))
      return .string(String(decoding: text, as: UTF8.self))
    case json_type_array:
      let count = json_object_array_length(node)
      return .array((0..<count).map { value(json_object_array_get_idx(node, $0)) })
    case json_type_object: return object(node)
    default: return .null
    }
  }

  private static func object(_ node: OpaquePointer?) -> JSONValue {
    var members = OrderedDictionary<String, JSONValue>()
    members.reserveCapacity(Int(json_object_object_length(node)))
    var equivalentKeys = false
    forEachMember(node) { key, child in
      if members.updateValue(value(child), forKey: key) != nil { equivalentKeys = true }
    }
    guard equivalentKeys else { return .object(members) }
    var list: [JSONMember] = []
    forEachMember(node) { list.append(JSONMember(key: $0, value: value($1))) }
    return .members(list)
  }

  private static func forEachMember(
    _ node: OpaquePointer?, _ body: (String, OpaquePointer?) -> Void
  ) {
    var position = json_object_iter_begin(node)
    var end = json_object_iter_end(node)
    while json_object_iter_equal(&position, &end) == 0 {
      if let key = json_object_iter_peek_name(&position) {
        body(String(cString: key), json_object_iter_peek_value(&position))
      }
      json_object_iter_next(&position)
    }
  }
}
