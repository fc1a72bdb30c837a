import Base
import Checkpoints
import Models
import OrderedCollections

extension MetadataEdits {
  /// What one edit does to the output.
  package struct Change: Sendable, Equatable {
    package let key: String
    /// The value that would be there without the edit; nil where there would be none.
    package let old: JSONValue?
    /// Nil where the key is removed.
    package let new: JSONValue?
    /// Some reader here looks at the key, or it was there already.
    package let isKnown: Bool
  }

  func changes(
    from before: OrderedDictionary<String, MetadataValue>,
    to after: OrderedDictionary<String, MetadataValue>, architecture name: String, known: KnownKeys
  ) -> [Change] {
    let written = after[GeneralKey.architecture]?.string ?? name
    return keys.map { key in
      let key = Self.place(key, architecture: name, written: written)
      return Change(
        key: key, old: before[key].map(Self.json), new: after[key].map(Self.json),
        isKnown: before[key] != nil || known.reads(metadata: key, prefix: written))
    }
  }

  func changes(from before: JSONValue, to after: JSONValue, known: KnownKeys) -> [Change] {
    func value(_ key: String, of root: JSONValue) -> JSONValue? {
      key.split(separator: ".").reduce(Optional(root)) { $0?[String($1)] }
    }
    return keys.map { key in
      let old = value(key, of: before)
      return Change(
        key: key, old: old, new: value(key, of: after),
        isKnown: old != nil || known.reads(configuration: key))
    }
  }

  /// A value for people and JSON; of a long array its length.
  private static func json(_ value: MetadataValue) -> JSONValue {
    switch value {
    case .string(let text): return .string(text)
    case .bool(let flag): return .bool(flag)
    case .array(let array): return .string("\(array.count) values")
    default:
      if let whole = value.int { return .integer(Int64(whole)) }
      return value.double.map { $0.isFinite ? .number($0) : .null } ?? .null
    }
  }
}
