import Base
import Checkpoints
import Evaluation

/// The fields of one object of a result file; errors name the file and the path to the field.
struct ResultFields {
  private let json: JSONValue
  private let file: String
  private let path: String

  init(_ json: JSONValue, file: String, path: String) {
    self.json = json
    self.file = file
    self.path = path
  }

  private func fault(_ key: String, _ expected: String) -> ReportError {
    .field(file: file, key: path + key, expected: expected)
  }

  func has(_ key: String) -> Bool { json[key].map { !$0.isNull } ?? false }

  func text(_ key: String) throws(ReportError) -> String {
    guard let value = json[key]?.string else { throw fault(key, "a text") }
    return value
  }

  func integer(_ key: String) throws(ReportError) -> Int {
    guard let value = json[key]?.int else { throw fault(key, "a whole number") }
    return value
  }

  /// A number; null, as JSON writes what is not finite, becomes not a number.
  func number(_ key: String) throws(ReportError) -> Double {
    guard let value = json[key], value.isNull || value.double != nil else {
      throw fault(key, "a number")
    }
    return value.double ?? .nan
  }

  /// A number that says where a value belongs, so it must be one.
  func finite(_ key: String) throws(ReportError) -> Double {
    let value = try number(key)
    guard value.isFinite else { throw fault(key, "a number") }
    return value
  }

  /// A number that may be missing: then not a number.
  func optionalNumber(_ key: String) throws(ReportError) -> Double {
    json[key] == nil ? .nan : try number(key)
  }

  /// A number and its standard error, `KEY_stderr`; each may be missing: then not a number.
  func estimate(_ key: String) throws(ReportError) -> Estimate {
    Estimate(
      value: try optionalNumber(key), error: try optionalNumber("\(key)_stderr"))
  }

  /// The first of these fields that is there; what is not a text, such as an object of scaling
  /// parameters, is shown as its JSON.
  func optionalText(_ keys: String...) -> String? {
    for key in keys {
      guard let value = json[key], !value.isNull else { continue }
      return value.string ?? value.serialized(pretty: false)
    }
    return nil
  }

  /// The letters of the sites that rotate; no letters are no rotation.
  var sites: String {
    optionalText("sites").map { $0.isEmpty ? "nope" : $0 } ?? "–"
  }

  /// The objects of a list.
  func objects(_ key: String) throws(ReportError) -> [ResultFields] {
    guard let values = json[key]?.array else { throw fault(key, "a list") }
    var fields: [ResultFields] = []
    for (index, value) in values.enumerated() {
      guard value.members != nil else { throw fault("\(key)[\(index)]", "an object") }
      fields.append(ResultFields(value, file: file, path: "\(path)\(key)[\(index)]."))
    }
    return fields
  }

  /// The fields of an object.
  func object(_ key: String) throws(ReportError) -> ResultFields {
    guard let value = json[key], value.members != nil else { throw fault(key, "an object") }
    return ResultFields(value, file: file, path: "\(path)\(key).")
  }

  /// Every scalar, and every short list of scalars, with the path to it: a run's settings and
  /// hashes.
  func settings() -> [(key: String, value: String)] {
    var found: [(key: String, value: String)] = []
    func collect(_ value: JSONValue, _ key: String) {
      if let members = value.members {
        for member in members {
          collect(member.value, key.isEmpty ? member.key : "\(key).\(member.key)")
        }
      } else if let list = value.array, key.split(separator: ".").last == "models" {
        // What a result states of its models, one or two.
        for (index, element) in list.prefix(4).enumerated() { collect(element, "\(key)[\(index)]") }
      } else if let list = value.array {
        let scalars = list.filter { $0.members == nil && $0.array == nil }
        guard !list.isEmpty, scalars.count == list.count, list.count <= 32 else { return }
        found.append((key, list.map(Self.shown).joined(separator: ", ")))
      } else {
        found.append((key, Self.shown(value)))
      }
    }
    collect(json, "")
    return found
  }

  private static func shown(_ scalar: JSONValue) -> String {
    scalar.string ?? scalar.serialized(pretty: false)
  }
}

/// Short names for models, told apart where they must be.
package enum Labels {
  /// A label for each list of details: the first detail, and as many more as it takes to tell
  /// those apart that are alike; the last resort is a number.
  package static func distinct(_ details: [[String]]) -> [String] {
    var labels = details.map { $0.first ?? "" }
    let most = details.map(\.count).max() ?? 0
    for level in stride(from: 1, to: most, by: 1) {
      let counts = tally(labels)
      for (index, detail) in details.enumerated() where counts[labels[index]] ?? 0 > 1 {
        if level < detail.count, !detail[level].isEmpty {
          labels[index] += " · \(detail[level])"
        }
      }
    }
    let counts = tally(labels)
    var seen: [String: Int] = [:]
    for index in labels.indices where counts[labels[index]] ?? 0 > 1 {
      let number = (seen[labels[index]] ?? 0) + 1
      seen[labels[index]] = number
      labels[index] += " (\(number))"
    }
    return labels
  }

  private static func tally(_ labels: [String]) -> [String: Int] {
    Dictionary(labels.map { ($0, 1) }, uniquingKeysWith: +)
  }
}
