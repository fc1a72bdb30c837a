import Base
import Evaluation
import Foundation

/// The section of results of `eval perplexity --lengths`, or of several models.
enum PerplexitySweepSection {
  /// One model with one scaling: perplexity by length.
  struct Curve {
    let scaling: String
    let sites: String
    /// By length.
    let points: [TextScore]
    private let byContext: [Int: TextScore]

    init(
      _ json: JSONValue, _ fields: ResultFields, of subject: ResultSubject, in file: ResultFile
    ) throws(ReportError) {
      _ = try fields.text("model")
      let sites = fields.sites
      self.sites = sites
      scaling = fields.optionalText("rope_scaling") ?? ""
      var points: [TextScore] = []
      for (own, point) in zip(try fields.objects("points"), json["points"]?.array ?? []) {
        points.append(try TextScore(point, own, of: subject, in: file, sites: sites))
      }
      self.points = points.sorted { $0.context < $1.context }
      byContext = Dictionary(self.points.map { ($0.context, $0) }, uniquingKeysWith: { $1 })
    }

    /// The point of a length, of several the last.
    func point(_ context: Int) -> TextScore? { byContext[context] }
  }

  static func curves(
    _ files: [ResultFile]
  ) throws(ReportError) -> [(subject: ResultSubject, curve: Curve)] {
    var found: [(ResultSubject, Curve)] = []
    for file in files {
      let parts = file.json["sweeps"]?.array ?? []
      for (fields, part) in zip(try file.fields.objects("sweeps"), parts) {
        let subject = ResultSubject(file, part: part)
        found.append((subject, try Curve(part, fields, of: subject, in: file)))
      }
    }
    return found
  }

  static func make(_ files: [ResultFile]) throws(ReportError) -> PageSection {
    let found = try curves(files)
    let (subjects, curves) = (found.map(\.subject), found.map(\.curve))
    let labels = ResultSubject.labels(subjects)
    let lengths = Set(curves.flatMap { $0.points.map(\.context) }).sorted()
    var body = [byLength(curves, labels, lengths)]
    let table = points(curves, labels)
    // At one length there is nothing to draw.
    if lengths.count > 1 {
      let change = changes(curves, labels, lengths)
      body.append(
        Figures.lines(
          absolute(curves, labels, lengths),
          caption: """
            \(scope(files, curves))Both scales are logarithmic; bars are one standard error up and \
            down.
            """,
          table: table))
      if let change {
        var chart = change.chart
        chart.isLogarithmic = (true, false)
        chart.xTicks = lengths.map { Double($0) }
        body.append(
          Figures.lines(
            chart,
            caption: """
              Against \(labels[0]) at the same length; the band is one standard error of the \
              difference up and down, paired by chunks.\(change.note)
              """,
            table: table))
      }
    } else {
      body.append("<p class=\"note\">\(scope(files, curves))</p>")
      body.append(table.details("Every number"))
    }
    return PageSection(
      id: "sweep", title: "Perplexity by length",
      lead: "Whether a model makes use of a longer context, or breaks down in it: lower is better.",
      body: body, files: files, subjects: subjects)
  }

  private static func absolute(
    _ curves: [Curve], _ labels: [String], _ lengths: [Int]
  ) -> LineChart {
    var chart = LineChart(
      title: "Perplexity by length", xTitle: "context in tokens", yTitle: "perplexity",
      series: zip(curves, ResultSubject.short(labels)).map { curve, name in
        LineChart.Series(
          name: name,
          points: curve.points.map {
            LineChart.Point(
              x: Double($0.context), y: $0.perplexity.value,
              error: $0.perplexity.error.isFinite ? $0.perplexity.error : nil)
          })
      })
    chart.isLogarithmic = (true, true)
    chart.xTicks = lengths.map { Double($0) }
    return chart
  }

  /// Changes of perplexity from the first curve; nil where nothing compares with it.
  private static func changes(
    _ curves: [Curve], _ labels: [String], _ lengths: [Int]
  ) -> ChangeChart? {
    let points = curves.dropFirst().map { curve in
      curve.points.compactMap { point -> LineChart.Point? in
        guard let base = curves[0].point(point.context), let change = point.change(from: base)
        else { return nil }
        return LineChart.Point(x: Double(point.context), y: change.value, error: change.error)
      }
    }
    return ChangeChart(
      title: "Change of perplexity by length", xTitle: "context in tokens", changes: points,
      names: ResultSubject.short(labels))
  }

  /// Which targets the lengths of a curve score, where all the results say so; a sentence.
  private static func scope(_ files: [ResultFile], _ curves: [Curve]) -> String {
    let stated = Set(files.map { $0.fields.optionalText("length_targets") })
    switch stated {
    case ["same"]:
      let scope = PerplexitySweep.scope(
        scored: Set(curves.flatMap { $0.points.compactMap(\.scored) }))
      return scope.prefix(1).uppercased() + scope.dropFirst() + ". "
    case ["own"]: return "Each length scores targets of its own, so a curve shows the text too. "
    default: return ""
    }
  }

  /// A row for each curve and a column for each length; where a few points lie on many lengths, a
  /// note.
  private static func byLength(
    _ curves: [Curve], _ labels: [String], _ lengths: [Int]
  ) -> Markup {
    guard HeatMap.holds(rows: curves.count, columns: lengths.count) else {
      return """
        <p class="note">No table of \(curves.count) models by \(lengths.count) lengths; at most \
        \(HeatMap.mostCells) cells are shown. The table below has a row for each point.</p>
        """
    }
    let rows = zip(curves, labels).map { curve, label -> [Table.Cell] in
      let cells = lengths.map { length -> Table.Cell in
        curve.point(length).map {
          .measured(Format.shown($0.perplexity))
        } ?? "–"
      }
      return [.text(label)] + cells + [.text(curve.sites), .text(curve.scaling)]
    }
    return Table(
      name: "Perplexity by length",
      columns: [.text("model")] + lengths.map { .number("\($0)") }
        + [.text("sites"), .text("scaling")],
      rows: rows
    ).markup()
  }

  /// Every number of every point.
  private static func points(_ curves: [Curve], _ labels: [String]) -> Table {
    let rows = zip(curves, labels).flatMap { curve, label in
      curve.points.map { point -> [Table.Cell] in
        let change = curves.first?.point(point.context).flatMap { point.change(from: $0) }
        return [
          .text(label), .text("\(point.context)"),
          .text(Format.compact(point.perplexity.value, 4)),
          .text(Format.compact(point.perplexity.error, 4)),
          .text(change.map { Format.change($0).text } ?? "–"),
          .text(Format.compact(point.nll, 6)),
          .text(point.scored.map(String.init) ?? "–"),
          .text(point.chunkCount.map(String.init) ?? "–"),
        ]
      }
    }
    return Table(
      name: "Every point",
      columns: [
        .text("model"), .number("ctx"), .number("perplexity"), .number("standard error"),
        .number("against the first"), .number("nll"), .number("scored"), .number("chunks"),
      ], rows: rows)
  }
}
