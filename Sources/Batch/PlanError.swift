import Base

/// A plan that cannot be run.
package enum PlanError: Diagnostic {
  /// The text is not a plan; the problem names the place.
  case malformed(file: String, problem: String)
  /// The folder of results cannot be made.
  case folder(path: String)

  package var summary: String {
    switch self {
    case .malformed(_, let problem): problem
    case .folder: "the folder for the results cannot be made"
    }
  }

  package var file: String? {
    switch self {
    case .malformed(let file, _): file
    case .folder(let path): path
    }
  }

  package var exitStatus: ExitStatus {
    switch self {
    case .malformed: .malformedData
    case .folder: .cannotCreate
    }
  }
}
