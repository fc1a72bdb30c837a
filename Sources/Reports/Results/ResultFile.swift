import Base
import Checkpoints

/// A result as `--json` wrote it, with the name that a report shows for its source.
package struct ResultFile: Sendable {
  package let name: String
  package let json: JSONValue
  let shown: any ShownKind.Type

  /// `perplexity`, `sweep`, ...
  package var kind: String { shown.kind }

  /// - Throws: `ReportError` where the fields are those of no known result (exit 65).
  package init(name: String, json: JSONValue) throws(ReportError) {
    self.name = name
    self.json = json
    let kind = json["kind"]?.string
    let found = ShownKinds.all.first { shown in
      kind.map { $0 == shown.kind } ?? shown.fits(json)
    }
    guard let found else {
      guard let kind else { throw .notAResult(file: name) }
      throw .unknownKind(file: name, found: kind)
    }
    shown = found
  }

  /// Reads a result from a file.
  /// - Throws: `FileError` for a file that is missing or not JSON, `ReportError` for other JSON.
  package init(contentsOf path: String) throws {
    try self.init(name: path, json: try JSONValue.read(contentsOf: path))
  }

  var fields: ResultFields { ResultFields(json, file: name, path: "") }
}
