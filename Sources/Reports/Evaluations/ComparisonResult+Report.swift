import Base
import Evaluation
import OrderedCollections

extension ComparisonResult: ReportedResult {
  private static let percentiles: [(String, Double)] = [
    ("p999", 0.999), ("p99", 0.99), ("p95", 0.95), ("p90", 0.9), ("median", 0.5), ("p10", 0.1),
    ("p05", 0.05), ("p01", 0.01),
  ]

  private func spread(_ values: [Double]) -> OrderedDictionary<String, JSONValue> {
    let moments = Moments(values)
    var fields: OrderedDictionary<String, JSONValue> = [
      "mean": .finite(moments.mean), "mean_stderr": .finite(moments.error),
      "max": .finite(values.last ?? .nan),
    ]
    for (name, share) in Self.percentiles {
      fields[name] = .finite(Self.percentile(values, share))
    }
    fields["min"] = .finite(values.first ?? .nan)
    return fields
  }

  /// Root mean square of the differences of probability.
  private var rootMeanSquare: Estimate {
    let squares = Moments(probabilityDifferences.map { $0 * $0 })
    let root = squares.mean.squareRoot()
    return Estimate(value: root, error: root > 0 ? squares.error / (2 * root) : 0)
  }

  /// The targets' own numbers are long: they are given where a merge needs them, in the result of a
  /// shard.
  package var showsUnits: Bool { record.shard.count > 1 }

  package var fields: OrderedDictionary<String, JSONValue> {
    var fields: OrderedDictionary<String, JSONValue> = [:]
    for (name, estimate) in [
      ("ppl_base", base), ("ppl_other", other), ("ln_ppl_ratio", logRatio),
      ("top1_agreement", agreement),
    ] {
      fields[name] = .finite(estimate.value)
      fields["\(name)_stderr"] = .finite(estimate.error)
    }
    fields["ln_ppl_ratio_stderr_by_tokens"] = .finite(logRatioErrorByTokens)
    fields["ln_correlation"] = .finite(correlation)
    fields["scored"] = JSONValue(divergences.count)
    fields["ctx"] = record.settings["ctx"] ?? .null
    fields["kl"] = .object(spread(divergences))
    var difference = spread(probabilityDifferences)
    difference["rms"] = .finite(rootMeanSquare.value)
    difference["rms_stderr"] = .finite(rootMeanSquare.error)
    fields["delta_p"] = .object(difference)
    return fields
  }

  package func lines(color: TerminalColor) -> String {
    func line(_ name: String, _ estimate: Estimate, _ digits: Int, percent: Bool = false)
      -> [String]
    {
      let factor = percent ? 100.0 : 1
      // Of one chunk, or one target, there is no error.
      let error =
        estimate.error.isFinite ? "+- \(Format.fixed(factor * estimate.error, digits))" : ""
      return [name, Format.fixed(factor * estimate.value, digits), error + (percent ? " %" : "")]
    }
    let divergence = Moments(divergences)
    let change = Moments(probabilityDifferences)
    let rows = [
      line("perplexity of base", base, 4), line("perplexity of other", other, 4),
      line("ln ratio", logRatio, 6),
      ["correlation of ln", correlation.isFinite ? Format.fixed(correlation, 6) : "none", ""],
      line("same top token", agreement, 3, percent: true),
      // Significant digits: of nearly equal models, what rounding leaves is seen as such.
      [
        "mean KL divergence", Format.general(divergence.mean),
        divergence.error.isFinite ? "+- \(Format.general(divergence.error))" : "",
      ],
      line(
        "mean change of p", Estimate(value: change.mean, error: change.error), 3, percent: true),
      line("RMS change of p", rootMeanSquare, 3, percent: true),
    ]
    let shares = [("maximum", 1.0)] + Self.percentiles + [("minimum", 0.0)]
    let spreads =
      [["", "KL divergence", "change of p, %"]]
      + shares.map { name, share in
        [
          name, Format.general(Self.percentile(divergences, share)),
          Format.fixed(100 * Self.percentile(probabilityDifferences, share), 3),
        ]
      }
    return """
      \(Format.table(rows))

      \(Format.table(spreads))

      scored      \(counted(divergences.count, "target")) in \(counted(record.units.count, "chunk"))
      """
  }
}

extension ComparisonResult: ShownKind {
  static func fits(_ json: JSONValue) -> Bool {
    json["kl"]?.members != nil && json["delta_p"]?.members != nil
  }

  static func section(_ files: [ResultFile]) throws(ReportError) -> PageSection {
    try ComparisonSection.make(files)
  }
}
