import Foundation

/// Figures of a page: a caption, the picture, and the same numbers as a table.
enum Figures {
  /// Curves as wide as the page, named at their ends; for narrow screens, where a wide drawing shrunk
  /// would be unreadable, one of its own with a legend that wraps.
  static func lines(_ chart: LineChart, caption: Markup, table: Table) -> Markup {
    let legend = chart.series.enumerated().map { place, series -> Markup in
      let index = chart.style(place)
      let sample: Markup =
        "<path d=\"M1 7H33\"/>\(chart.showsMarkers ? LineChart.marker(index, 17, 7) : "")"
      return
        """
        <li><svg class="lines s\(index % LineChart.colors)" width="34" \
        height="14"\(LineChart.dash(index)) \
        aria-hidden="true">\(sample)</svg>\(series.name)</li>
        """
    }
    // One line needs no name beside it.
    let isNamed = chart.series.count > 1
    let key: Markup = isNamed ? "<ul class=\"legend\">\(legend.joined())</ul>\n" : ""
    let wide = chart.drawing(width: 944, height: 380, inPage: true, namesLines: isNamed)
    let narrow = chart.drawing(width: 335, height: 300, inPage: true, namesLines: false)
    return """
      <figure>
      <figcaption><strong>\(chart.title).</strong> \(caption)</figcaption>
      <div class="wide">\(wide)</div>
      <div class="narrow">\(key)\(narrow)</div>
      \(table.details("Numbers as a table"))
      </figure>
      """
  }

  /// A heat map, in a frame that scrolls sideways where the screen is too narrow for it. The
  /// caption calls it `title`; the map's own title says besides what it is a map of, for who does not
  /// see the heading above.
  static func heat(_ map: HeatMap, title: String) -> Markup {
    let name = "\(map.title), \(map.rowTitle) by \(map.columnTitle)"
    return """
      <figure>
      <figcaption><strong>\(title)</strong></figcaption>
      <div class="scroll" tabindex="0" role="region" aria-label="\(name)">\(map.svg(inPage: true))</div>
      \(numbers(map).details("Numbers as a table"))
      </figure>
      """
  }

  /// A map's numbers.
  static func numbers(_ map: HeatMap) -> Table {
    Table(
      name: "\(map.title), \(map.rowTitle) by \(map.columnTitle)",
      columns: [.text("\(map.rowTitle) \\ \(map.columnTitle)")]
        + map.columnLabels.map { .number($0) },
      rows: map.rowLabels.enumerated().map { row, label in
        [Table.Cell.text(label)]
          + map.columnLabels.indices.map { .text(map.numberStyle.text(map.value(row, $0))) }
      })
  }

  /// Maps side by side, as many as the page is wide for, below a heading that they share.
  static func maps(_ title: String, caption: String, _ maps: [(map: HeatMap, title: String)])
    -> [Markup]
  {
    guard let width = maps.map(\.map.pageWidth).max() else { return [] }
    return [
      "<h3>\(title)</h3>\n<p class=\"caption\">\(caption)</p>",
      """
      <div class="maps" style="--map:\(0.9 * width)px">
      \(maps.map { heat($0.map, title: $0.title) }.lines())
      </div>
      """,
    ]
  }
}
