import Evaluation

/// Changes of perplexity from the first of several models, as curves with a band of one standard error
/// up and down.
package struct ChangeChart: Sendable {
  package let chart: LineChart
  /// What is left out, as a sentence: beside it the others would all lie on one line.
  package let note: String

  /// Percent up to which all curves are shown together.
  private static let usual = 100.0

  /// Nil where nothing compares.
  /// - Parameters:
  ///   - title: above the chart.
  ///   - xTitle: below its horizontal axis.
  ///   - changes: of each model after the first, its points in percent; those of fewer than two points
  ///     do not compare.
  ///   - names: of all models.
  package init?(title: String, xTitle: String, changes: [[LineChart.Point]], names: [String]) {
    let compared = changes.indices.filter { changes[$0].count > 1 }
    func last(_ index: Int) -> Double { abs(changes[index].last?.y ?? .nan) }
    let near = compared.filter { last($0) <= Self.usual }
    let shown = near.isEmpty ? compared : near
    guard let first = shown.first else { return nil }
    var base = LineChart.Series(
      name: names[0], points: changes[first].map { LineChart.Point(x: $0.x, y: 0) })
    base.style = 0
    var series = [base]
    for index in shown {
      var own = LineChart.Series(name: names[index + 1], points: changes[index], hasBand: true)
      own.style = index + 1
      series.append(own)
    }
    chart = LineChart(
      title: title, xTitle: xTitle, yTitle: "change of perplexity, %", series: series)
    note =
      compared.filter { !shown.contains($0) }.map { index in
        let change = changes[index].last?.y ?? .nan
        return
          " Not drawn: \(names[index + 1]), \(Format.change(.init(value: change, error: .nan)).text)."
      }.joined()
  }
}
