import Base
import Models
import OrderedCollections

/// Python code that a folder's JSON names for transformers to load. What leads out of the folder is
/// no code of the model: it never goes into an output.
enum CodeReferences {
  /// The members that name code, wherever they stand: a part's configuration has its own.
  private static let keys = [HuggingFaceConfiguration.Key.code.rawValue, "custom_pipelines"]
  /// The member of a pipeline that is code. The others name classes of transformers, and models.
  private static let pipelineCode = "impl"

  /// The JSON without references that lead out of the folder; nil where it has none.
  static func removed(from json: JSONValue) -> JSONValue? {
    var isChanged = false
    let rest = inside(json, &isChanged)
    return isChanged ? rest : nil
  }

  private static func inside(_ json: JSONValue, _ isChanged: inout Bool) -> JSONValue {
    switch json {
    case .array(let values):
      var rest: [JSONValue] = []
      for value in values { rest.append(inside(value, &isChanged)) }
      return .array(rest)
    case .object(let fields):
      var rest: OrderedDictionary<String, JSONValue> = [:]
      for (key, value) in fields { rest[key] = member(key, value, &isChanged) }
      return .object(rest)
    case .members(let members):
      var rest: [JSONMember] = []
      for old in members {
        guard let value = member(old.key, old.value, &isChanged) else { continue }
        rest.append(JSONMember(key: old.key, value: value))
      }
      return .members(rest)
    default: return json
    }
  }

  /// What is left of a member; nil where that is nothing.
  private static func member(
    _ key: String, _ value: JSONValue, _ isChanged: inout Bool
  ) -> JSONValue? {
    guard keys.contains(key) else { return inside(value, &isChanged) }
    let rest: JSONValue?
    switch value {
    case .object(let entries):
      let kept: OrderedDictionary<String, JSONValue> = entries.filter { !leadsOut(code($0.value)) }
      guard kept.count < entries.count else { return value }
      rest = kept.isEmpty ? nil : .object(kept)
    case .members(let entries):
      let kept = entries.filter { !leadsOut(code($0.value)) }
      guard kept.count < entries.count else { return value }
      rest = kept.isEmpty ? nil : .members(kept)
    default:
      guard leadsOut(value) else { return value }
      rest = nil
    }
    isChanged = true
    return rest
  }

  private static func code(_ entry: JSONValue) -> JSONValue { entry[pipelineCode] ?? entry }

  private static func leadsOut(_ value: JSONValue) -> Bool {
    switch value {
    case .string(let text): leadsOut(reference: text)
    case .array(let values): values.contains { leadsOut($0) }
    default: value.members?.contains { leadsOut($0.value) } ?? false
    }
  }

  /// Whether code is named by an absolute path, through a parent folder, or as that of another
  /// repository (`OWNER/NAME--MODULE.CLASS`), which transformers would load from the hub.
  private static func leadsOut(reference: String) -> Bool {
    // Bytes, as Python compares: a mark that joins a character would hide it from Swift.
    let bytes = Array(reference.utf8)
    func isDoubled(_ byte: UInt8) -> Bool {
      zip(bytes, bytes.dropFirst()).contains { $0 == byte && $1 == byte }
    }
    return bytes.first == UInt8(ascii: "/") || bytes.contains(UInt8(ascii: "\\"))
      || bytes.contains(UInt8(ascii: ":")) || isDoubled(UInt8(ascii: "."))
      || isDoubled(UInt8(ascii: "-"))
  }
}
