import Base
import Checkpoints

/// The results a report shows.
package enum ResultKind: String, Sendable, CaseIterable {
  case perplexity, sweep, needle, ruler, compare, icl

  /// The kind that a result's fields say, or the field `kind` where there is one.
  /// - Throws: `ReportError.unknownKind` or `ReportError.notAResult` (exit 65).
  init(of json: JSONValue, file: String) throws(ReportError) {
    if let named = json["kind"]?.string {
      guard let kind = ResultKind(rawValue: named) else {
        throw .unknownKind(file: file, found: named)
      }
      self = kind
      return
    }
    let tasks = json["tasks"]?.array
    if json["sweeps"]?.array != nil {
      self = .sweep
    } else if json["grid"]?.array != nil {
      self = .needle
    } else if json["kl"]?.members != nil, json["delta_p"]?.members != nil {
      self = .compare
    } else if json["ppl"] != nil, json["per_chunk"]?.array != nil {
      self = .perplexity
    } else if let tasks, tasks.allSatisfy({ $0["shots"] != nil && $0["centered"] != nil }) {
      self = .icl
    } else if let tasks, tasks.allSatisfy({ $0["length"] != nil && $0["score"] != nil }) {
      self = .ruler
    } else {
      throw .notAResult(file: file)
    }
  }
}

/// A result as `--json` wrote it, with the name that a report shows for its source.
package struct ResultFile: Sendable {
  package let name: String
  package let kind: ResultKind
  package let json: JSONValue

  /// - Throws: `ReportError` where the fields are those of no known result.
  package init(name: String, json: JSONValue) throws(ReportError) {
    self.name = name
    self.json = json
    kind = try ResultKind(of: json, file: name)
  }

  /// Reads a result from a file.
  /// - Throws: `FileError` for a file that is missing or no JSON, `ReportError` for other
  ///   JSON.
  package init(contentsOf path: String) throws {
    try self.init(name: path, json: try JSONValue.read(contentsOf: path))
  }

  var fields: ResultFields { ResultFields(json, file: name, path: "") }
}
