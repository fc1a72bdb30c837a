import Evaluation
import OrderedCollections

/// The columns that a summary has of perplexities: of `eval perplexity`, of one model or several.
enum PerplexityColumns {
  /// Results on one text, cut and scored alike; of other tokenizers other tokens of it.
  struct Group {
    let scope: ResultScope
    let results: [TextScore]
    /// Those that scored the tokens that the first did.
    let comparable: [TextScore]
    /// The one of them with the least perplexity; nil where none is finite.
    let best: TextScore?

    init(_ results: [TextScore], scope: ResultScope) {
      self.scope = scope
      self.results = results
      comparable = results.filter { $0.targets == results.first?.targets }
      best = comparable.filter { $0.perplexity.value.isFinite }
        .min { $0.perplexity.value < $1.perplexity.value }
    }

    /// Differences of up to so many standard errors are not told apart.
    static let errors = 2.0

    /// Whether nothing tells a perplexity from the best: the paired difference is within its error or,
    /// where there is no error, is shown as none. Nil of one that does not compare.
    func isAsGood(_ result: TextScore) -> Bool? {
      guard let change = best.flatMap({ result.change(from: $0) }) else { return nil }
      return change.error.isFinite
        ? change.value <= Self.errors * change.error : Format.change(change).isZero
    }

    /// Its entries in a column of perplexities.
    func entries() -> [Summary.Entry] {
      results.map { result in
        // Of other tokens it is another number, which takes no part.
        let isComparable = result.targets == results.first?.targets
        return Summary.Entry(
          result.subject, isComparable ? result.perplexity.value : .nan,
          Format.shown(result.perplexity), key: result.key, isAsGood: isAsGood(result))
      }
    }
  }

  /// Of curves by length the points at each length that is the longest of one of them.
  static func groups(_ files: [ResultFile]) throws(ReportError) -> [Group] {
    var results = try PerplexitySection.scored(files.filter { $0.kind == PerplexityResult.kind })
    let sweeps = files.filter { $0.kind == PerplexitySweep.kind }
    let curves = try PerplexitySweepSection.curves(sweeps).map { $0.curve }
    let lengths = Set(curves.compactMap { $0.points.last?.context })
    // Each curve has few of the lengths, so those it has are looked at.
    var points: [Int: [TextScore]] = [:]
    for curve in curves {
      for length in Set(curve.points.map(\.context)).intersection(lengths) {
        if let point = curve.point(length) { points[length, default: []].append(point) }
      }
    }
    results += lengths.sorted().flatMap { points[$0] ?? [] }
    var groups: OrderedDictionary<[String], [TextScore]> = [:]
    for result in results { groups[result.scope.identity, default: []].append(result) }
    return groups.values.compactMap { results in
      results.first.map { Group(results, scope: $0.scope) }
    }
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
            let change = result.change(from: comparable[0])
            let cell =
              index == 0
              ? Format.Shown(value: "base", error: nil, power: nil)
              : change.map { Format.change($0) } ?? Format.shown(Double.nan)
            return Summary.Entry(
              result.subject, index == 0 ? 0 : change?.value ?? .nan, cell, key: result.key,
              isAsGood: group.isAsGood(result))
          }))
    }
    columns.append(
      Summary.Column(
        title: "perplexity\(place)", isLowerBetter: true, entries: group.entries()))
    let stated = group.results.filter { $0.bitsPerByte.value.isFinite }
    if comparable.count < group.results.count, let first = stated.first {
      columns.append(
        Summary.Column(
          title: "bits per byte\(place)", isLowerBetter: true,
          entries: stated.map { result in
            // Of other bytes it is another number, which takes no part.
            Summary.Entry(
              result.subject, result.scoresBytes(of: first) ? result.bitsPerByte.value : .nan,
              Format.shown(result.bitsPerByte), key: result.key)
          }))
    }
    return columns
  }
}
