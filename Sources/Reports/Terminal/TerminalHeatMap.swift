import Base

/// A heat map as a table for the terminal: numbers, on coloured ground where that is allowed.
package struct TerminalHeatMap: Sendable {
  package let map: HeatMap

  package init(_ map: HeatMap) { self.map = map }

  /// The lines of the table: the title, the column names, and a line per row; `color` is what the
  /// terminal shows, such as `TerminalColor.current`.
  package func text(color: TerminalColor) -> String {
    let columns = map.columnLabels.indices
    let cells = map.rowLabels.indices.map { row in
      columns.map { map.numberStyle.text(map.value(row, $0)) }
    }
    let names = map.columnLabels.map { printable($0) }
    let corner = printable("\(map.rowTitle) \\ \(map.columnTitle)")
    let rows = map.rowLabels.map { printable($0) }
    let first = (rows + [corner]).map(\.count).max() ?? 0
    let widths = columns.map { column in
      (cells.map { $0[column].count } + [names[column].count]).max() ?? 0
    }
    func padded(_ text: String, _ width: Int) -> String {
      String(repeating: " ", count: max(0, width - text.count)) + text
    }
    var lines = [printable(map.title)]
    lines.append(
      corner + String(repeating: " ", count: first - corner.count)
        + columns.map { " " + padded(names[$0], widths[$0]) + " " }.joined())
    for (row, label) in rows.enumerated() {
      lines.append(
        label + String(repeating: " ", count: first - label.count)
          + columns.map { column in
            let text = " " + padded(cells[row][column], widths[column]) + " "
            guard let ground = map.color(map.value(row, column)) else { return text }
            return Self.painted(text, on: ground, color)
          }.joined())
    }
    return lines.joined(separator: "\n")
  }

  /// Text on a coloured ground, in black or white, whichever is easier to read.
  static func painted(
    _ text: String, on ground: ColorScale.Color, _ color: TerminalColor
  ) -> String {
    switch color {
    case .none: return text
    case .full:
      let parts = [ground.red, ground.green, ground.blue].map { "\(Int($0.rounded()))" }
      let ink = ground.wantsBlackInk ? "38;2;0;0;0" : "38;2;255;255;255"
      return "\u{1B}[\(ink);48;2;\(parts.joined(separator: ";"))m\(text)\u{1B}[0m"
    case .palette:
      let (index, shown) = paletteColor(ground)
      // 16 and 231 are the cube's black and white, which themes leave alone.
      return "\u{1B}[38;5;\(shown.wantsBlackInk ? 16 : 231);48;5;\(index)m\(text)\u{1B}[0m"
    }
  }

  /// The nearest colour of the cube: its number from 16 to 231, and what it looks like.
  package static func paletteColor(
    _ color: ColorScale.Color
  ) -> (index: Int, shown: ColorScale.Color) {
    let levels = [0.0, 95, 135, 175, 215, 255]
    func nearest(_ component: Double) -> Int {
      levels.indices.min { abs(levels[$0] - component) < abs(levels[$1] - component) } ?? 0
    }
    let (red, green, blue) = (nearest(color.red), nearest(color.green), nearest(color.blue))
    return (
      16 + 36 * red + 6 * green + blue,
      ColorScale.Color(levels[red], levels[green], levels[blue])
    )
  }
}
