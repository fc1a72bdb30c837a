import Evaluation

/// The columns that a summary has of perplexities: of `eval perplexity`, of one model or several.
enum PerplexityColumns {
  /// Results on one text, cut and scored alike; of other tokenizers other tokens of it.
  struct Group {
    let scope: ResultScope
    var results: [TextScore] = []

    /// Those that scored the tokens that the first did.
    var comparable: [TextScore] { results.filter { $0.targets == results.first?.targets } }
  }

  /// Of curves by length the points at each length that is the longest of one of them.
  static func groups(_ files: [ResultFile]) throws(ReportError) -> [Group] {
    var results = try PerplexitySection.scored(files.filter { $0.kind == PerplexityResult.kind })
    let sweeps = files.filter { $0.kind == PerplexitySweep.kind }
    let curves = try PerplexitySweepSection.curves(sweeps).map { $0.curve }
    for length in Set(curves.compactMap { $0.points.last?.context }).sorted() {
      results += curves.compactMap { $0.point(length) }
    }
    var groups: [Group] = []
    for result in results {
      if let index = groups.firstIndex(where: { $0.scope.identity == result.scope.identity }) {
        groups[index].results.append(result)
      } else {
        groups.append(Group(scope: result.scope, results: [result]))
      }
    }
    return groups
  }

  static func columns(_ files: [ResultFile]) throws(ReportError) -> [Summary.Column] {
    let groups = try groups(files)
    let names = ResultScope.names(groups.map(\.scope))
    return zip(groups, names).flatMap { group, name in columns(group, name) }
  }

  /// The columns of one group; `name` tells it from others.
  private static func columns(_ group: Group, _ name: String) -> [Summary.Column] {
    let place = name.isEmpty ? "" : " · \(name)"
    var columns: [Summary.Column] = []
    let comparable = group.comparable
    if comparable.count > 1 {
      columns.append(
        Summary.Column(
          title: "change of perplexity\(place)", isLowerBetter: true,
          entries: comparable.enumerated().map { index, result in
            guard index > 0 else {
              return entry(result, 0, .init(value: "base", error: nil, power: nil))
            }
            let change = result.change(from: comparable[0])
            return entry(
              result, change?.value ?? .nan,
              change.map { Format.change($0) } ?? Format.shown(Double.nan))
          }))
    }
    columns.append(
      Summary.Column(
        title: "perplexity\(place)", isLowerBetter: true,
        // Of other tokens it is another number, which takes no part.
        entries: group.results.map { result in
          let isComparable = result.targets == group.results.first?.targets
          return entry(
            result, isComparable ? result.perplexity.value : .nan, Format.shown(result.perplexity))
        }))
    if comparable.count < group.results.count {
      columns.append(
        Summary.Column(
          title: "bits per byte\(place)", isLowerBetter: true,
          entries: group.results.filter { $0.bitsPerByte.value.isFinite }.map {
            entry($0, $0.bitsPerByte.value, Format.shown($0.bitsPerByte))
          }))
    }
    return columns
  }

  private static func entry(
    _ result: TextScore, _ value: Double, _ cell: Format.Shown
  ) -> Summary.Entry {
    Summary.Entry(result.subject, value, cell, key: result.key)
  }
}
