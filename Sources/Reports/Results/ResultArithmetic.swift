import Base
import OrderedCollections

/// By what a result was computed: digits depend on it besides model, text and settings, so whatever holds
/// results side by side says where they differ in it.
struct ResultArithmetic {
  /// Each fact by its name, in words: `arithmetic` is `bf16`, `program` is `ropeconv 0.1.0`. What a
  /// result does not state is left out.
  let facts: OrderedDictionary<String, String>

  /// Facts that are always told where they differ; the others follow from them, or are told too.
  private static let leading = ["arithmetic", "program", "instruction set"]

  /// - Parameters:
  ///   - compute: `f32` or `bf16`; nil where the result does not say.
  ///   - program: name and version; empty where the result does not say.
  ///   - level: the program's instruction set, of results whose identity has none.
  ///   - identity: the result's.
  init(compute: String?, program: String, level: String?, identity: JSONValue) {
    let stated = identity["arithmetic"]
    var facts: OrderedDictionary<String, String> = [:]
    facts["arithmetic"] = compute
    facts["program"] = program.isEmpty ? nil : program
    facts["instruction set"] = stated?["instruction_set"]?.string ?? level
    for (key, value) in stated?.object ?? [:] where key != "compute" && key != "instruction_set" {
      facts[key.replacing("_", with: " ")] = Self.words(key, value)
    }
    facts["data files"] = (identity["formats_sha256"]?.string).map {
      "data files sha256 \($0.prefix(8))"
    }
    self.facts = facts
  }

  private static func words(_ key: String, _ value: JSONValue) -> String {
    let text: String
    if let versions = value.object {
      text = versions.map { "\($0) \($1.string ?? $1.serialized(pretty: false))" }
        .joined(separator: ", ")
    } else {
      text = value.string ?? value.serialized(pretty: false)
    }
    return switch key {
    case "libraries": text
    case "library_instruction_set": "products \(text)"
    case "revision": "arithmetic revision \(text)"
    default: "\(key.replacing("_", with: " ")) \(text)"
    }
  }

  /// The names of the facts in which results differ; of those that no leading one tells, as many as it
  /// takes. A result that does not state a fact does not differ in it.
  static func differing(_ results: [ResultArithmetic]) -> [String] {
    var names = leading.filter { name in Set(results.compactMap { $0.facts[name] }).count > 1 }
    let others = OrderedSet(results.flatMap(\.facts.keys)).subtracting(leading)
    for name in others {
      let alike = Dictionary(grouping: results) { $0.words(names) }
      let isTold = alike.values.allSatisfy { Set($0.compactMap { $0.facts[name] }).count < 2 }
      if !isTold { names.append(name) }
    }
    return names
  }

  /// What a result states of some facts.
  func words(_ names: [String]) -> [String] { names.compactMap { facts[$0] } }

  /// The values that results have of some facts, as a sentence's part: `arithmetic f32 or bf16`.
  static func said(_ names: [String], of results: [ResultArithmetic]) -> String {
    names.map { name in
      let values = OrderedSet(results.compactMap { $0.facts[name] }).joined(separator: " or ")
      return leading.contains(name) ? "\(name) \(values)" : values
    }.joined(separator: ", ")
  }
}
