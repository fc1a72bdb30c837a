import Base
import Checkpoints
import Tensors

/// A conversion that cannot be done, found before any output exists.
package enum ConversionError: Diagnostic {
  /// An absorption identity does not hold for this model and variant.
  case identityDoesNotHold(file: String, identity: String, reason: String)
  /// Settings that contradict each other or name something unknown.
  case usage(String)
  /// A tensor cannot be stored in the type asked for.
  case elementType(file: String, tensor: String, reason: String)
  /// A rewritten weight is not finite.
  case notFinite(file: String, tensor: String)

  /// A calibration text that a fit cannot work with.
  case calibration(text: String, problem: String)
  /// No value rotation costs as little as was asked for.
  case budget(file: String, percent: Double, least: Double)
  /// The temporary file of a fit cannot be written or read.
  case temporaryFile(path: String)

  package var summary: String {
    switch self {
    case .calibration(_, let problem): "unfit for calibration: \(problem)"
    case .budget(_, let percent, let least):
      "no value rotation tried costs at most \(percent) % of perplexity, the least found is"
        + " \((least * 100).rounded() / 100) %"
    case .temporaryFile: "the temporary file of the fit cannot be written or read"
    case .identityDoesNotHold(_, let identity, let reason):
      "absorption \(identity) does not hold here: \(reason)"
    case .usage(let problem): problem
    case .elementType(_, _, let reason): reason
    case .notFinite: "the rewritten weight is not finite"
    }
  }

  package var file: String? {
    switch self {
    case .identityDoesNotHold(let file, _, _), .elementType(let file, _, _),
      .notFinite(let file, _):
      file
    case .budget(let file, _, _): file
    case .calibration(let text, _): text
    case .temporaryFile(let path): path
    case .usage: nil
    }
  }

  package var place: String? {
    switch self {
    case .elementType(_, let tensor, _), .notFinite(_, let tensor): "tensor \(tensor)"
    default: nil
    }
  }

  package var exitStatus: ExitStatus {
    switch self {
    case .usage, .identityDoesNotHold: .usage
    case .temporaryFile: .inputOutput
    case .budget: .thresholdMissed
    default: .malformedData
    }
  }
}
