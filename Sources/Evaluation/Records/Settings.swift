import Base
import Checkpoints
import OrderedCollections

/// A value that says itself what stands for it among the settings of a result.
protocol SettingValue {
  var setting: JSONValue { get }
}

/// Settings as JSON, read off the stored properties of what holds them: a property that is added
/// later belongs to the identity of results without being named anywhere.
enum Settings {
  /// - Parameters:
  ///   - value: what holds the settings.
  ///   - leaving: properties that no digit depends on, or that are stated elsewhere.
  ///   - names: what properties are called in JSON; by default their names in snake case.
  /// - Returns: the properties in the order in which they are declared.
  static func of(
    _ value: Any, leaving: Set<String> = [], names: [String: String] = [:]
  ) -> OrderedDictionary<String, JSONValue> {
    var result: OrderedDictionary<String, JSONValue> = [:]
    for child in Mirror(reflecting: value).children {
      guard let label = child.label, !leaving.contains(label) else { continue }
      if let plan = child.value as? WindowPlan {
        // The options of a text's windows stand beside the others, as on the command line.
        result.merge(of(plan, names: WindowPlan.settingNames)) { own, _ in own }
      } else {
        result[names[label] ?? snakeCase(label)] = json(child.value)
      }
    }
    return result
  }

  static func json(_ value: Any) -> JSONValue {
    switch value {
    case let value as any SettingValue: return value.setting
    case let value as JSONValue: return value
    case let value as Bool: return .bool(value)
    case let value as String: return .string(value)
    case let value as any BinaryInteger:
      return Int64(exactly: value).map { .integer($0) } ?? .unsigned(UInt64(clamping: value))
    case let value as Double: return .number(value)
    case let value as Float: return .number(Double(value))
    case let value as any RawRepresentable: return json(value.rawValue)
    default: break
    }
    let mirror = Mirror(reflecting: value)
    switch mirror.displayStyle {
    case .optional: return mirror.children.first.map { json($0.value) } ?? .null
    case .collection, .tuple: return .array(mirror.children.map { json($0.value) })
    case .struct, .class: return .object(of(value))
    default: return .string(String(describing: value))
    }
  }

  private static func snakeCase(_ name: String) -> String {
    name.reduce(into: "") { text, letter in
      text += letter.isUppercase ? "_\(letter.lowercased())" : String(letter)
    }
  }
}

extension WindowPlan {
  /// As the options are called.
  static let settingNames = [
    "context": "ctx", "limit": "chunks", "scored": "score", "targetContext": "target_ctx",
  ]
}
