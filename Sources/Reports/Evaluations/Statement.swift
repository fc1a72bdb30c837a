import Base
import Evaluation
import OrderedCollections

/// What numbers are of, in words for people, made from what results state of themselves: a setting that
/// an evaluation has is said without being named here.
enum Statement {
  /// Characters of a hash in a line for people; `--json` has it whole.
  static let shown = 16

  /// The beginning of a hash; nil where there is none.
  static func hash(_ value: JSONValue?, _ what: String = "") -> String? {
    (value?.string).map { "\(what)sha256 \($0.prefix(shown))" }
  }

  /// A text's path as given and the hash of its bytes, or of its ids where there are no bytes.
  /// - Parameters:
  ///   - labels: with `text` and `text_sha256`.
  ///   - ids: what an identity states of the text.
  /// - Returns: nil where there is no text.
  static func text(_ labels: OrderedDictionary<String, JSONValue>, ids: JSONValue?) -> String? {
    guard let text = labels["text"]?.string else { return nil }
    let digest = hash(labels["text_sha256"]) ?? hash(ids?["sha256"], "ids ")
    return printable([text, digest].compactMap { $0 }.joined(separator: ", "))
  }

  /// Every setting by its name, those left at their defaults too.
  /// - Parameter identities: of results that are shown together; where they differ in a setting, all of
  ///   its values are said.
  /// - Returns: nil where there are no settings.
  static func settings(_ identities: [OrderedDictionary<String, JSONValue>]) -> String? {
    var values: OrderedDictionary<String, OrderedSet<String>> = [:]
    for identity in identities {
      for (name, value) in identity["settings"]?.object ?? [:] {
        guard let said = words(name, value) else { continue }
        values[name, default: []].append(said)
      }
      if let text = identity["text"], text.object != nil {
        values["BOS", default: []].append(text["window_start"]?.int.map { "\($0)" } ?? "none")
      }
      if let form = identity["arithmetic"]?["form"]?.string {
        values["form", default: []].append(form)
      }
    }
    guard !values.isEmpty else { return nil }
    return values.map { "\($0) \($1.joined(separator: "/"))" }.joined(separator: ", ")
  }

  /// A setting's value; nil where other lines say it, or where it is of no other use.
  private static func words(_ name: String, _ value: JSONValue) -> String? {
    switch name {
    // RULER's tasks that were left out have lines of their own.
    case "left_out": return nil
    case "target_ctx" where value.isNull: return nil
    case "chunks" where value.isNull, "examples" where value.isNull: return "all"
    case "prompts": return "version \(scalar(value))"
    default: break
    }
    if let list = value.array, list.allSatisfy({ $0.array == nil && $0.object == nil }) {
      return list.isEmpty ? "none" : list.map(scalar).joined(separator: ",")
    }
    guard value.array != nil || value.object != nil else { return scalar(value) }
    // What has a name is known by it; a template is long.
    return value["name"]?.string.map(printable)
      ?? hash(.string(SourceHash.sha256(text: value.serialized(pretty: false))))
  }

  /// A setting for a label that tells results apart, with its name: `stride 64`, `all chunks`,
  /// `no chat`; what has a name is known by it (`chat chatml`).
  /// - Returns: nil for a list, or an object without a name, whose parts tell more.
  static func label(_ name: String, _ value: JSONValue) -> String? {
    if value.isNull { return "\(words(name, value) == "all" ? "all" : "no") \(name)" }
    if let known = value["name"]?.string { return "\(name) \(known)" }
    guard value.array == nil, value.members == nil else { return nil }
    return "\(name) \(value.string ?? value.serialized(pretty: false))"
  }

  private static func scalar(_ value: JSONValue) -> String {
    if value.isNull { return "none" }
    if case .number(let number) = value { return Format.general(number) }
    guard let text = value.string, !text.isEmpty, !text.contains(where: { $0.isWhitespace }) else {
      return printable(value.serialized(pretty: false))
    }
    return printable(text)
  }
}
