import Base
import Evaluation
import OrderedCollections

extension RequestsResult: ReportedResult {
  package var fields: OrderedDictionary<String, JSONValue> {
    [
      "ctx": record.settings["ctx"] ?? .null,
      "requests": .array(
        summaries.map { summary in
          [
            "type": .string(summary.kind.rawValue), "requests": JSONValue(summary.requests),
            "tokens": JSONValue(summary.tokens), "cut": JSONValue(summary.cut),
            "loglikelihood": .finite(summary.logLikelihood), "greedy": .finite(summary.greedy),
          ]
        }),
    ]
  }

  package func lines(color: TerminalColor) -> String {
    Format.table(
      [["requests", "number", "tokens", "cut", "log-likelihood", "greedy"]]
        + summaries.map { summary in
          [
            summary.kind.rawValue, "\(summary.requests)", "\(summary.tokens)", "\(summary.cut)",
            summary.logLikelihood.map { Format.fixed($0, 4) } ?? "-",
            summary.greedy.map { Format.fixed($0, 4) } ?? "-",
          ]
        })
  }
}

extension RequestsResult: ShownKind {
  static func section(_ files: [ResultFile]) throws(ReportError) -> PageSection {
    let (subjects, labels) = try ResultSubject.ofModels(files)
    var rows: [[Table.Cell]] = []
    for (file, label) in zip(files, labels) {
      for fields in try file.fields.objects("requests") {
        rows.append([
          .text(label), .text(try fields.text("type")),
          .text("\(try fields.integer("requests"))"), .text("\(try fields.integer("tokens"))"),
          .text(Format.compact(try fields.optionalNumber("loglikelihood"), 5)),
          .text(Format.compact(try fields.optionalNumber("greedy"), 3)),
        ])
      }
    }
    return PageSection(
      id: kind, title: "Requests of a harness",
      lead: "Mean log-likelihood of a request, and the share of continuations that greedy decoding"
        + " gives.",
      body: [
        Table(
          name: "Requests of a harness",
          columns: [
            .text("model"), .text("requests"), .number("number"), .number("tokens"),
            .number("log-likelihood"), .number("greedy"),
          ], rows: rows
        ).markup()
      ], files: files, subjects: subjects)
  }
}
