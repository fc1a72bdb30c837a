import Evaluation

/// What follows from the perplexities of a page, as a sentence or two.
enum Verdict {
  /// Differences of up to so many standard errors are not told apart.
  private static let errors = 2.0

  /// A paragraph for each text on which two perplexities compare.
  static func markup(_ results: [ResultFile]) throws(ReportError) -> Markup {
    let groups = try PerplexityColumns.groups(results)
    let names = ResultScope.names(groups.map(\.scope))
    return zip(groups, names).map { group, name in markup(group, name) }.filter { !$0.isEmpty }
      .lines()
  }

  /// The paragraph of one group; `name` tells its text, or how that was scored, from others.
  private static func markup(_ group: PerplexityColumns.Group, _ name: String) -> Markup {
    guard group.comparable.count > 1 else { return "" }
    let texts = group.comparable.filter { $0.perplexity.value.isFinite }
    guard let best = texts.min(by: { $0.perplexity.value < $1.perplexity.value }) else {
      return ""
    }
    let labels = ResultSubject.short(texts.map(\.subject.variant.title))
    var (same, other): ([String], [String]) = ([], [])
    var bestLabel = ""
    for (text, label) in zip(texts, labels) {
      if text.subject.variant == best.subject.variant {
        bestLabel = label
        continue
      }
      guard let change = text.change(from: best) else { continue }
      // A number and its error stay on one line.
      let number = Format.change(change).text.replacing(" ", with: "\u{A0}")
      let words = "\(label) (\(number))"
      // Without an error nothing says that a difference is none.
      if change.error.isFinite, change.value <= errors * change.error {
        same.append(words)
      } else {
        other.append(words)
      }
    }
    let place = name.isEmpty ? "" : " (\(name))"
    var sentence: Markup = "<strong>\(bestLabel)</strong> predicts the text best\(place)."
    if !same.isEmpty {
      sentence += " Within two standard errors of it: \(same.joined(separator: ", "))."
    }
    if !other.isEmpty {
      sentence += " \(same.isEmpty ? "Above it" : "Beyond them"): \(other.joined(separator: ", "))."
    }
    return "<p class=\"verdict\">\(sentence)</p>"
  }
}
