import Evaluation
import Foundation

/// The section of results of `eval perplexity`.
enum PerplexitySection {
  /// Values of a chart: curves of more chunks are drawn from every so manieth one.
  private static let drawnChunks = 400

  static func scored(_ files: [ResultFile]) throws(ReportError) -> [TextScore] {
    var results: [TextScore] = []
    for file in files {
      _ = try file.fields.text("model")
      _ = try file.fields.number("nll")
      _ = try file.fields.objects("per_chunk")
      results.append(try TextScore(file.json, file.fields, of: ResultSubject(file), in: file))
    }
    return results
  }

  static func make(_ files: [ResultFile]) throws(ReportError) -> PageSection {
    let results = try scored(files)
    let subjects = results.map(\.subject)
    let labels = ResultSubject.labels(subjects)
    var body = [variants(results, labels)]
    if Set(results.map(\.targets)).count > 1 {
      let differences = ResultScope.differences(results.map(\.scope))
      body.append(
        """
        <p class="note">These results differ \
        (\(differences.isEmpty ? "in the targets scored" : differences)), so their perplexities do \
        not compare directly; bits per byte of one whole text do.</p>
        """)
    }
    if results.contains(where: { $0.chunks.count > 1 }) { body.append(curves(results, labels)) }
    return PageSection(
      id: "perplexity", title: "Perplexity",
      lead: "How surprised each model is by the text, per token: lower is better.", body: body,
      files: files, subjects: subjects)
  }

  private static func variants(_ results: [TextScore], _ labels: [String]) -> Markup {
    let rows = results.enumerated().map { index, result -> [Table.Cell] in
      let change = index > 0 ? result.change(from: results[0]) : nil
      return [
        .text(labels[index]),
        .measured(Format.shown(result.perplexity)),
        change.map { .measured(Format.change($0)) } ?? "–",
        .measured(Format.shown(result.bitsPerByte)),
        .text(Format.compact(result.nll, 4)), .text("\(result.context)"),
        .text(result.chunkCount.map(String.init) ?? "–"), .text(result.sites),
      ]
    }
    let columns: [Table.Column] = [
      .text("model"), .number("perplexity"), .number("against the first"),
      .number("bits per byte"), .number("nll, nats"), .number("ctx"), .number("chunks"),
      .text("sites"),
    ]
    // A single result has nothing to be held against.
    let hasBits = results.contains { $0.bitsPerByte.value.isFinite }
    let shown = columns.indices.filter { ($0 != 2 || results.count > 1) && ($0 != 3 || hasBits) }
    return Table(
      name: "Variants", columns: shown.map { columns[$0] },
      rows: rows.map { row in shown.map { row[$0] } }
    ).markup()
  }

  /// Every so manieth point, and the last.
  private static func thinned(_ points: [LineChart.Point]) -> [LineChart.Point] {
    let step = max(1, (points.count + drawnChunks - 1) / drawnChunks)
    return points.indices.filter { ($0 + 1) % step == 0 || $0 == points.count - 1 }.map {
      points[$0]
    }
  }

  private static func curves(_ results: [TextScore], _ labels: [String]) -> Markup {
    let names = ResultSubject.short(labels)
    let changes = results.dropFirst().map { thinned($0.running(from: results[0])) }
    guard
      let found = ChangeChart(
        title: "Change of perplexity, chunk by chunk", xTitle: "chunk", changes: changes,
        names: names)
    else { return absolute(results, labels, names) }
    var chart = found.chart
    chart.showsMarkers = false
    return Figures.lines(
      chart,
      caption: """
        Against \(labels[0]), over everything up to a chunk; the band is one standard error of the \
        difference up and down, paired by chunks.\(found.note)
        """,
      table: chunks(results, labels))
  }

  /// Perplexities themselves, where nothing compares.
  private static func absolute(
    _ results: [TextScore], _ labels: [String], _ names: [String]
  ) -> Markup {
    let series = zip(results, names).map { result, name in
      LineChart.Series(
        name: name, points: thinned(running(result)),
        background: thinned(
          result.chunks.map { LineChart.Point(x: Double($0.index), y: exp($0.mean)) }))
    }
    var chart = LineChart(
      title: "Perplexity chunk by chunk", xTitle: "chunk", yTitle: "perplexity", series: series)
    chart.isLogarithmic = (false, true)
    chart.showsMarkers = false
    return Figures.lines(
      chart,
      caption:
        """
        Thick: perplexity of everything up to a chunk. Thin: the chunk alone. Logarithmic scale.
        """,
      table: chunks(results, labels))
  }

  /// A chunk that is not finite makes all after it so: the curve ends there.
  private static func running(_ result: TextScore) -> [LineChart.Point] {
    var (sum, weight) = (0.0, 0.0)
    return result.chunks.map { chunk in
      sum += chunk.sum
      weight += chunk.scored
      return LineChart.Point(x: Double(chunk.index), y: exp(sum / weight))
    }
  }

  private static func chunks(_ results: [TextScore], _ labels: [String]) -> Table {
    let byIndex = results.map { result in
      Dictionary(result.chunks.map { ($0.index, $0.mean) }, uniquingKeysWith: { $1 })
    }
    let indices = Set(results.flatMap { $0.chunks.map(\.index) }).sorted()
    return Table(
      name: "Perplexity of every chunk", columns: [.number("chunk")] + labels.map { .number($0) },
      rows: indices.map { index in
        [.text("\(index)")]
          + byIndex.map { .text(Format.compact(exp($0[index] ?? .nan), 4)) }
      })
  }
}
