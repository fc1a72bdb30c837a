import Checkpoints
import Evaluation
import Foundation
import OrderedCollections

extension PerplexityResult {
  /// The fields of `eval perplexity --json`.
  public func json(compute: String, peakBytes: Int) -> JSONValue {
    .object([
      "model": .string(model),
      "text": .string(text),
      "sites": .string(sites.code),
      "tokens": .integer(Int64(textTokens)),
      "scored": .integer(Int64(scored)),
      "chunks": .integer(Int64(windows.count)),
      "ctx": .integer(Int64(plan.context)),
      "score": .string(plan.scored.rawValue),
      "stride": plan.stride.map { .integer(Int64($0)) } ?? .null,
      "shard": .string("\(plan.shard)/\(plan.shardCount)"),
      "compute": .string(compute),
      "nll": .number(meanNegativeLogLikelihood),
      "ppl": .number(perplexity),
      "ppl_stderr": .finite(perplexityError),
      "seconds": .number(seconds),
      "tokens_per_second": .finite(Double(evaluatedTokens) / seconds),
      "peak_rss_bytes": .integer(Int64(peakBytes)),
      "per_chunk": .array(
        windows.map { window in
          .object([
            "chunk": .integer(Int64(window.index)),
            "nll": .number(window.mean),
            "ppl": .number(exp(window.mean)),
            "scored": .integer(Int64(window.scored)),
            "nll_sum": .number(window.sum),
            "nll_squares": .number(window.sumOfSquares),
          ])
        }),
    ])
  }

  /// The lines a person reads.
  public func text(compute: String, peakBytes: Int) -> String {
    let rate = Double(evaluatedTokens) / max(seconds, 1e-9)
    return """
      perplexity  \(Format.fixed(perplexity, 4)) +- \(Format.fixed(perplexityError, 4))
      nll         \(Format.fixed(meanNegativeLogLikelihood, 6)) nats per token
      scored      \(scored) targets in \(windows.count) chunks of \(plan.context) (\(plan.scored.rawValue))
      variant     \(sites.name), computed in \(compute)
      time        \(Format.fixed(seconds, 1)) s, \(Format.fixed(rate, 0)) tokens/s, peak memory \
      \(Format.bytes(peakBytes))
      """
  }
}

extension JSONValue {
  /// A number, or null where it is not finite: JSON has no NaN.
  static func finite(_ value: Double) -> JSONValue { value.isFinite ? .number(value) : .null }
}
