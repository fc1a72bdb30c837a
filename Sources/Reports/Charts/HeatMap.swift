import Foundation

/// A grid of numbers as a picture: colours, and the numbers themselves where there is room.
package struct HeatMap: Sendable {
  /// How a cell's number is written.
  package enum NumberStyle: Sendable, Equatable {
    /// Six significant digits.
    case general
    /// So many digits after the point.
    case fixed(Int)
    /// A share from 0 to 1 in percent.
    case percent
    /// A difference with its sign and so many digits after the point.
    case change(Int)
    /// A difference of shares in percentage points.
    case percentChange

    private static func signed(_ value: Double, _ digits: Int) -> String {
      let text = Format.compact(abs(value), digits)
      guard text.contains(where: { $0.isNumber && $0 != "0" }) else { return text }
      return (value < 0 ? "−" : "+") + text
    }

    /// The number as text; a dash where there is none.
    package func text(_ value: Double) -> String {
      guard value.isFinite else { return "–" }
      switch self {
      case .general: return Format.general(value)
      case .fixed(let digits): return Format.compact(value, digits)
      case .percent:
        let text = Format.compact(100 * value, 1)
        return (text.hasSuffix(".0") ? String(text.dropLast(2)) : text) + " %"
      case .change(let digits): return Self.signed(value, digits)
      case .percentChange:
        let text = Self.signed(100 * value, 1)
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
      }
    }
  }

  /// What stands under the two ends of the columns, where they have an order worth telling.
  package struct Ends: Sendable, Equatable {
    package let first: String
    package let last: String

    package init(first: String, last: String) {
      self.first = first
      self.last = last
    }
  }

  /// Rows times columns that are drawn at most, or stand in a table of one number a cell: some 10 MB
  /// of a page. What few cells of a file lie on
  /// can have as many as the square of them.
  package static let mostCells = 20_000

  /// Whether a map of so many rows and columns is drawn.
  package static func holds(rows: Int, columns: Int) -> Bool {
    let (cells, overflow) = rows.multipliedReportingOverflow(by: columns)
    return !overflow && cells <= mostCells
  }

  package var title: String
  package var rowTitle: String
  package var columnTitle: String
  package var rowLabels: [String]
  package var columnLabels: [String]
  /// [rows][columns]; a value that is not finite is shown as missing.
  package var values: [[Double]]
  /// Values at the two ends of the scale; on a logarithmic scale both are above 0.
  package var range: ClosedRange<Double>
  package var isLogarithmic: Bool
  package var scale = ColorScale.darkIsMuch
  /// Whether cells are large and hold their numbers.
  package var showsNumbers = false
  package var numberStyle = NumberStyle.general
  package var columnEnds: Ends?

  package init(
    title: String, rowTitle: String, columnTitle: String, rowLabels: [String],
    columnLabels: [String], values: [[Double]], range: ClosedRange<Double>,
    isLogarithmic: Bool = false
  ) {
    self.title = title
    self.rowTitle = rowTitle
    self.columnTitle = columnTitle
    self.rowLabels = rowLabels
    self.columnLabels = columnLabels
    self.values = values
    self.range = range
    self.isLogarithmic = isLogarithmic
  }

  /// The cell's value; not a number where the row is too short.
  func value(_ row: Int, _ column: Int) -> Double {
    row < values.count && column < values[row].count ? values[row][column] : .nan
  }

  /// Where a value stands between the ends of the range, from 0 to 1.
  package func share(_ value: Double) -> Double {
    let (low, high) = (range.lowerBound, range.upperBound)
    let share =
      isLogarithmic
      ? log(max(value, low) / low) / log(high / low) : (value - low) / (high - low)
    return share.isFinite ? min(max(share, 0), 1) : 0
  }

  /// The colour of a value; nil for one that is not finite.
  package func color(_ value: Double) -> ColorScale.Color? {
    value.isFinite ? scale.color(share(value)) : nil
  }

  /// The picture as a file, complete and without references to anything outside it.
  package func svg() -> String { svg(inPage: false).text + "\n" }

  // MARK: - Drawing

  /// Where the parts of the picture stand, in pixels.
  private struct Layout {
    var cell: (width: Double, height: Double)
    var left: Double
    var top: Double
    var width: Double
    var height: Double
    var grid: (right: Double, bottom: Double)

    /// Roughly what a letter of a sans-serif font is wide, as a share of its size.
    static let letter = 0.6
  }

  private func layout(inPage: Bool) -> Layout {
    let size = showsNumbers ? 12.0 : 10
    func width(_ labels: [String], _ size: Double) -> Double {
      Double(labels.map(\.count).max() ?? 0) * size * Layout.letter
    }
    let numbers = showsNumbers ? values.joined().map(numberStyle.text) : []
    let cell =
      showsNumbers
      ? (width: max(width(numbers, size), width(columnLabels, size), 32) + 16, height: 34.0)
      : (width: 16.0, height: 14.0)
    let left = max(width(rowLabels, size) + 14, Double(rowTitle.count) * size * Layout.letter + 14)
    let top = inPage ? 26.0 : 52
    let right = left + cell.width * Double(columnLabels.count)
    let bottom = top + cell.height * Double(rowLabels.count)
    let titled = inPage ? 0 : left + Double(title.count) * 13 * Layout.letter
    return Layout(
      cell: cell, left: left, top: top, width: max(right, left + 240, titled) + 12,
      height: bottom + 84, grid: (right, bottom))
  }

  /// How wide the picture is in a page, in pixels.
  var pageWidth: Double { layout(inPage: true).width }

  /// The picture: in a page its colours of text come from the style sheet and its title stands
  /// above it; as a file it brings both.
  func svg(inPage: Bool) -> Markup {
    let layout = layout(inPage: inPage)
    let size: Markup =
      """
      width="\(layout.width)" height="\(layout.height)" viewBox="0 0 \(layout.width) \
      \(layout.height)"
      """
    var lines: [Markup] = []
    if inPage {
      lines.append(
        """
        <svg class="chart heat" \(size) style="max-width:\(1.2 * layout.width)px;\
        min-width:\(0.75 * layout.width)px" font-size="\(showsNumbers ? 12 : 10)" role="img" \
        aria-label="\(title)">
        """
      )
    } else {
      lines += [
        """
        <svg xmlns="http://www.w3.org/2000/svg" \(size) font-family="sans-serif" \
        font-size="\(showsNumbers ? 12 : 10)">
        """,
        "<rect width=\"\(layout.width)\" height=\"\(layout.height)\" fill=\"white\"/>",
        "<text x=\"\(layout.left)\" y=\"18\" font-size=\"13\">\(title)</text>",
      ]
    }
    lines += [
      """
      <text x="\(layout.left - 7)" y="\(layout.top - 9)" text-anchor="end">\(rowTitle)</text>
      """
    ]
    lines += cells(layout) + columnNames(layout) + legend(layout)
    lines.append("</svg>")
    return lines.lines()
  }

  private func cells(_ layout: Layout) -> [Markup] {
    let gap = showsNumbers ? 1.0 : 0
    var lines: [Markup] = []
    for (row, label) in rowLabels.enumerated() {
      let y = layout.top + Double(row) * layout.cell.height
      let middle = y + layout.cell.height / 2 + 4
      lines.append(
        "<text x=\"\(layout.left - 7)\" y=\"\(middle)\" text-anchor=\"end\">\(label)</text>")
      for (column, name) in columnLabels.enumerated() {
        let value = value(row, column)
        let x = layout.left + Double(column) * layout.cell.width
        let color = color(value)
        lines.append(
          """
          <rect x="\(x)" y="\(y)" width="\(layout.cell.width - gap)" \
          height="\(layout.cell.height - gap)" fill="\(color?.hex ?? "#b4b4b4")">\
          <title>\(rowTitle) \(label), \(columnTitle) \(name): \(numberStyle.text(value))</title></rect>
          """
        )
        guard showsNumbers else { continue }
        let ink = color?.wantsBlackInk ?? true ? "#000" : "#fff"
        // The style attribute outranks a page's rules for the text of charts.
        lines.append(
          """
          <text x="\(x + (layout.cell.width - gap) / 2)" y="\(middle)" text-anchor="middle" \
          style="fill:\(ink)" pointer-events="none">\(numberStyle.text(value))</text>
          """
        )
      }
    }
    return lines
  }

  private func columnNames(_ layout: Layout) -> [Markup] {
    let step = showsNumbers ? 1 : max(1, columnLabels.count / 8)
    var lines = stride(from: 0, to: columnLabels.count, by: step).map { column -> Markup in
      let x = layout.left + (Double(column) + 0.5) * layout.cell.width
      return
        """
        <text x="\(x)" y="\(layout.grid.bottom + 16)" \
        text-anchor="middle">\(columnLabels[column])</text>
        """
    }
    let y = layout.grid.bottom + 34
    guard let columnEnds else {
      lines.append("<text x=\"\(layout.left)\" y=\"\(y)\">\(columnTitle)</text>")
      return lines
    }
    let middle = (layout.left + layout.grid.right) / 2
    lines += [
      "<text x=\"\(layout.left)\" y=\"\(y)\">\(columnEnds.first)</text>",
      "<text x=\"\(middle)\" y=\"\(y)\" text-anchor=\"middle\">\(columnTitle)</text>",
      "<text x=\"\(layout.grid.right)\" y=\"\(y)\" text-anchor=\"end\">\(columnEnds.last)</text>",
    ]
    return lines
  }

  /// Steps of the colour bar: too narrow for the eye to see them.
  package static let barSteps = 50

  /// The scale as a bar without steps, with the values at both ends and in the middle.
  private func legend(_ layout: Layout) -> [Markup] {
    let y = layout.grid.bottom + 48
    let (width, step) = (200.0, 200 / Double(Self.barSteps))
    var lines = (0..<Self.barSteps).map { index -> Markup in
      let color = scale.color((Double(index) + 0.5) / Double(Self.barSteps))
      // Each reaches under the next, so that no seam shows between them.
      let reach = index + 1 < Self.barSteps ? 1.0 : 0
      return
        """
        <rect x="\(layout.left + Double(index) * step)" y="\(y)" width="\(step + reach)" height="10" \
        fill="\(color.hex)"/>
        """
    }
    let (low, high) = (range.lowerBound, range.upperBound)
    for (share, anchor) in [(0.0, "start"), (0.5, "middle"), (1, "end")] {
      let value = isLogarithmic ? low * pow(high / low, share) : low + (high - low) * share
      let text =
        numberStyle == .general ? Format.shown(value).number : numberStyle.text(value)
      lines.append(
        """
        <text x="\(layout.left + share * width)" y="\(y + 24)" \
        text-anchor="\(anchor)">\(text)</text>
        """)
    }
    return lines
  }
}
