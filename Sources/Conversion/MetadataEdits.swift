import Base
import Checkpoints
import Models
import OrderedCollections

/// Keys that a user sets or removes in what is written: GGUF metadata or config.json.
package struct MetadataEdits: Sendable, Equatable {
  private var values: OrderedDictionary<String, String> = [:]
  private var removed: OrderedSet<String> = []

  /// Keys that decide how a file is read, which only the conversion itself may write.
  private static let reserved = [
    GeneralKey.architecture, GeneralKey.alignment, HuggingFaceConfiguration.Key.modelType.rawValue,
  ]
  private static let reservedPrefixes = [
    RotaryDeclaration.prefix, OwnKeys.prefix, GGUFKey.splitPrefix, "GGUF.",
  ]

  /// Nothing set, nothing removed.
  package static let none = MetadataEdits()

  private init() {}

  /// - Parameters:
  ///   - set: `key=value` each.
  ///   - remove: keys.
  /// - Throws: `ConversionError.setting` for a text without `=`, a key given twice or a reserved one.
  package init(set: [String], remove: [String]) throws(ConversionError) {
    for text in set {
      let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2, !parts[0].isEmpty else { throw .setting(.notKeyAndValue(text)) }
      try check(String(parts[0]))
      try Self.checkDepth(String(parts[0]), value: String(parts[1]))
      values[String(parts[0])] = String(parts[1])
    }
    for key in remove {
      try check(key)
      try Self.checkDepth(key)
      removed.append(key)
    }
  }

  /// Objects within objects that a key may name.
  private static let mostParts = 32

  /// Refuses what config.json could be written with and not be read again: names of too many objects
  /// within each other, and values that are too deep below them.
  private static func checkDepth(_ key: String, value: String? = nil) throws(ConversionError) {
    let parts = key.utf8.count { $0 == UInt8(ascii: ".") } + 1
    guard parts <= mostParts else {
      throw .setting(.keyTooDeep(parts: parts, limit: mostParts))
    }
    func isRead(_ text: String) -> Bool {
      (try? JSONValue.parse(Array(text.utf8), file: key)) != nil
    }
    guard let value, isRead(value) else { return }
    let below = String(repeating: "[", count: parts) + value + String(repeating: "]", count: parts)
    guard isRead(below) else { throw .setting(.valueTooDeep(key: key)) }
  }

  /// All keys, those to set first.
  var keys: [String] { Array(values.keys) + removed }

  /// The key in a file whose architecture, a variant perhaps, has another name.
  static func place(_ key: String, architecture name: String, written: String) -> String {
    key.hasPrefix("\(name).") ? written + key.dropFirst(name.count) : key
  }

  private func check(_ key: String) throws(ConversionError) {
    guard !Self.reserved.contains(key), key != RotaryDeclaration.object, key != OwnKeys.object,
      !Self.reservedPrefixes.contains(where: key.hasPrefix)
    else { throw .setting(.reservedKey(key)) }
    guard values[key] == nil, !removed.contains(key) else {
      throw .setting(.keyGivenTwice(key))
    }
  }

  /// Edits GGUF metadata. A key that is there keeps its type; a new one is a truth value, a whole
  /// number (uint32, or int64 where it does not fit), a number (float32) or else a text.
  /// - Parameters:
  ///   - metadata: what is edited.
  ///   - name: the architecture's, whose keys a variant has under a name of its own.
  /// - Throws: `ConversionError.setting` for a value that does not fit the key's type, or a key to
  ///   remove that is not there.
  func apply(
    to metadata: inout OrderedDictionary<String, MetadataValue>, architecture name: String
  ) throws(ConversionError) {
    let written = metadata[GeneralKey.architecture]?.string ?? name
    func place(_ key: String) -> String {
      Self.place(key, architecture: name, written: written)
    }
    for (key, text) in values {
      let key = place(key)
      let type = metadata[key]?.type ?? Self.type(of: text)
      guard let value = MetadataValue(text, as: type) else {
        throw .setting(.keyType(key: key, value: text, type: "\(type)"))
      }
      metadata[key] = value
    }
    for key in removed where metadata.removeValue(forKey: place(key)) == nil {
      throw Self.missing(key)
    }
  }

  /// Edits config.json: a value is JSON, or else a text; `a.b` is the member b of the object a. What
  /// states the rotation a second time is edited with it.
  /// - Parameters:
  ///   - configuration: what is edited.
  ///   - spellings: where the rotation is stated twice.
  /// - Returns: the edited one, and the keys that were edited besides those asked for.
  /// - Throws: `ConversionError.setting` for a key to remove that is not there, one that says nothing
  ///   because kinds of layers have objects of their own, or two that disagree.
  func apply(
    to configuration: JSONValue, spellings: RotarySpellings
  ) throws(ConversionError) -> (configuration: JSONValue, besides: [String]) {
    var result = configuration
    var asked: [(key: String, edit: RotarySpellings.Edit)] = []
    for (key, text) in values {
      let value = (try? JSONValue.parse(Array(text.utf8), file: key)) ?? .string(text)
      let path = key.split(separator: ".").map(String.init)
      result = Self.replacing(path, in: result, by: value) ?? result
      asked.append((key: key, edit: (path: path, value: value)))
    }
    for key in removed {
      let path = key.split(separator: ".").map(String.init)
      guard let without = Self.replacing(path, in: result, by: nil) else {
        throw Self.missing(key)
      }
      result = without
      asked.append((key: key, edit: (path: path, value: nil)))
    }
    let stated = result
    var besides: OrderedSet<String> = []
    for (key, edit) in asked {
      let others: [RotarySpellings.Edit]
      do throws(RotarySpellings.OfLayerKinds) {
        others = try spellings.others(of: edit, in: stated)
      } catch {
        // Beside the member that counts, a key that must not contradict it may be set.
        let isBeside = edit.path.first != error.member.split(separator: ".").first.map(String.init)
        guard isBeside, asked.contains(where: { $0.key == error.member }) else {
          throw .setting(.ofLayerKinds(key: key, member: error.member))
        }
        others = []
      }
      for (path, value) in others {
        guard let edited = Self.replacing(path, in: result, by: value) else { continue }
        result = edited
        besides.append(path.joined(separator: "."))
      }
    }
    for (key, edit) in asked
    where !Self.holds(edit.value, at: Self.value(at: edit.path, of: result)) {
      throw .setting(.spellingsDisagree(key: key))
    }
    return (configuration: result, besides: Array(besides).filter { !keys.contains($0) })
  }

  /// The member at a path, the outermost object's key first.
  static func value(at path: [String], of root: JSONValue) -> JSONValue? {
    path.reduce(Optional(root)) { $0?[$1] }
  }

  /// Whether what was asked for is what stands there, where an object may have got more members.
  private static func holds(_ asked: JSONValue?, at found: JSONValue?) -> Bool {
    if let members = asked?.object {
      return members.allSatisfy { holds($0.value, at: found?[$0.key]) }
    }
    if let one = asked?.double, let other = found?.double { return one == other }
    return asked == found
  }

  /// Nil where a member to remove is not there.
  private static func replacing(
    _ path: [String], in value: JSONValue, by new: JSONValue?
  ) -> JSONValue? {
    guard let first = path.first else { return new }
    var fields = value.object ?? [:]
    if path.count == 1 {
      guard new != nil || fields[first] != nil else { return nil }
      fields[first] = new
    } else {
      let member = fields[first] ?? .object([:])
      guard let changed = replacing(Array(path.dropFirst()), in: member, by: new) else {
        return nil
      }
      fields[first] = changed
    }
    return .object(fields)
  }

  private static func missing(_ key: String) -> ConversionError {
    .setting(.missingKey(key))
  }

  private static func type(of text: String) -> MetadataType {
    if text == "true" || text == "false" { return .bool }
    if UInt32(text) != nil { return .uint32 }
    if Int64(text) != nil { return .int64 }
    return Float(text)?.isFinite == true ? .float32 : .string
  }
}

extension MetadataValue {
  /// A value of a type from its text; nil where it is not one, and for arrays.
  fileprivate init?(_ text: String, as type: MetadataType) {
    func value<Number>(
      _ number: Number?, _ make: (Number) -> MetadataValue
    ) -> MetadataValue? { number.map(make) }
    let made: MetadataValue? =
      switch type {
      case .uint8: value(UInt8(text), MetadataValue.uint8)
      case .int8: value(Int8(text), MetadataValue.int8)
      case .uint16: value(UInt16(text), MetadataValue.uint16)
      case .int16: value(Int16(text), MetadataValue.int16)
      case .uint32: value(UInt32(text), MetadataValue.uint32)
      case .int32: value(Int32(text), MetadataValue.int32)
      case .uint64: value(UInt64(text), MetadataValue.uint64)
      case .int64: value(Int64(text), MetadataValue.int64)
      case .float32: value(Float(text), MetadataValue.float32)
      case .float64: value(Double(text), MetadataValue.float64)
      case .bool: value(Bool(text), MetadataValue.bool)
      case .string: .string(text)
      case .array: nil
      }
    guard let made else { return nil }
    self = made
  }
}
