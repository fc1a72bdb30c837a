import Base
import Tensors

/// A fault in a rotary setting.
public enum RotaryError: Diagnostic {
  /// The text names no subset of q, k, v, o.
  case unknownSites(String)
  /// More value pairs are asked for than the heads have rotary pairs.
  case tooManyPairs(asked: Int, available: Int)
  /// A list of value pair counts that is not one per layer.
  case layerCount(found: Int, expected: Int)
  /// A base or factor that is not a positive finite number.
  case notPositive(what: String, value: Double)
  /// The rotated dimensions are odd or more than the head has.
  case dimensions(count: Int, headWidth: Int)
  /// A scaling method needs a number that neither the checkpoint nor the command line gives.
  case missingParameter(method: String, parameter: String)
  /// The numbers of a scaling method, each of which may be, give no frequencies together.
  case notFinite(method: String)
  /// A scaling method changes frequencies that follow from a base, and the checkpoint states its own.
  case needsBase(method: String)
  /// Frequency factors do not match the number of pairs.
  case factorCount(found: Int, expected: Int)
  /// A table of value frequencies has the wrong size.
  case tableSize(found: Int, layers: Int, pairs: Int)

  /// What is wrong, in one line.
  public var summary: String {
    switch self {
    case .unknownSites(let text):
      "'\(text)' names no rotary sites (expected a subset of the letters q, k, v, o such as qk, vo or"
        + " qkvo, or rope, rove, nope)"
    case .tooManyPairs(let asked, let available):
      "\(asked) value pairs asked for, but the model's heads have \(available) rotary pairs"
    case .layerCount(let found, let expected):
      "\(found) value pair counts, expected one for all or \(expected) (one per layer)"
    case .notPositive(let what, let value):
      "\(what) is \(value), expected a positive finite number"
    case .dimensions(let count, let headWidth):
      "\(count) rotary dimensions, expected an even number from 2 to the head width \(headWidth)"
    case .missingParameter(let method, let parameter):
      "frequency scaling '\(method)' needs \(parameter)"
    case .notFinite(let method):
      "frequency scaling '\(method)' gives frequencies that are not finite numbers"
    case .needsBase(let method):
      "frequency scaling '\(method)' changes frequencies that follow from a base, but the checkpoint"
        + " states its own"
    case .factorCount(let found, let expected):
      "\(found) frequency factors, expected \(expected) (one per rotary pair)"
    case .tableSize(let found, let layers, let pairs):
      "\(found) value frequencies, expected \(pairs) or \(layers) x \(pairs)"
    }
  }

  /// The exit status of a command that ends with it.
  public var exitStatus: ExitStatus {
    switch self {
    case .unknownSites, .tooManyPairs, .layerCount, .missingParameter, .needsBase: .usage
    default: .malformedData
    }
  }
}
