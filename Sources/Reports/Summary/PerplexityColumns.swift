import Evaluation

/// The columns that a summary has of perplexities: of `eval perplexity`, of one model or several.
enum PerplexityColumns {
  /// Results on one text, cut and scored alike; of other tokenizers other tokens of it.
  struct Group {
    let text: String
    let cut: String
    var results: [TextScore] = []

    var context: Int { results.first?.context ?? 0 }

    /// Those that scored the tokens that the first did.
    var comparable: [TextScore] { results.filter { $0.targets == results.first?.targets } }

    /// Whether all that it says of variants is said of them by another, on more of the text.
    func isWithin(_ other: Group) -> Bool {
      let variants = Set(other.results.map(\.subject.variant))
      return cut != other.cut && text == other.text && context == other.context
        && results.allSatisfy { variants.contains($0.subject.variant) }
        && (results.first?.scored ?? 0, cut) < (other.results.first?.scored ?? 0, other.cut)
    }
  }

  /// Of curves by length the point at the longest.
  static func groups(_ files: [ResultFile]) throws(ReportError) -> [Group] {
    var results = try PerplexitySection.scored(files.filter { $0.kind == PerplexityResult.kind })
    let sweeps = files.filter { $0.kind == PerplexitySweep.kind }
    let curves = try PerplexitySweepSection.curves(sweeps)
    let longest = curves.flatMap { $0.curve.points.map(\.context) }.max() ?? 0
    results += curves.compactMap { $0.curve.point(longest) }
    var groups: [Group] = []
    for result in results {
      let text = result.subject.facts.first ?? ""
      let index = groups.firstIndex { $0.text == text && $0.cut == result.cut }
      if let index {
        groups[index].results.append(result)
      } else {
        groups.append(Group(text: text, cut: result.cut, results: [result]))
      }
    }
    return groups.filter { group in !groups.contains { group.isWithin($0) } }
  }

  static func columns(_ files: [ResultFile]) throws(ReportError) -> [Summary.Column] {
    let groups = try groups(files)
    let texts = Set(groups.map(\.text))
    return groups.flatMap { group -> [Summary.Column] in
      var place = Set(groups.map(\.context)).count > 1 ? ", ctx \(group.context)" : ""
      if texts.count > 1 { place += ", \(group.text)" }
      var columns: [Summary.Column] = []
      if group.comparable.count > 1, let base = group.results.first {
        columns.append(
          Summary.Column(
            title: "change of perplexity\(place)", isLowerBetter: true,
            entries: group.comparable.enumerated().map { index, result in
              guard index > 0, let change = result.change(from: base) else {
                return .init(result.subject, 0, .init(value: "base", error: nil, power: nil))
              }
              return .init(result.subject, change.value, Format.change(change))
            }))
      }
      columns.append(
        Summary.Column(
          title: "perplexity\(place)", isLowerBetter: true,
          // Of other tokens it is another number, which takes no part.
          entries: group.results.map { result in
            let isComparable = result.targets == group.results.first?.targets
            return .init(
              result.subject, isComparable ? result.perplexity.value : .nan,
              Format.shown(result.perplexity))
          }))
      if group.comparable.count < group.results.count {
        columns.append(
          Summary.Column(
            title: "bits per byte\(place)", isLowerBetter: true,
            entries: group.results.filter { $0.bitsPerByte.value.isFinite }.map {
              .init($0.subject, $0.bitsPerByte.value, Format.shown($0.bitsPerByte))
            }))
      }
      return columns
    }
  }
}
