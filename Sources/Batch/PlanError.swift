import Base
import Checkpoints
import Evaluation

/// A plan that cannot be run.
package enum PlanError: Diagnostic {
  /// The text is not a plan; the problem names the place.
  case malformed(file: String, problem: String)
  /// The command of a step would be refused; the key is the plan's.
  case step(file: String, key: String, problem: String, hint: String?)
  /// A model of the plan is not there.
  case noModel(file: String, key: String, path: String)
  /// The folder of results cannot be made.
  case folder(path: String)

  package var summary: String {
    switch self {
    case .malformed(_, let problem): problem
    case .step(_, let key, let problem, _): "\(key): \(problem)"
    case .noModel(_, let key, let path):
      "\(key): no such file or folder \(quoted(path))"
        + (HubCache.isName(path) ? ", nor a model of this name in the hub's local cache" : "")
    case .folder: "the folder for the results cannot be made"
    }
  }

  package var file: String? {
    switch self {
    case .malformed(let file, _), .step(let file, _, _, _), .noModel(let file, _, _):
      InputFile.name(of: file)
    case .folder(let path): path
    }
  }

  package var hint: String? {
    if case .step(_, _, _, let hint) = self { hint } else { nil }
  }

  package var exitStatus: ExitStatus {
    switch self {
    case .malformed, .step: .malformedData
    case .noModel: .noInput
    case .folder: .cannotCreate
    }
  }
}
