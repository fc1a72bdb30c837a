import Foundation

/// Figures of a page: a caption, the picture, and the same numbers as a table.
enum Figures {
  /// Curves, with a legend that wraps and a drawing of its own for narrow screens, where a wide
  /// one shrunk would be unreadable.
  static func lines(_ chart: LineChart, caption: Markup, table: Table) -> Markup {
    let legend = chart.series.enumerated().map { index, series -> Markup in
      let sample: Markup =
        "<path d=\"M1 7H33\"/>\(chart.showsMarkers ? LineChart.marker(index, 17, 7) : "")"
      return
        """
        <li><svg class="lines s\(index % LineChart.colors)" width="34" \
        height="14"\(LineChart.dash(index)) \
        aria-hidden="true">\(sample)</svg>\(series.name)</li>
        """
    }
    return """
      <figure>
      <figcaption><strong>\(chart.title).</strong> \(caption)</figcaption>
      <ul class="legend">\(legend.joined())</ul>
      <div class="wide">\(chart.drawing(width: 720, height: 380, inPage: true))</div>
      <div class="narrow">\(chart.drawing(width: 335, height: 300, inPage: true))</div>
      \(table.details("Numbers as a table"))
      </figure>
      """
  }

  /// A heat map, in a frame that scrolls sideways where the screen is too narrow for it. The
  /// caption calls it `title`; the map's own title also says of which model it is, for who does not
  /// see the heading above.
  static func heat(_ map: HeatMap, title: String, caption: Markup) -> Markup {
    let name = "\(map.title), \(map.rowTitle) by \(map.columnTitle)"
    let rows = map.rowLabels.enumerated().map { row, label in
      [Table.Cell.text(label)]
        + map.columnLabels.indices.map { .text(map.numberStyle.text(map.value(row, $0))) }
    }
    let table = Table(
      name: name,
      columns: [.text("\(map.rowTitle) \\ \(map.columnTitle)")]
        + map.columnLabels.map { .number($0) },
      rows: rows)
    return """
      <figure>
      <figcaption><strong>\(title).</strong> \(caption)</figcaption>
      <div class="scroll" tabindex="0" role="region" aria-label="\(name)">\(map.svg(inPage: true))</div>
      \(table.details("Numbers as a table"))
      </figure>
      """
  }

  /// The range of a heat map's colours over all values of a section, so that its maps compare.
  static func range(_ values: [Double], from low: Double? = nil) -> ClosedRange<Double> {
    let finite = values.filter(\.isFinite)
    let least = low ?? finite.min() ?? 0
    let most = finite.max() ?? least + 1
    return most > least ? least...most : least...(least + max(abs(least), 1))
  }
}
