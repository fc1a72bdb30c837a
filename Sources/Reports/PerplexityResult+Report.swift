import Base
import Checkpoints
import Evaluation
import Foundation
import Inference

extension PerplexityResult {
  /// The fields of `eval perplexity --json`.
  package func json(peakBytes: Int) -> JSONValue {
    var object = record.header
    object["sites"] = record.sites()
    object["tokens"] = record.identity["text"]?["tokens"] ?? .null
    for key in ["ctx", "score", "stride"] { object[key] = record.settings[key] ?? .null }
    object["compute"] = record.compute
    object["scored"] = JSONValue(scored)
    object["chunks"] = JSONValue(windows.count)
    object["nll"] = .finite(meanNegativeLogLikelihood)
    object["ppl"] = .finite(perplexity)
    object["ppl_stderr"] = .finite(perplexityError)
    object.merge(record.costs(peakBytes: peakBytes)) { own, _ in own }
    if let times {
      object["phases"] = .object(
        .init(
          uniqueKeysWithValues: PhaseTimes.Phase.allCases.map {
            ($0.name, .number(times.seconds($0)))
          }))
    }
    object["per_chunk"] = .array(
      windows.map { window in
        .object([
          "chunk": JSONValue(window.index), "nll": .number(window.mean),
          "ppl": .number(exp(window.mean)),
        ])
      })
    object[EvaluationRecord.unitsKey] = record.unitsJSON
    return .object(object)
  }

  /// The lines a person reads.
  package func text(peakBytes: Int) -> String {
    guard scored > 0 else { return "no chunks in shard \(record.shard.text)" }
    let score = record.settings["score"]?.string ?? ""
    return """
      perplexity  \(Format.fixed(perplexity, 4)) +- \(Format.fixed(perplexityError, 4))
      nll         \(Format.fixed(meanNegativeLogLikelihood, 6)) nats per token
      scored      \(scored) targets in \(windows.count) chunks of \(context) (\(score))
      variant     \(record.variant())
      \(record.costText(peakBytes: peakBytes))
      """
  }
}

extension JSONValue {
  /// A number, or null where it is not finite: JSON has no NaN.
  static func finite(_ value: Double) -> JSONValue { value.isFinite ? .number(value) : .null }
}
