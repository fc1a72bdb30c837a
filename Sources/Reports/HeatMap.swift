import Foundation

/// A grid of numbers as an SVG picture: light is little, dark is much.
public struct HeatMap: Sendable {
  public var title: String
  public var rowTitle: String
  public var columnTitle: String
  public var rowLabels: [String]
  public var columnLabels: [String]
  /// [rows][columns]
  public var values: [[Double]]
  /// Values at the light and the dark end; on a logarithmic scale both are above 0.
  public var range: ClosedRange<Double>
  public var isLogarithmic: Bool

  public init(
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

  private static let cell = (width: 16, height: 14)
  private static let margin = (left: 64, top: 48, right: 132, bottom: 48)

  /// The picture, complete and without references to anything outside it.
  public func svg() -> String {
    let columns = columnLabels.count
    let width = Self.margin.left + columns * Self.cell.width + Self.margin.right
    let height = Self.margin.top + rowLabels.count * Self.cell.height + Self.margin.bottom
    var lines = [
      #"<svg xmlns="http://www.w3.org/2000/svg" width="\#(width)" height="\#(height)""#
        + #" viewBox="0 0 \#(width) \#(height)" font-family="sans-serif" font-size="10">"#,
      #"<rect width="\#(width)" height="\#(height)" fill="white"/>"#,
      text(title, x: Self.margin.left, y: 18, size: 13),
      text(columnTitle, x: Self.margin.left, y: height - 8),
      text(rowTitle, x: 8, y: Self.margin.top - 8),
    ]
    for (row, label) in rowLabels.enumerated() {
      let y = Self.margin.top + row * Self.cell.height
      lines.append(text(label, x: Self.margin.left - 6, y: y + 11, anchor: "end"))
      for (column, value) in values[row].enumerated() {
        let x = Self.margin.left + column * Self.cell.width
        lines.append(
          #"<rect x="\#(x)" y="\#(y)" width="\#(Self.cell.width)" height="\#(Self.cell.height)""#
            + #" fill="\#(color(value))"><title>\#(escaped(rowTitle)) \#(escaped(label)),"#
            + #" \#(escaped(columnTitle)) \#(escaped(columnLabels[column])):"#
            + #" \#(Format.general(value))</title></rect>"#)
      }
    }
    let step = max(1, columns / 8)
    for column in stride(from: 0, to: columns, by: step) {
      lines.append(
        text(
          columnLabels[column],
          x: Self.margin.left + column * Self.cell.width + Self.cell.width / 2,
          y: height - Self.margin.bottom + 14, anchor: "middle"))
    }
    lines += legend(x: width - Self.margin.right + 16)
    lines.append("</svg>")
    return lines.joined(separator: "\n") + "\n"
  }

  private func legend(x: Int) -> [String] {
    (0...4).flatMap { step -> [String] in
      let share = Double(step) / 4
      let (low, high) = (range.lowerBound, range.upperBound)
      let value = isLogarithmic ? low * pow(high / low, share) : low + (high - low) * share
      let y = Self.margin.top + step * 18
      return [
        #"<rect x="\#(x)" y="\#(y)" width="16" height="14" fill="\#(color(value))"/>"#,
        text(Format.general((value * 1e6).rounded() / 1e6), x: x + 22, y: y + 11),
      ]
    }
  }

  private func text(
    _ text: String, x: Int, y: Int, size: Int? = nil, anchor: String? = nil
  ) -> String {
    let size = size.map { #" font-size="\#($0)""# } ?? ""
    let anchor = anchor.map { #" text-anchor="\#($0)""# } ?? ""
    return #"<text x="\#(x)" y="\#(y)"\#(size)\#(anchor)>\#(escaped(text))</text>"#
  }

  private func escaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
      .replacing("\"", with: "&quot;")
  }

  /// From white over yellow and red to black, evenly darker.
  private func color(_ value: Double) -> String {
    guard value.isFinite else { return "#c0c0ff" }
    let (low, high) = (range.lowerBound, range.upperBound)
    let share =
      isLogarithmic
      ? log(max(value, low) / low) / log(high / low) : (value - low) / (high - low)
    let stops: [(Double, Double, Double)] = [
      (255, 255, 245), (254, 217, 118), (240, 90, 50), (128, 0, 60), (20, 0, 20),
    ]
    let place = min(max(share.isFinite ? share : 0, 0), 1) * Double(stops.count - 1)
    let index = min(Int(place), stops.count - 2)
    let rest = place - Double(index)
    let (one, two) = (stops[index], stops[index + 1])
    func mix(_ a: Double, _ b: Double) -> Int { Int((a + (b - a) * rest).rounded()) }
    return String(
      format: "#%02x%02x%02x", mix(one.0, two.0), mix(one.1, two.1), mix(one.2, two.2))
  }
}
