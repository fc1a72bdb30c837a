import Evaluation

/// What follows from the perplexities of a page, as a sentence or two.
enum Verdict {
  /// A paragraph for each text on which two perplexities compare; `labels` gives what the summary calls
  /// the rows of one column's entries.
  static func markup(
    _ results: [ResultFile], labels: ([Summary.Entry]) -> [String]
  ) throws(ReportError) -> Markup {
    let groups = try PerplexityColumns.groups(results)
    let names = ResultScope.names(groups.map(\.scope))
    return zip(groups, names).map { group, name in
      markup(group, labels(group.entries()), name)
    }.filter { !$0.isEmpty }.lines()
  }

  /// The paragraph of one group; `name` tells its text, or how that was scored, from others.
  private static func markup(
    _ group: PerplexityColumns.Group, _ labels: [String], _ name: String
  ) -> Markup {
    guard group.comparable.count > 1, let best = group.best else { return "" }
    let bestLabel = zip(group.results, labels).first { result, _ in
      group.comparable.first?.targets == result.targets
        && result.perplexity.value == best.perplexity.value
    }?.1
    var (same, other): ([String], [String]) = ([], [])
    // One result given twice has one label.
    var told: Set<String> = [bestLabel ?? ""]
    for (text, label) in zip(group.results, labels) where told.insert(label).inserted {
      guard let change = text.change(from: best) else { continue }
      // A number and its error stay on one line.
      let number = Format.change(change).text.replacing(" ", with: "\u{A0}")
      let words = "\(label) (\(number))"
      if change.error.isFinite, group.isAsGood(text) == true {
        same.append(words)
      } else {
        other.append(words)
      }
    }
    let place = name.isEmpty ? "" : " (\(name))"
    var sentence: Markup = "<strong>\(bestLabel ?? "")</strong> predicts the text best\(place)."
    if !same.isEmpty {
      sentence += " Within two standard errors of it: \(same.joined(separator: ", "))."
    }
    if !other.isEmpty {
      sentence += " \(same.isEmpty ? "Above it" : "Beyond them"): \(other.joined(separator: ", "))."
    }
    return "<p class=\"verdict\">\(sentence)</p>"
  }
}
