import Base
import Evaluation

extension LogitComparison.Result {
  /// Whether no logit differs by more than so many standard deviations of the logits.
  package func isSame(within tolerance: Double) -> Bool { relativeMaximum <= tolerance }

  /// The JSON of a comparison of two models' logits.
  package func json(_ one: String, _ other: String, tolerance: Double) -> JSONValue {
    .object([
      "kind": "verify", "model": .string(one), "a": .string(one), "b": .string(other),
      "positions": .integer(Int64(positions)), "max_relative": .number(relativeMaximum),
      "rms_relative": .number(relativeRMS), "top1_agreement": .number(topAgreement),
      "tolerance": .number(tolerance), "same": .bool(isSame(within: tolerance)),
    ])
  }

  package func text(tolerance: Double) -> String {
    """
    max difference  \(Format.general(relativeMaximum)) standard deviations of the logits
    RMS difference  \(Format.general(relativeRMS))
    top-1 agreement \(Format.fixed(100 * topAgreement, 2)) % of \(positions) positions
    \(isSame(within: tolerance) ? "same" : "different") at tolerance \(Format.general(tolerance))
    """
  }
}
