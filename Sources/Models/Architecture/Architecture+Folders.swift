import Base
import OrderedCollections

/// Which folders a data file reads, of those with a `model_type` that it names.
extension Architecture {
  /// Whether a config.json of a `model_type` is one of this architecture. Of a list that a member holds,
  /// every entry counts; a member that is missing, null or empty has none of the values.
  func reads(modelType: String, in configuration: JSONValue?) -> Bool {
    guard modelTypes.contains(modelType), toldBy.allSatisfy({ configuration?[$0] != nil }) else {
      return false
    }
    return (readWhere[modelType] ?? [:]).allSatisfy { key, accepted in
      guard let stated = configuration?[key], stated != .null else { return false }
      let entries = stated.array ?? [stated]
      return !entries.isEmpty && entries.allSatisfy { accepted.contains($0) }
    }
  }

  /// What a data file says of that under `read_where`.
  /// - Parameters:
  ///   - top: the data file.
  ///   - types: the `model_type` values that it reads.
  /// - Returns: by `model_type`, members of config.json with the values that they may have.
  /// - Throws: `FormatError.invalid` for a type that the file does not read, and for anything but lists of
  ///   values.
  static func foldersRead(
    _ top: StrictObject<Key>, types: [String]
  ) throws(FormatError) -> [String: OrderedDictionary<String, [JSONValue]>] {
    var result: [String: OrderedDictionary<String, [JSONValue]>] = [:]
    for (type, value) in try top.members(.readWhere) {
      guard types.contains(type) else {
        throw top.failure(.readWhere, "'\(type)' is none of \(Key.modelTypes.rawValue)")
      }
      var members: OrderedDictionary<String, [JSONValue]> = [:]
      for (key, accepted) in value.object ?? [:] {
        if let values = accepted.array, !values.isEmpty { members[key] = values }
      }
      guard !members.isEmpty, members.count == value.object?.count else {
        throw top.failure(.readWhere, "expected members with lists of values, by model_type")
      }
      result[type] = members
    }
    return result
  }
}
