import Base
import Checkpoints
import Models
import OrderedCollections

extension MetadataEdits {
  /// What one edit does to the output, or what goes with one.
  package struct Change: Sendable, Equatable {
    package let key: String
    /// The value that would be there without the edit; nil where there would be none.
    package let old: JSONValue?
    /// Nil where the key is removed.
    package let new: JSONValue?
    /// Some reader here looks at the key.
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
        isKnown: known.reads(metadata: key, prefix: written))
    }
  }

  /// What was done to config.json; `besides` are keys that were edited with those asked for.
  func changes(
    from before: JSONValue, to after: JSONValue, besides: [String], known: KnownKeys
  ) -> [Change] {
    func change(_ key: String) -> Change {
      let path = key.split(separator: ".").map(String.init)
      return Change(
        key: key, old: Self.value(at: path, of: before), new: Self.value(at: path, of: after),
        isKnown: known.reads(configuration: key))
    }
    return keys.map(change) + besides.map(change).filter { $0.old != $0.new }
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
