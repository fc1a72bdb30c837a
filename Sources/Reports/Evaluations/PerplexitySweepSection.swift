import Evaluation

/// The section of results of `eval perplexity --lengths`.
enum PerplexitySweepSection {
  /// One model: perplexity by length.
  private struct Curve {
    struct Point {
      let context: Int
      let perplexity: Double
      let error: Double
      let nll: Double
      let scored: Int?
      let chunks: Int?
    }

    let model: String
    let sites: String
    let scaling: String
    let points: [Point]

    init(_ fields: ResultFields) throws(ReportError) {
      model = try fields.text("model")
      sites = fields.sites
      scaling = fields.optionalText("rope_scaling") ?? ""
      var points: [Point] = []
      for point in try fields.objects("points") {
        points.append(
          Point(
            context: try point.integer("ctx"), perplexity: try point.number("ppl"),
            error: try point.optionalNumber("ppl_stderr"), nll: try point.optionalNumber("nll"),
            scored: point.has("scored") ? try point.integer("scored") : nil,
            chunks: point.has("chunks") ? try point.integer("chunks") : nil))
      }
      self.points = points.sorted { $0.context < $1.context }
    }
  }

  static func make(_ files: [ResultFile]) throws(ReportError) -> PageSection {
    var curves: [Curve] = []
    var subjects: [ResultSubject] = []
    for file in files {
      let parts = file.json["sweeps"]?.array ?? []
      for (fields, part) in zip(try file.fields.objects("sweeps"), parts) {
        curves.append(try Curve(fields))
        subjects.append(ResultSubject(file, part: part))
      }
    }
    let labels = ResultSubject.labels(subjects)
    let lengths = Set(curves.flatMap { $0.points.map(\.context) }).sorted()
    var chart = LineChart(
      title: "Perplexity by length", xTitle: "context in tokens", yTitle: "perplexity",
      series: zip(curves, labels).map { curve, label in
        LineChart.Series(
          name: label,
          points: curve.points.map {
            LineChart.Point(
              x: Double($0.context), y: $0.perplexity, error: $0.error.isFinite ? $0.error : nil)
          })
      })
    chart.isLogarithmic = (true, true)
    chart.xTicks = lengths.map { Double($0) }
    let figure = Figures.lines(
      chart,
      caption: """
        \(scope(files, curves))Both scales are logarithmic; bars are one standard error up and down.
        """,
      table: points(curves, labels))
    return PageSection(
      id: "sweep", title: "Perplexity by length",
      lead: "Whether a model makes use of a longer context, or breaks down in it: lower is better.",
      body: [byLength(curves, labels, lengths), figure], files: files,
      subjects: subjects)
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

  private static func byLength(
    _ curves: [Curve], _ labels: [String], _ lengths: [Int]
  ) -> Markup {
    let rows = zip(curves, labels).map { curve, label -> [Table.Cell] in
      let found = Dictionary(
        curve.points.map { ($0.context, $0) }, uniquingKeysWith: { $1 })
      let cells = lengths.map { length -> Table.Cell in
        guard let point = found[length] else { return "–" }
        let perplexity = Format.compact(point.perplexity, 3)
        guard point.error.isFinite else { return .text(perplexity) }
        return .measured(perplexity, error: Format.compact(point.error, 3))
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
        [
          .text(label), .text("\(point.context)"), .text(Format.compact(point.perplexity, 4)),
          .text(Format.compact(point.error, 4)), .text(Format.compact(point.nll, 6)),
          .text(point.scored.map(String.init) ?? "–"),
          .text(point.chunks.map(String.init) ?? "–"),
        ]
      }
    }
    return Table(
      name: "Every point",
      columns: [
        .text("model"), .number("ctx"), .number("perplexity"), .number("standard error"),
        .number("nll"), .number("scored"), .number("chunks"),
      ], rows: rows)
  }
}
