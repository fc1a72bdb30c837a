import Base
import Checkpoints
import OrderedCollections

/// The `general.*` keys of a GGUF file, carried through a Hugging Face folder: config.json keeps them
/// with their types in the `ropeconv` object, and a GGUF file made of the folder has them again.
package struct GeneralMetadata {
  /// The member of config.json's `ropeconv` object.
  package static let key = "gguf_general"

  private(set) var values: OrderedDictionary<String, MetadataValue> = [:]

  /// What says how a file is stored; a new file says its own.
  private static let ownOfAFile: Set<String> = [
    GeneralKey.architecture, GeneralKey.fileType, GeneralKey.quantizationVersion,
    GeneralKey.alignment,
  ]

  private static func isCarried(_ key: String) -> Bool {
    key.hasPrefix(GeneralKey.prefix) && !ownOfAFile.contains(key)
  }

  /// Those of a GGUF file.
  init(gguf metadata: OrderedDictionary<String, MetadataValue>) {
    for (key, value) in metadata where Self.isCarried(key) && Self.json(value) != nil {
      values[key] = value
    }
  }

  /// Those that a config.json keeps; what is malformed is left out.
  init(configuration: JSONValue?) {
    for member in configuration?[OwnKeys.object]?[Self.key]?.members ?? [] {
      guard Self.isCarried(member.key), member.key.utf8.count <= 256,
        member.key.utf8.allSatisfy({ $0 > 0 && $0 < 0x80 })
      else { continue }
      values[member.key] = Self.value(member.value)
    }
  }

  /// Key by key, an object with the type's name and the value.
  package func json() -> JSONValue {
    .object(values.compactMapValues(Self.json))
  }

  /// What a variant says of the model it was made of, whose metadata is `source`; nothing where
  /// that has no name, or names a model of its own.
  static func baseModel(
    of source: OrderedDictionary<String, MetadataValue>
  ) -> OrderedDictionary<String, MetadataValue> {
    guard source[GeneralKey.name]?.string != nil,
      !source.keys.contains(where: { $0.hasPrefix(GeneralKey.baseModelPrefix) })
    else { return [:] }
    var result: OrderedDictionary<String, MetadataValue> = [GeneralKey.baseModelCount: .uint32(1)]
    for key in GeneralKey.carriedToBaseModel {
      if let text = source[key]?.string { result[GeneralKey.baseModel(key)] = .string(text) }
    }
    return result
  }

  // MARK: - Types

  private static func json(_ value: MetadataValue) -> JSONValue? {
    func typed(_ type: MetadataType, _ value: JSONValue) -> JSONValue {
      ["type": .string("\(type)"), "value": value]
    }
    if let array = value.array {
      guard let elements = elements(array) else { return nil }
      return ["type": "array", "of": .string("\(array.elementType)"), "value": .array(elements)]
    }
    return scalar(value).map { typed(value.type, $0) }
  }

  /// Nil for a number that is not finite, which JSON has no way to write.
  private static func scalar(_ value: MetadataValue) -> JSONValue? {
    switch value {
    case .string(let text): .string(text)
    case .bool(let flag): .bool(flag)
    case .uint64(let number):
      number > UInt64(Int64.max) ? .unsigned(number) : .integer(Int64(number))
    case .float32(let number): number.isFinite ? .number(Double(number)) : nil
    case .float64(let number): number.isFinite ? .number(number) : nil
    default: value.int.map { .integer(Int64($0)) }
    }
  }

  /// Nil for arrays of arrays, strings that are not UTF-8, and truth values, which no key holds.
  private static func elements(_ array: MetadataArray) -> [JSONValue]? {
    if let texts = array.strings() { return texts.map { .string($0) } }
    if let numbers = array.ints() { return numbers.map { .integer(Int64($0)) } }
    guard let numbers = array.doubles(), numbers.allSatisfy(\.isFinite) else { return nil }
    return numbers.map { .number($0) }
  }

  private static func type(_ name: JSONValue?) -> MetadataType? {
    guard let name = name?.string else { return nil }
    return MetadataType.allCases.first { "\($0)" == name }
  }

  private static func value(_ json: JSONValue) -> MetadataValue? {
    guard let type = type(json["type"]), let stored = json["value"] else { return nil }
    guard type != .array else {
      guard let list = stored.array, let element = Self.type(json["of"]) else { return nil }
      return array(list, of: element).map { .array($0) }
    }
    return switch type {
    case .string: stored.string.map { .string($0) }
    case .bool: stored.bool.map { .bool($0) }
    case .uint8: integer(stored).map { .uint8($0) }
    case .int8: integer(stored).map { .int8($0) }
    case .uint16: integer(stored).map { .uint16($0) }
    case .int16: integer(stored).map { .int16($0) }
    case .uint32: integer(stored).map { .uint32($0) }
    case .int32: integer(stored).map { .int32($0) }
    case .uint64: integer(stored).map { .uint64($0) }
    case .int64: integer(stored).map { .int64($0) }
    case .float32: stored.double.map { .float32(Float($0)) }
    case .float64: stored.double.map { .float64($0) }
    case .array: nil
    }
  }

  private static func integer<Number: FixedWidthInteger>(_ json: JSONValue) -> Number? {
    switch json {
    case .integer(let value): Number(exactly: value)
    case .unsigned(let value): Number(exactly: value)
    default: nil
    }
  }

  private static func array(_ list: [JSONValue], of type: MetadataType) -> MetadataArray? {
    func all<Element>(_ convert: (JSONValue) -> Element?) -> [Element]? {
      let elements = list.compactMap(convert)
      return elements.count == list.count ? elements : nil
    }
    return switch type {
    case .string: all(\.string).map { .strings($0) }
    case .uint8: all(integer).map { MetadataArray.uint8($0) }
    case .int8: all(integer).map { MetadataArray.int8($0) }
    case .uint16: all(integer).map { MetadataArray.uint16($0) }
    case .int16: all(integer).map { MetadataArray.int16($0) }
    case .uint32: all(integer).map { MetadataArray.uint32($0) }
    case .int32: all(integer).map { MetadataArray.int32($0) }
    case .uint64: all(integer).map { MetadataArray.uint64($0) }
    case .int64: all(integer).map { MetadataArray.int64($0) }
    case .float32: all { $0.double.map { Float($0) } }.map { .floats($0) }
    case .float64: all(\.double).map { .doubles($0) }
    case .bool, .array: nil
    }
  }
}
