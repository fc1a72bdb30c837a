import Foundation

/// Curves over a common horizontal axis as an SVG picture.
///
/// Series differ in colour, dashes and marker, so no two are told apart by colour alone.
package struct LineChart: Sendable {
  package struct Point: Sendable {
    package var x: Double
    package var y: Double
    /// Half the height of the error bar.
    package var error: Double?

    package init(x: Double, y: Double, error: Double? = nil) {
      self.x = x
      self.y = y
      self.error = error
    }
  }

  package struct Series: Sendable {
    package var name: String
    package var points: [Point]
    /// A thin curve behind the main one, such as the single values behind a running mean.
    package var background: [Point] = []
    /// Whether the points' errors are a band along the curve, in the place of bars.
    package var hasBand = false
    /// The number of its colour, dashes and marker; nil: its place among the series.
    package var style: Int?

    package init(
      name: String, points: [Point], background: [Point] = [], hasBand: Bool = false
    ) {
      self.name = name
      self.points = points
      self.background = background
      self.hasBand = hasBand
    }
  }

  package var title: String
  package var xTitle: String
  package var yTitle: String
  package var series: [Series]
  package var isLogarithmic = (x: false, y: false)
  /// The values marked on the horizontal axis; round ones where empty.
  package var xTicks: [Double] = []
  package var showsMarkers = true

  package init(title: String, xTitle: String, yTitle: String, series: [Series]) {
    self.title = title
    self.xTitle = xTitle
    self.yTitle = yTitle
    self.series = series
  }

  /// Colours, dashes and markers repeat after so many series, and all three together later.
  static let colors = 6

  /// The picture as a file, complete and without references to anything outside it.
  package func svg(width: Int = 720, height: Int = 380) -> String {
    drawing(width: Double(width), height: Double(height), inPage: false, namesLines: true).text
      + "\n"
  }

  // MARK: - Drawing

  /// The rectangle that the axes span, and how values map into it.
  struct Plot {
    let left: Double
    let top: Double
    let right: Double
    let bottom: Double
    let x: Axis
    let y: Axis

    func place(_ point: Point) -> (x: Double, y: Double)? {
      guard let across = x.share(point.x), let up = self.y.share(point.y) else { return nil }
      return (left + across * (right - left), height(up))
    }

    func height(_ share: Double) -> Double { bottom - share * (bottom - top) }
  }

  /// The chart as SVG; in a page its colours come from the page's style sheet, else it brings them.
  /// `namesLines`: whether each line's name stands at its end.
  func drawing(width: Double, height: Double, inPage: Bool, namesLines: Bool) -> Markup {
    let size: Markup =
      "width=\"\(width)\" height=\"\(height)\" viewBox=\"0 0 \(width) \(height)\""
    var lines: [Markup] = []
    if inPage {
      lines.append(
        "<svg class=\"chart lines\" \(size) role=\"img\" aria-label=\"\(title)\">")
    } else {
      lines += [
        """
        <svg xmlns="http://www.w3.org/2000/svg" class="chart lines" \(size) \
        font-family="sans-serif">
        """,
        "<style>\(PageStyle.chart)</style>",
        "<rect width=\"\(width)\" height=\"\(height)\" fill=\"white\"/>",
      ]
    }
    let all = series.flatMap { $0.points + $0.background }
    // An error bar that reaches below zero has no place on a logarithmic axis; its point has.
    let heights =
      all.flatMap { point -> [Double] in
        guard let error = point.error, error.isFinite else { return [point.y] }
        return [point.y, point.y + error, point.y - error]
          .filter { !isLogarithmic.y || $0 > point.y / 4 }
      }
    if let x = Axis(all.map(\.x), isLogarithmic: isLogarithmic.x, padding: 0.02),
      let y = Axis(heights, isLogarithmic: isLogarithmic.y, padding: 0.06)
    {
      let yTicks = y.ticks(about: 5)
      let widest = yTicks.map { Format.general($0).count }.max() ?? 1
      let names = namesLines ? series.map(\.name).map(LineName.cut) : []
      let room = names.map(LineName.width).max().map { $0 + 10 } ?? 0
      let plot = Plot(
        left: Double(widest) * 7.2 + 12, top: 30, right: width - 16 - room, bottom: height - 46,
        x: x, y: y)
      lines += frame(plot, yTicks)
      for (index, series) in series.enumerated() where series.hasBand {
        lines.append(band(series, style(index), plot))
      }
      for (index, series) in series.enumerated() { lines += curve(series, style(index), plot) }
      lines += LineName.markup(
        names, styles: series.indices.map(style),
        at: series.map { series in series.points.lazy.reversed().compactMap(plot.place).first?.y },
        in: plot)
    } else {
      lines.append("<text x=\"16\" y=\"40\">no values that can be drawn</text>")
    }
    lines.append("</svg>")
    return lines.lines()
  }

  /// The number of a series' colour, dashes and marker.
  func style(_ index: Int) -> Int { series[index].style ?? index }

  private func frame(_ plot: Plot, _ yTicks: [Double]) -> [Markup] {
    var lines: [Markup] = [
      "<text class=\"axis\" x=\"0\" y=\"14\">\(yTitle)</text>",
      """
      <text class="axis" x="\(plot.right)" y="\(plot.bottom + 40)" \
      text-anchor="end">\(xTitle)</text>
      """,
    ]
    for tick in yTicks {
      guard let share = plot.y.share(tick) else { continue }
      let y = plot.height(share)
      lines += [
        "<line class=\"rule\" x1=\"\(plot.left)\" x2=\"\(plot.right)\" y1=\"\(y)\" y2=\"\(y)\"/>",
        """
        <text x="\(plot.left - 8)" y="\(y + 4)" text-anchor="end">\(Format.general(tick))</text>
        """,
      ]
    }
    lines.append(
      """
      <line class="base" x1="\(plot.left)" x2="\(plot.right)" y1="\(plot.bottom)" \
      y2="\(plot.bottom)"/>
      """
    )
    let ticks =
      xTicks.isEmpty
      ? plot.x.ticks(about: max(3, Int((plot.right - plot.left) / 90)), atLeast: 1) : xTicks
    var free = -Double.infinity
    for tick in ticks {
      guard let share = plot.x.share(tick) else { continue }
      let x = plot.left + share * (plot.right - plot.left)
      let label = Format.general(tick)
      let half = Double(label.count) * 3.8
      lines.append(
        """
        <line class="base" x1="\(x)" x2="\(x)" y1="\(plot.bottom)" y2="\(plot.bottom + 5)"/>
        """
      )
      // A label that would touch the one before it is left out.
      guard x - half > free + 6 else { continue }
      free = x + half
      lines.append(
        "<text x=\"\(x)\" y=\"\(plot.bottom + 20)\" text-anchor=\"middle\">\(label)</text>")
    }
    return lines
  }

  private func curve(_ series: Series, _ index: Int, _ plot: Plot) -> [Markup] {
    var lines: [Markup] = [
      "<g class=\"s\(index % Self.colors)\"\(Self.dash(index)) aria-label=\"\(series.name)\">"
    ]
    if !series.background.isEmpty {
      lines.append("<path class=\"faint\" d=\"\(path(series.background, plot))\"/>")
    }
    lines.append("<path d=\"\(path(series.points, plot))\"/>")
    for point in series.points where showsMarkers || series.points.count == 1 {
      guard let place = plot.place(point) else { continue }
      if !series.hasBand, let error = point.error, error.isFinite, error > 0,
        let above = plot.y.share(point.y + error)
      {
        let below = max(plot.y.share(point.y - error) ?? 0, 0)
        lines.append(
          "<path class=\"bar\" d=\"M\(place.x) \(plot.height(above))V\(plot.height(below))\"/>")
      }
      let value = Format.shown(point.y, error: point.error ?? .nan).text
      let tip: Markup =
        "<title>\(series.name), \(xTitle) \(Format.general(point.x)): \(value)</title>"
      lines.append(Self.marker(index, place.x, place.y, tip))
    }
    lines.append("</g>")
    return lines
  }

  /// The area of one error above and below a curve; points without one interrupt it.
  private func band(_ series: Series, _ index: Int, _ plot: Plot) -> Markup {
    var path = Markup()
    var run: [Point] = []
    func close() {
      let corners =
        run.map { Point(x: $0.x, y: $0.y + ($0.error ?? 0)) }
        + run.reversed().map { Point(x: $0.x, y: $0.y - ($0.error ?? 0)) }
      let places = corners.compactMap(plot.place)
      if run.count > 1, places.count == corners.count {
        for (index, place) in places.enumerated() {
          path += "\(index == 0 ? "M" : "L")\(place.x) \(place.y)"
        }
        path += "Z"
      }
      run = []
    }
    for point in series.points {
      if let error = point.error, error.isFinite, plot.place(point) != nil {
        run.append(point)
      } else {
        close()
      }
    }
    close()
    return "<path class=\"band s\(index % Self.colors)\" d=\"\(path)\"/>"
  }

  /// A path through the points; one that cannot be drawn interrupts it.
  private func path(_ points: [Point], _ plot: Plot) -> Markup {
    var path = Markup()
    var isDrawing = false
    for point in points {
      guard let place = plot.place(point) else {
        isDrawing = false
        continue
      }
      path += isDrawing ? "L\(place.x) \(place.y)" : "M\(place.x) \(place.y)"
      isDrawing = true
    }
    return path
  }

  static func dash(_ index: Int) -> Markup {
    let dashes: [Markup] = [
      "", " stroke-dasharray=\"7 4\"", " stroke-dasharray=\"2 3\"", " stroke-dasharray=\"9 3 2 3\"",
    ]
    return dashes[index % dashes.count]
  }

  /// A circle, square, diamond or triangle.
  static func marker(_ index: Int, _ x: Double, _ y: Double, _ content: Markup = "") -> Markup {
    switch index % 4 {
    case 0: "<circle class=\"dot\" cx=\"\(x)\" cy=\"\(y)\" r=\"4\">\(content)</circle>"
    case 1:
      """
      <rect class="dot" x="\(x - 3.5)" y="\(y - 3.5)" width="7" height="7">\(content)</rect>
      """
    case 2:
      "<path class=\"dot\" d=\"M\(x) \(y - 5)l5 5l-5 5l-5 -5z\">\(content)</path>"
    default:
      "<path class=\"dot\" d=\"M\(x) \(y - 5)l4.5 8h-9z\">\(content)</path>"
    }
  }
}
