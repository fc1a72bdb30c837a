import Base
import Models

/// Python code that a folder's JSON names for transformers to load. What leads out of the folder is no
/// code of the model: it never goes into an output.
enum CodeReferences {
  private static let key = HuggingFaceConfiguration.Key.code.rawValue

  /// The JSON without references that lead out of the folder; nil where it has none.
  static func removed(from json: JSONValue) -> JSONValue? {
    guard var fields = json.object, let map = fields[key], leadOut(map) else { return nil }
    fields[key] = nil
    return .object(fields)
  }

  private static func leadOut(_ value: JSONValue) -> Bool {
    switch value {
    case .string(let text): text.contains("..") || text.hasPrefix("/") || text.contains("\\")
    case .array(let values): values.contains(where: leadOut)
    default: value.members?.contains { leadOut($0.value) } ?? false
    }
  }
}
