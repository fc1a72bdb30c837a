/// The section of results of `eval compare`: two models on the same text, token by token.
enum ComparisonSection {
  /// Statistics of a distribution, in the order they are shown.
  private static let statistics = [
    ("mean", "mean"), ("rms", "root mean square"), ("max", "maximum"), ("p999", "99.9 %"),
    ("p99", "99 %"), ("p95", "95 %"), ("p90", "90 %"), ("median", "median"), ("p10", "10 %"),
    ("p05", "5 %"), ("p01", "1 %"), ("min", "minimum"),
  ]

  static func make(_ files: [ResultFile]) throws(ReportError) -> PageSection {
    var columns: [[String: String]] = []
    for file in files { columns.append(try values(file.fields)) }
    let subjects = files.map { ResultSubject($0) }
    let labels = ResultSubject.labels(subjects)
    func table(_ name: String, _ rows: [(key: String, title: String)]) -> Table {
      let shown = rows.filter { row in columns.contains { $0[row.key] != nil } }
      return Table(
        name: name, columns: [.text(name)] + labels.map { .number($0) },
        rows: shown.map { row in [.text(row.title)] + columns.map { .text($0[row.key] ?? "–") } })
    }
    let overall = table(
      "Overall",
      [
        ("ppl_base", "perplexity of the base"), ("ppl_other", "perplexity of the other"),
        ("ln_ppl_ratio", "logarithm of their ratio"),
        ("ln_correlation", "correlation of log-likelihoods"),
        ("top1_agreement", "same most likely token"),
      ])
    let divergence = table(
      "KL divergence, nats", statistics.map { ("kl.\($0.0)", $0.1) })
    let change = table(
      "Change of the right token's probability", statistics.map { ("delta_p.\($0.0)", $0.1) })
    return PageSection(
      id: "compare", title: "Comparison",
      lead: "How far one model's predictions are from another's, token by token on the same text.",
      body: [overall.markup(), divergence.markup(), change.markup()], files: files,
      subjects: subjects)
  }

  /// What the tables show, by the path of the field.
  private static func values(_ fields: ResultFields) throws(ReportError) -> [String: String] {
    var found: [String: String] = [:]
    func add(
      _ path: String, _ fields: ResultFields, _ key: String, _ style: HeatMap.NumberStyle
    ) throws(ReportError) {
      guard fields.has(key) else { return }
      let error = try fields.optionalNumber("\(key)_stderr")
      found[path] =
        style.text(try fields.number(key)) + (error.isFinite ? " ± " + style.text(error) : "")
    }
    for key in ["ppl_base", "ppl_other"] { try add(key, fields, key, .fixed(4)) }
    for key in ["ln_ppl_ratio", "ln_correlation"] { try add(key, fields, key, .fixed(6)) }
    if fields.has("top1_agreement") {
      found["top1_agreement"] =
        Format.compact(100 * (try fields.number("top1_agreement")), 3) + " %"
    }
    for name in ["kl", "delta_p"] {
      let object = try fields.object(name)
      for (key, _) in statistics { try add("\(name).\(key)", object, key, .general) }
    }
    return found
  }
}
