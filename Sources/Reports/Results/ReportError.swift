import Base
import Checkpoints
import Tensors

/// A fault in a result file that a report is to show.
package enum ReportError: Diagnostic, Equatable {
  /// The file's fields are not those of a result that a report shows.
  case notAResult(file: String)
  /// The field `kind` does not name a result that a report shows.
  case unknownKind(file: String, found: String)
  /// A field is missing or not of its kind.
  case field(file: String, key: String, expected: String)

  package var summary: String {
    let known = ShownKinds.names.joined(separator: ", ")
    return switch self {
    case .notAResult: "not a result that a report shows: expected the JSON of eval (\(known))"
    case .unknownKind(_, let found):
      "a result of kind \(quoted(found)): expected one of \(known)"
    case .field(_, _, let expected): "expected \(expected)"
    }
  }

  package var file: String? {
    switch self {
    case .notAResult(let file), .unknownKind(let file, _), .field(let file, _, _): file
    }
  }

  package var place: String? {
    if case .field(_, let key, _) = self { "key \(quoted(key))" } else { nil }
  }
}
