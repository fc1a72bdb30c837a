import Evaluation

/// The columns that each kind has in a summary.
extension ShownKind {
  static func summary(_ files: [ResultFile]) throws(ReportError) -> [Summary.Column] {
    try summary(of: files.filter { $0.kind == kind })
  }

  /// One number of every file, in a column for each text, tasks and settings that it was measured on.
  static func column(
    _ title: String, _ files: [ResultFile], isLowerBetter: Bool = false,
    show: (Estimate) -> Format.Shown = { Format.shown($0) },
    _ value: (ResultFile) throws(ReportError) -> Estimate
  ) throws(ReportError) -> [Summary.Column] {
    var groups: [(scope: ResultScope, entries: [Summary.Entry])] = []
    for file in files {
      let estimate = try value(file)
      let entry = Summary.Entry(ResultSubject(file), estimate.value, show(estimate))
      let scope = ResultScope(file)
      if let index = groups.firstIndex(where: { $0.scope.identity == scope.identity }) {
        groups[index].entries.append(entry)
      } else {
        groups.append((scope, [entry]))
      }
    }
    let titles = ResultScope.titles(title, groups.map { $0.scope })
    return zip(titles, groups).map { title, group in
      Summary.Column(title: title, isLowerBetter: isLowerBetter, entries: group.entries)
    }
  }

  /// A share as percent.
  static func percent(_ share: Estimate) -> Format.Shown {
    Format.shown(100 * share.value, error: 100 * share.error).percent
  }
}

extension PerplexityResult {
  /// Those of sweeps among them.
  static func summary(_ files: [ResultFile]) throws(ReportError) -> [Summary.Column] {
    try PerplexityColumns.columns(files)
  }
}

extension ComparisonResult {
  static func summary(of files: [ResultFile]) throws(ReportError) -> [Summary.Column] {
    try column("KL divergence, nats", files, isLowerBetter: true) { file throws(ReportError) in
      try ComparisonSection.Measures(file.fields).divergence
    }
      + column("same top token", files, show: { Format.shown($0).percent }) {
        file throws(ReportError) in
        try ComparisonSection.Measures(file.fields).agreement
      }
  }
}

extension NeedleResult {
  static func summary(of files: [ResultFile]) throws(ReportError) -> [Summary.Column] {
    try column("needles", files, show: percent) { file throws(ReportError) in
      try file.fields.estimate("accuracy")
    }
  }
}

extension RulerResult {
  static func summary(of files: [ResultFile]) throws(ReportError) -> [Summary.Column] {
    let generated = files.filter { $0.json["score"]?.double != nil }
    let likelihoods = files.filter { $0.json["score"]?.double == nil }
    return try column("RULER", generated) { file throws(ReportError) in
      Estimate(
        value: try file.fields.number("score"), error: try file.fields.optionalNumber("stderr"))
    }
      + column("RULER, answer nll", likelihoods, isLowerBetter: true) {
        file throws(ReportError) in
        Estimate(
          value: try file.fields.optionalNumber("answer_nll"),
          error: try file.fields.optionalNumber("stderr"))
      }
  }
}

extension FewShotResult {
  static func summary(of files: [ResultFile]) throws(ReportError) -> [Summary.Column] {
    try column("few-shot, centred", files) { file throws(ReportError) in
      // Results of before call it `core`.
      let isNamed = file.json["mean_centered"] != nil
      let stated = try file.fields.estimate(isNamed ? "mean_centered" : "core")
      guard !stated.value.isFinite else { return stated }
      var sum = 0.0
      let tasks = try file.fields.objects("tasks")
      for task in tasks { sum += try task.number("centered") }
      return Estimate(value: sum / Double(tasks.count), error: .nan)
    }
  }
}

extension BitsPerByteResult {
  static func summary(of files: [ResultFile]) throws(ReportError) -> [Summary.Column] {
    try column("bits per byte", files, isLowerBetter: true) { file throws(ReportError) in
      try file.fields.estimate("bits_per_byte")
    }
  }
}
