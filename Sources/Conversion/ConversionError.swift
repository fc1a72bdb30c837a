import Base
import Tensors

/// A conversion that cannot be done. It is found before any output exists, but for numbers that a type
/// cannot hold (`tooLarge`, `notFinite`), which only encoding finds: nothing is left of the output then.
public enum ConversionError: Diagnostic {
  /// An absorption identity does not hold for this model and variant.
  case identityDoesNotHold(file: String, identity: String, reason: String)
  /// Settings that contradict each other, name something unknown or do not suit the model.
  case setting(SettingFault)
  /// A tensor cannot be stored in the type asked for.
  case elementType(file: String, tensor: String, reason: String)
  /// A tensor holds finite numbers that the type to store it in cannot hold.
  case tooLarge(file: String, tensor: String, type: ElementType, reason: String)
  /// A rewritten weight is not finite.
  case notFinite(file: String, tensor: String)

  /// A calibration text that a fit cannot work with.
  case calibration(text: String, problem: String)
  /// A full fit chooses a basis for values, which a layer does not leave to choose.
  case noFreeBasis(file: String, reason: String)
  /// No value rotation costs as little as was asked for.
  case budget(file: String, percent: Double, least: Double)
  /// The temporary file of a fit cannot be written or read.
  case temporaryFile(folder: String, reason: String)

  /// What is wrong, in one line.
  public var summary: String {
    switch self {
    case .calibration(_, let problem): "unfit for calibration: \(problem)"
    case .noFreeBasis(_, let reason):
      "a full fit chooses a basis for values, but \(reason)"
    case .budget(_, let percent, let least):
      "no value rotation tried costs at most \(percent) % of perplexity, the least found is"
        + " \((least * 100).rounded() / 100) %"
    case .temporaryFile(_, let reason):
      "the temporary file of the fit cannot be written or read: \(reason)"
    case .identityDoesNotHold(_, let identity, let reason):
      "absorption \(identity) does not hold here: \(reason)"
    case .setting(let fault): fault.summary
    case .elementType(_, _, let reason), .tooLarge(_, _, _, let reason): reason
    case .notFinite: "the rewritten weight is not finite"
    }
  }

  /// The file that is at fault, where there is one.
  public var file: String? {
    switch self {
    case .identityDoesNotHold(let file, _, _), .elementType(let file, _, _),
      .notFinite(let file, _), .tooLarge(let file, _, _, _):
      file
    case .budget(let file, _, _), .noFreeBasis(let file, _): file
    case .calibration(let text, _): text
    case .temporaryFile(let folder, _): folder
    case .setting: nil
    }
  }

  /// Where in the file the fault lies, where that is known.
  public var place: String? {
    switch self {
    case .elementType(_, let tensor, _), .notFinite(_, let tensor),
      .tooLarge(_, let tensor, _, _):
      "tensor \(tensor)"
    default: nil
    }
  }

  /// The status that the program exits with.
  public var exitStatus: ExitStatus {
    switch self {
    case .setting, .identityDoesNotHold: .usage
    case .temporaryFile: .inputOutput
    case .budget: .thresholdMissed
    default: .malformedData
    }
  }
}
