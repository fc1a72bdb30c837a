import Evaluation
import Foundation

/// The section of results of `eval compare`: two models on the same text, token by token.
enum ComparisonSection {
  /// Statistics of a distribution that are folded, in the order they are shown.
  private static let percentiles = [
    ("max", "maximum"), ("p999", "99.9 %"), ("p99", "99 %"), ("p95", "95 %"), ("p90", "90 %"),
    ("median", "median"), ("p10", "10 %"), ("p05", "5 %"), ("p01", "1 %"), ("min", "minimum"),
  ]

  static func make(_ files: [ResultFile]) throws(ReportError) -> PageSection {
    let subjects = files.map { ResultSubject($0) }
    let labels = ResultSubject.labels(subjects)
    var rows: [[Table.Cell]] = []
    for (file, label) in zip(files, labels) {
      let measures = try Measures(file.fields)
      rows.append([
        .text(label), .measured(Format.shown(measures.divergence)),
        .measured(Format.shown(measures.agreement).percent),
        .measured(Format.change(measures.change)),
        .measured(Format.shown(measures.meanChange).percent),
        .measured(Format.shown(measures.rootMeanSquare).percent),
        .text(Format.compact(measures.correlation, 4)),
      ])
    }
    let overall = Table(
      name: "Comparisons",
      columns: [
        .text("model"), .number("KL divergence, nats"), .number("same top token"),
        .number("change of perplexity"), .number("mean change of p"), .number("RMS change of p"),
        .number("correlation"),
      ], rows: rows)
    return PageSection(
      id: "compare", title: "Comparison",
      lead: "How far one model's predictions are from another's, token by token on the same text.",
      body: [
        overall.markup(),
        """
        <p class="note">p is the probability of the right token; correlation is that of its \
        logarithm.</p>
        """,
        try perplexities(files, labels).details("Perplexities of both"),
        try distribution("kl", "KL divergence, nats", files, labels)
          .details("Percentiles of the KL divergence"),
        try distribution("delta_p", "Change of p", files, labels)
          .details("Percentiles of the change of p"),
      ], files: files, subjects: subjects)
  }

  /// What the table shows of a comparison; numbers that it does not state are none.
  struct Measures {
    let divergence: Estimate
    let agreement: Estimate
    /// Of perplexity, in percent.
    let change: Estimate
    let meanChange: Estimate
    let rootMeanSquare: Estimate
    let correlation: Double

    init(_ fields: ResultFields) throws(ReportError) {
      func percent(_ estimate: Estimate) -> Estimate {
        Estimate(value: 100 * estimate.value, error: 100 * estimate.error)
      }
      let (kl, change) = (try fields.object("kl"), try fields.object("delta_p"))
      divergence = try kl.estimate("mean")
      agreement = percent(try fields.estimate("top1_agreement"))
      let ratio = try fields.estimate("ln_ppl_ratio")
      self.change = Estimate(
        value: 100 * (exp(ratio.value) - 1), error: 100 * exp(ratio.value) * ratio.error)
      meanChange = percent(try change.estimate("mean"))
      rootMeanSquare = percent(try change.estimate("rms"))
      correlation = try fields.optionalNumber("ln_correlation")
    }
  }

  private static func perplexities(
    _ files: [ResultFile], _ labels: [String]
  ) throws(ReportError) -> Table {
    var rows: [[Table.Cell]] = []
    for (file, label) in zip(files, labels) {
      rows.append([
        .text(label), .measured(Format.shown(try file.fields.estimate("ppl_base"))),
        .measured(Format.shown(try file.fields.estimate("ppl_other"))),
      ])
    }
    return Table(
      name: "Perplexities of both",
      columns: [.text("model"), .number("base"), .number("other")], rows: rows)
  }

  private static func distribution(
    _ key: String, _ name: String, _ files: [ResultFile], _ labels: [String]
  ) throws(ReportError) -> Table {
    var rows: [[Table.Cell]] = []
    for (statistic, title) in percentiles {
      var row: [Table.Cell] = [.text(title)]
      for file in files {
        let fields = try file.fields.object(key)
        row.append(.text(Format.shown(try fields.optionalNumber(statistic)).number))
      }
      rows.append(row)
    }
    return Table(
      name: name, columns: [.text(name)] + labels.map { .number($0) }, rows: rows)
  }
}
