import Base
import Evaluation
import Foundation
import Inference
import OrderedCollections

extension PerplexityResult: ReportedResult {
  package var fields: OrderedDictionary<String, JSONValue> {
    var fields: OrderedDictionary<String, JSONValue> = [
      "tokens": record.identity["text"]?["tokens"] ?? .null
    ]
    for key in ["ctx", "score", "stride"] { fields[key] = record.settings[key] ?? .null }
    fields["compute"] = record.compute
    fields["scored"] = JSONValue(scored)
    fields["chunks"] = JSONValue(windows.count)
    fields["nll"] = .finite(meanNegativeLogLikelihood)
    fields["ppl"] = .finite(perplexity)
    fields["ppl_stderr"] = .finite(perplexityError)
    fields["scored_bytes"] = scoredBytes.map { JSONValue($0) } ?? .null
    fields["bits_per_byte"] = .finite(bitsPerByte?.value)
    fields["bits_per_byte_stderr"] = .finite(bitsPerByte?.error)
    if let times {
      fields["phases"] = .object(
        .init(
          uniqueKeysWithValues: PhaseTimes.Phase.allCases.map {
            ($0.name, .number(times.seconds($0)))
          }))
    }
    fields["per_chunk"] = .array(
      windows.map { window in
        .object([
          "chunk": JSONValue(window.index), "nll": .number(window.mean),
          "ppl": .number(exp(window.mean)),
        ])
      })
    return fields
  }

  package func lines(color: TerminalColor) -> String {
    let score = record.settings["score"]?.string ?? ""
    let bits = bitsPerByte.map {
      "\nbits/byte   \(Format.measured($0.value, error: $0.error, 4))"
    }
    return """
      perplexity  \(Format.measured(perplexity, error: perplexityError, 4))
      nll         \(Format.fixed(meanNegativeLogLikelihood, 6)) nats per token\(bits ?? "")
      scored      \(counted(scored, "target")) in \(counted(windows.count, "chunk")) of \(context) (\(score))
      """
  }
}

extension PerplexityResult: ShownKind {
  static var variations: [any ShownKind.Type] { [PerplexitySweep.self] }

  static func fits(_ json: JSONValue) -> Bool {
    json["ppl"] != nil && json["per_chunk"]?.array != nil
  }

  static func section(_ files: [ResultFile]) throws(ReportError) -> PageSection {
    try PerplexitySection.make(files)
  }
}
