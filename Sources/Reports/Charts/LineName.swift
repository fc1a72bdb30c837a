/// The names of lines at their right ends, kept apart.
enum LineName {
  /// Letters of the longest name.
  private static let longest = 32
  private static let height = 15.0

  /// A name that fits beside a chart.
  static func cut(_ name: String) -> String {
    name.count > longest ? name.prefix(longest - 1) + "…" : name
  }

  /// Roughly how wide a name is, in pixels.
  static func width(_ name: String) -> Double { Double(name.count) * 6.6 }

  /// The names where their lines end, moved apart where they would touch; a line without an end has
  /// none.
  static func markup(
    _ names: [String], styles: [Int], at ends: [Double?], in plot: LineChart.Plot
  ) -> [Markup] {
    var placed: [(style: Int, name: String, y: Double)] = []
    for (index, name) in names.enumerated() {
      if let y = ends[index] { placed.append((styles[index], name, y)) }
    }
    placed.sort { ($0.y, $0.style) < ($1.y, $1.style) }
    // Down from the top, then up again from the bottom, each no nearer than a line of text.
    for index in placed.indices.dropFirst() {
      placed[index].y = max(placed[index].y, placed[index - 1].y + height)
    }
    var floor = plot.bottom
    for index in placed.indices.reversed() {
      placed[index].y = min(placed[index].y, floor)
      floor = placed[index].y - height
    }
    return placed.map { name in
      """
      <text class="name s\(name.style % LineChart.colors)" x="\(plot.right + 10)" \
      y="\(name.y + 4)">\(name.name)</text>
      """
    }
  }
}
