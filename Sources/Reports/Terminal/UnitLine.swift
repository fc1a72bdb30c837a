import Base
import Evaluation
import Foundation

/// What one unit of an evaluation gave, as a line.
extension EvaluationRecord.Unit {
  /// Such as `chunk 3: perplexity 12.34, 255 targets`, of units without a chunk their numbers by name.
  package var line: String {
    func mean(_ key: String) -> Double? {
      let numbers = values[key]?.array?.compactMap(\.double) ?? []
      return numbers.isEmpty ? nil : numbers.reduce(0, +) / Double(numbers.count)
    }
    if let sum = values["nll_sum"]?.double, let scored = values["scored"]?.int, scored > 0 {
      let perplexity = Format.fixed(exp(sum / Double(scored)), 4)
      return "chunk \(index): perplexity \(perplexity), \(scored) targets"
    }
    if let base = mean("base"), let other = mean("other"), let divergence = mean("kl") {
      return "chunk \(index): perplexity \(Format.fixed(exp(base), 4)) and"
        + " \(Format.fixed(exp(other), 4)), KL divergence \(Format.fixed(divergence, 6))"
    }
    let shown = (values.members ?? []).compactMap { member -> String? in
      let name = member.key.replacing("_", with: " ")
      if let number = member.value.double { return "\(name) \(Format.general(number))" }
      if let flag = member.value.bool { return "\(name) \(flag ? "yes" : "no")" }
      return member.value.string.map { "\(name) \(quoted($0))" }
    }
    return "unit \(index): \(shown.joined(separator: ", "))"
  }
}
