import Base
import OrderedCollections

/// A kind of folder that holds a text model among other parts, such as a vision tower: where the text
/// model's configuration and tensors stand in it. Read from `formats/recognition/wrappers.json`.
package struct ModelWrapper: Sendable {
  /// Keys of an entry.
  package enum Key: String, CaseIterable {
    case text, carried, defaults, prefixes, others
    case modelTypes = "model_types"
    case textType = "text_type"
  }

  /// Keys of the file.
  package enum FileKey: String, CaseIterable { case wrappers }

  /// `model_type` values of config.json.
  package let modelTypes: [String]
  /// The member of config.json that states the text model. Where it is missing, config.json itself
  /// states it (Qwen2-VL's first folders).
  let text: String
  /// The text model's `model_type` where nothing states it; nil: it must be stated.
  let textType: String?
  /// Members beside `text`, `a.b` for the member b of a, that count as the text model's own.
  let carried: [String]
  /// Members of a text model, by its `model_type`, where `text` leaves them out.
  let defaults: OrderedDictionary<String, OrderedDictionary<String, JSONValue>>
  /// What the text model's tensors begin with here, and in a folder of their own; the first that fits
  /// counts.
  let prefixes: OrderedDictionary<String, String>
  /// What each other part is called, and what its tensors begin with.
  let others: OrderedDictionary<String, [String]>

  package static let file = "recognition/wrappers.json"

  /// The wrapper that a `model_type` names; nil where it names none.
  static func named(_ modelType: String) throws -> ModelWrapper? {
    try all(FormatResources.json(file)).first { $0.modelTypes.contains(modelType) }
  }

  /// All entries of the file.
  package static func all(_ json: JSONValue) throws(FormatError) -> [ModelWrapper] {
    let top = try StrictObject<FileKey>(json, file: file, place: "")
    guard let entries = try top.required(.wrappers).array else {
      throw top.failure(.wrappers, "expected a list")
    }
    var all: [ModelWrapper] = []
    for (index, entry) in entries.enumerated() {
      all.append(try ModelWrapper(entry, file: file, place: "wrappers[\(index)]"))
    }
    return all
  }

  package init(_ json: JSONValue, file: String, place: String) throws(FormatError) {
    let entry = try StrictObject<Key>(json, file: file, place: place)
    _ = try entry.required(.modelTypes)
    modelTypes = try entry.strings(.modelTypes)
    text = try entry.string(.text)
    textType = try entry.optionalString(.textType)
    carried = try entry.strings(.carried)
    var defaults: OrderedDictionary<String, OrderedDictionary<String, JSONValue>> = [:]
    for (type, value) in try entry.members(.defaults) {
      guard let members = value.object else {
        throw entry.failure(.defaults, "expected an object for '\(type)'")
      }
      defaults[type] = members
    }
    self.defaults = defaults
    _ = try entry.required(.prefixes)
    var prefixes: OrderedDictionary<String, String> = [:]
    for (wrapped, value) in try entry.members(.prefixes) {
      guard let plain = value.string else { throw entry.failure(.prefixes, "expected strings") }
      prefixes[wrapped] = plain
    }
    self.prefixes = prefixes
    var others: OrderedDictionary<String, [String]> = [:]
    for (part, value) in try entry.members(.others) {
      let names = value.array?.compactMap(\.string) ?? []
      guard !names.isEmpty, names.count == value.array?.count else {
        throw entry.failure(.others, "expected a list of strings for '\(part)'")
      }
      others[part] = names
    }
    self.others = others
  }
}
