import Foundation

/// A result of `eval perplexity`.
struct PerplexityRecord {
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
    sites = Self.siteName(fields.optionalText("sites"))
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

  /// No letters are no rotation.
  static func siteName(_ code: String?) -> String {
    guard let code else { return "–" }
    return code.isEmpty ? "nope" : code
  }

  /// Values of a chart: curves of more chunks are drawn from means of neighbours.
  private static let drawnChunks = 400

  static func section(_ files: [ResultFile]) throws(ReportError) -> PageSection {
    var records: [PerplexityRecord] = []
    for file in files { records.append(try PerplexityRecord(file)) }
    let subjects = files.map { ResultSubject($0) }
    let labels = ResultSubject.labels(subjects)
    var body = [variants(records, labels)]
    let settings = Set(records.map { [$0.text, $0.score, "\($0.context)"] })
    if settings.count > 1 {
      body.append(
        """
        <p class="note">These results differ in text, context or scored targets, so their \
        perplexities do not compare directly.</p>
        """)
    }
    if records.contains(where: { $0.chunks.count > 1 }) { body.append(curves(records, labels)) }
    return PageSection(
      id: "perplexity", title: "Perplexity",
      lead: "How surprised each model is by the text, per token: lower is better.", body: body,
      files: files, subjects: subjects)
  }

  private static func variants(_ records: [PerplexityRecord], _ labels: [String]) -> Markup {
    let first = records.first
    let rows = zip(records, labels).enumerated().map { index, pair -> [Table.Cell] in
      let (record, label) = pair
      var change = "–"
      if index > 0, let first, first.text == record.text, first.context == record.context,
        first.score == record.score, first.perplexity > 0, record.perplexity.isFinite
      {
        let percent = (record.perplexity / first.perplexity - 1) * 100
        change = (percent >= 0 ? "+" : "−") + Format.compact(abs(percent), 2) + " %"
      }
      return [
        .text(label),
        .text(Format.compact(record.perplexity, 4) + " ± " + Format.compact(record.error, 4)),
        .text(change), .text(Format.compact(record.nll, 6)), .text("\(record.context)"),
        .text("\(record.chunkCount)"), .text(record.sites),
      ]
    }
    let columns: [Table.Column] = [
      .text("model"), .number("perplexity ± standard error"), .number("against the first"),
      .number("nll, nats per token"), .number("ctx"), .number("chunks"), .text("sites"),
    ]
    // A single result has nothing to be held against.
    let shown = columns.indices.filter { records.count > 1 || $0 != 2 }
    return Table(
      name: "Variants", columns: shown.map { columns[$0] },
      rows: rows.map { row in shown.map { row[$0] } }
    ).markup()
  }

  private static func curves(_ records: [PerplexityRecord], _ labels: [String]) -> Markup {
    let series = zip(records, labels).map { record, label in
      LineChart.Series(name: label, points: record.running(), background: record.single())
    }
    var chart = LineChart(
      title: "Perplexity chunk by chunk", xTitle: "chunk", yTitle: "perplexity", series: series)
    chart.isLogarithmic = (false, true)
    chart.showsMarkers = false
    let longest = records.map(\.chunks.count).max() ?? 0
    let grouped: Markup =
      longest > drawnChunks
      ? " Thin lines join means of neighbouring chunks; the table has every chunk." : ""
    let byIndex = records.map { record in
      Dictionary(record.chunks.map { ($0.index, $0.nll) }, uniquingKeysWith: { $1 })
    }
    let indices = Set(records.flatMap { $0.chunks.map(\.index) }).sorted()
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

  /// Chunks in groups of neighbours, few enough to draw.
  private func groups() -> [ArraySlice<Chunk>] {
    let size = max(1, (chunks.count + Self.drawnChunks - 1) / Self.drawnChunks)
    return stride(from: 0, to: chunks.count, by: size).map {
      chunks[$0..<min($0 + size, chunks.count)]
    }
  }

  private func single() -> [LineChart.Point] {
    groups().map { group in
      let weight = group.reduce(0) { $0 + $1.scored }
      let mean = group.reduce(0) { $0 + $1.nll * $1.scored } / weight
      return LineChart.Point(x: Double(group.last?.index ?? 0), y: exp(mean))
    }
  }

  /// A chunk that is not finite makes all after it so: the curve ends there.
  private func running() -> [LineChart.Point] {
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
