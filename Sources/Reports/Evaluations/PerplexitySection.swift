import Foundation

/// The section of results of `eval perplexity`.
enum PerplexitySection {
  /// One result.
  private struct Row {
    struct Chunk {
      let index: Int
      let nll: Double
      let scored: Double
    }

    let model: String
    let sites: String
    let context: Int
    let chunkCount: Int
    let nll: Double
    let perplexity: Double
    let error: Double
    let text: String
    let score: String
    let chunks: [Chunk]

    init(_ file: ResultFile) throws(ReportError) {
      let fields = file.fields
      model = try fields.text("model")
      sites = fields.sites
      context = try fields.integer("ctx")
      nll = try fields.number("nll")
      perplexity = try fields.number("ppl")
      error = try fields.optionalNumber("ppl_stderr")
      text = fields.optionalText("text_sha256", "text") ?? ""
      score = fields.optionalText("score") ?? ""
      var chunks: [Chunk] = []
      for chunk in try fields.objects("per_chunk") {
        let scored = try chunk.optionalNumber("scored")
        chunks.append(
          Chunk(
            index: try chunk.integer("chunk"), nll: try chunk.number("nll"),
            scored: scored > 0 ? scored : 1))
      }
      self.chunks = chunks.sorted { $0.index < $1.index }
      chunkCount = fields.has("chunks") ? try fields.integer("chunks") : chunks.count
    }

    /// Chunks in groups of neighbours, few enough to draw.
    private func groups() -> [ArraySlice<Chunk>] {
      let size = max(
        1, (chunks.count + PerplexitySection.drawnChunks - 1) / PerplexitySection.drawnChunks)
      return stride(from: 0, to: chunks.count, by: size).map {
        chunks[$0..<min($0 + size, chunks.count)]
      }
    }

    func single() -> [LineChart.Point] {
      groups().map { group in
        let weight = group.reduce(0) { $0 + $1.scored }
        let mean = group.reduce(0) { $0 + $1.nll * $1.scored } / weight
        return LineChart.Point(x: Double(group.last?.index ?? 0), y: exp(mean))
      }
    }

    /// A chunk that is not finite makes all after it so: the curve ends there.
    func running() -> [LineChart.Point] {
      var (sum, weight) = (0.0, 0.0)
      return groups().map { group in
        for chunk in group {
          sum += chunk.nll * chunk.scored
          weight += chunk.scored
        }
        return LineChart.Point(x: Double(group.last?.index ?? 0), y: exp(sum / weight))
      }
    }
  }

  /// Values of a chart: curves of more chunks are drawn from means of neighbours.
  private static let drawnChunks = 400

  static func make(_ files: [ResultFile]) throws(ReportError) -> PageSection {
    var results: [Row] = []
    for file in files { results.append(try Row(file)) }
    let subjects = files.map { ResultSubject($0) }
    let labels = ResultSubject.labels(subjects)
    var body = [variants(results, labels)]
    let settings = Set(results.map { [$0.text, $0.score, "\($0.context)"] })
    if settings.count > 1 {
      body.append(
        """
        <p class="note">These results differ in text, context or scored targets, so their \
        perplexities do not compare directly.</p>
        """)
    }
    if results.contains(where: { $0.chunks.count > 1 }) { body.append(curves(results, labels)) }
    return PageSection(
      id: "perplexity", title: "Perplexity",
      lead: "How surprised each model is by the text, per token: lower is better.", body: body,
      files: files, subjects: subjects)
  }

  private static func variants(_ results: [Row], _ labels: [String]) -> Markup {
    let first = results.first
    let rows = zip(results, labels).enumerated().map { index, pair -> [Table.Cell] in
      let (result, label) = pair
      var change = "–"
      if index > 0, let first, first.text == result.text, first.context == result.context,
        first.score == result.score, first.perplexity > 0, result.perplexity.isFinite
      {
        let percent = (result.perplexity / first.perplexity - 1) * 100
        change = (percent >= 0 ? "+" : "−") + Format.compact(abs(percent), 2) + " %"
      }
      return [
        .text(label),
        .text(Format.compact(result.perplexity, 4) + " ± " + Format.compact(result.error, 4)),
        .text(change), .text(Format.compact(result.nll, 6)), .text("\(result.context)"),
        .text("\(result.chunkCount)"), .text(result.sites),
      ]
    }
    let columns: [Table.Column] = [
      .text("model"), .number("perplexity ± standard error"), .number("against the first"),
      .number("nll, nats per token"), .number("ctx"), .number("chunks"), .text("sites"),
    ]
    // A single result has nothing to be held against.
    let shown = columns.indices.filter { results.count > 1 || $0 != 2 }
    return Table(
      name: "Variants", columns: shown.map { columns[$0] },
      rows: rows.map { row in shown.map { row[$0] } }
    ).markup()
  }

  private static func curves(_ results: [Row], _ labels: [String]) -> Markup {
    let series = zip(results, labels).map { result, label in
      LineChart.Series(name: label, points: result.running(), background: result.single())
    }
    var chart = LineChart(
      title: "Perplexity chunk by chunk", xTitle: "chunk", yTitle: "perplexity", series: series)
    chart.isLogarithmic = (false, true)
    chart.showsMarkers = false
    let longest = results.map(\.chunks.count).max() ?? 0
    let grouped: Markup =
      longest > drawnChunks
      ? " Thin lines join means of neighbouring chunks; the table has every chunk." : ""
    let byIndex = results.map { result in
      Dictionary(result.chunks.map { ($0.index, $0.nll) }, uniquingKeysWith: { $1 })
    }
    let indices = Set(results.flatMap { $0.chunks.map(\.index) }).sorted()
    let table = Table(
      name: "Perplexity of every chunk", columns: [.number("chunk")] + labels.map { .number($0) },
      rows: indices.map { index in
        [.text("\(index)")]
          + byIndex.map { .text(Format.compact(exp($0[index] ?? .nan), 4)) }
      })
    return Figures.lines(
      chart,
      caption:
        """
        Thick: perplexity of everything up to a chunk. Thin: the chunk alone. Logarithmic scale.\
        \(grouped)
        """,
      table: table)
  }
}
