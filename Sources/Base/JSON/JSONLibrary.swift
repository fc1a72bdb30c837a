import CJSON
import OrderedCollections

/// json-c, called on text that `JSONScanner` has passed.
struct JSONLibrary: ~Copyable {
  private let file: String
  private let tokener: UnsafeMutablePointer<json_tokener>

  /// - Parameter file: the file that errors name.
  /// - Throws: `InputFault.outOfMemory`.
  init(file: String) throws(FileError) {
    // The library counts a scalar as one level.
    guard let tokener = json_tokener_new_ex(Int32(JSONValue.depthLimit + 1)) else {
      throw .input(.outOfMemory, file: file)
    }
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT)
    self.file = file
    self.tokener = tokener
  }

  deinit { json_tokener_free(tokener) }

  /// Reads a text.
  /// - Parameters:
  ///   - bytes: the text.
  ///   - values: how many values it has that are not null; the library leaves out what it finds no
  ///     memory for.
  /// - Returns: its value.
  /// - Throws: the library's refusal, and `InputFault.outOfMemory` for values that it left out.
  func parse(_ bytes: UnsafeRawBufferPointer, values: Int) throws(FileError) -> JSONValue {
    json_tokener_reset(tokener)
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
    var found = 0
    let value = Self.value(root, &found)
    guard found == values else { throw .input(.outOfMemory, file: file) }
    return value
  }

  private static func value(_ node: OpaquePointer?, _ found: inout Int) -> JSONValue {
    if node != nil { found += 1 }
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
      var elements: [JSONValue] = []
      elements.reserveCapacity(count)
      for index in 0..<count {
        elements.append(value(json_object_array_get_idx(node, index), &found))
      }
      return .array(elements)
    case json_type_object: return object(node, &found)
    default: return .null
    }
  }

  private static func object(_ node: OpaquePointer?, _ found: inout Int) -> JSONValue {
    var members = OrderedDictionary<String, JSONValue>()
    members.reserveCapacity(Int(json_object_object_length(node)))
    var equivalentKeys = false
    forEachMember(node) { key, child in
      if members.updateValue(value(child, &found), forKey: key) != nil { equivalentKeys = true }
    }
    guard equivalentKeys else { return .object(members) }
    var list: [JSONMember] = []
    var again = 0
    forEachMember(node) { list.append(JSONMember(key: $0, value: value($1, &again))) }
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
