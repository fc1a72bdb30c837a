import Base
import Evaluation
import OrderedCollections

extension BitsPerByteResult: ReportedResult {
  /// A shard's windows alone are not the whole text: only all of them give bits per byte.
  private var isWhole: Bool { windows.count == record.unitCount }

  package var fields: OrderedDictionary<String, JSONValue> {
    [
      "tokens": record.identity["text"]?["tokens"] ?? .null, "bytes": JSONValue(bytes),
      "ctx": record.settings["ctx"] ?? .null, "stride": record.settings["stride"] ?? .null,
      "compute": record.compute, "scored": JSONValue(scored), "chunks": JSONValue(windows.count),
      "nll_sum": .finite(negativeLogLikelihood),
      "bits_per_byte": isWhole ? .finite(bitsPerByte) : .null,
      "bits_per_byte_stderr": isWhole ? .finite(bitsPerByteError) : .null,
    ]
  }

  package func lines(color: TerminalColor) -> String {
    let number =
      isWhole
      ? "\(Format.fixed(bitsPerByte, 4)) +- \(Format.fixed(bitsPerByteError, 4))"
      : "of the whole text alone: merge the shards"
    return """
      bits/byte   \(number)
      scored      \(counted(scored, "token")) in \(counted(windows.count, "chunk")), a text of \(counted(bytes, "byte"))
      """
  }
}

extension BitsPerByteResult: ShownKind {
  static func section(_ files: [ResultFile]) throws(ReportError) -> PageSection {
    func bits(_ fields: ResultFields) throws(ReportError) -> Estimate {
      _ = try fields.number("bits_per_byte")
      return try fields.estimate("bits_per_byte")
    }
    let (subjects, labels) = try ResultSubject.ofModels(files)
    var rows: [[Table.Cell]] = []
    for (file, label) in zip(files, labels) {
      let fields = file.fields
      rows.append([
        .text(label),
        .measured(Format.shown(try bits(fields))),
        .text("\(try fields.integer("bytes"))"), .text("\(try fields.integer("scored"))"),
        .text("\(try fields.integer("ctx"))"), .text(fields.sites),
      ])
    }
    return PageSection(
      id: kind, title: "Bits per byte",
      lead: "How many bits each model needs for a byte of the text: lower is better.",
      body: [
        Table(
          name: "Bits per byte",
          columns: [
            .text("model"), .number("bits per byte"), .number("bytes"), .number("tokens scored"),
            .number("ctx"), .text("sites"),
          ], rows: rows
        ).markup()
      ], files: files, subjects: subjects)
  }
}
