import Base
import Conversion
import Evaluation
import OrderedCollections

extension ConversionScores {
  /// The perplexities with their standard errors, and the differences by chunks; null where nothing was
  /// measured.
  var json: OrderedDictionary<String, JSONValue> {
    var fields: OrderedDictionary<String, JSONValue> = [:]
    for (name, score) in [("before", before), ("rotated", rotated), ("after", after)] {
      fields[name] = .finite(score?.perplexity)
      fields["\(name)_stderr"] = .finite(score?.perplexityError)
    }
    for (name, difference) in [
      ("difference", difference), ("rotating", rotating), ("quantizing", quantizing),
    ] { fields[name] = difference.map(\.json) ?? .null }
    return fields
  }

  /// The lines a person reads.
  /// - Parameters:
  ///   - scored: what of which text was scored.
  ///   - type: how the output is quantized.
  /// - Returns: no lines where nothing was measured.
  func lines(of scored: ScoredText?, type: String?) -> [String] {
    guard let before, let after else { return [] }
    func shown(_ score: PerplexityResult) -> String {
      Format.measured(score.perplexity, error: score.perplexityError, 4)
    }
    var lines = [
      "perplexity \(shown(before)) before, \(shown(after)) after"
        + (difference.map { " (\($0.text))" } ?? "")
    ]
    if let rotating, let quantizing {
      lines.append(
        "           rotating costs \(rotating.text), quantizing\(type.map { " as \($0)" } ?? "")"
          + " \(quantizing.text)")
    }
    if let scored {
      lines.append("           of \(scored.extent), in \(scored.compute)")
      lines += scored.conditions.lines(indent: 11)
      if isOfCalibrationText { lines.append("           (in part) calibration text of the fit") }
    }
    return lines
  }
}
