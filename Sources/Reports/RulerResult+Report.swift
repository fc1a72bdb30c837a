import Base
import Checkpoints
import Evaluation
import OrderedCollections

extension RulerResult {
  private static func optional(_ value: Double?) -> JSONValue { value.map { .finite($0) } ?? .null }

  /// The fields of `eval ruler --json`.
  package func json(peakBytes: Int) -> JSONValue {
    var object = record.header
    object["sites"] = record.sites()
    object["mode"] = record.settings["mode"] ?? .null
    object["tasks"] = .array(
      cells.map { cell in
        .object([
          "task": .string(cell.task.rawValue), "length": JSONValue(cell.length),
          "samples": JSONValue(cell.samples), "score": Self.optional(cell.score),
          "answer_nll": Self.optional(cell.answerNegativeLogLikelihood),
          "exact_match": Self.optional(cell.exact),
        ])
      })
    if !leftOut.isEmpty { object["left_out"] = .array(leftOut.map(\.json)) }
    object["score"] = Self.optional(score)
    object["answer_nll"] = Self.optional(answerNegativeLogLikelihood)
    object["effective_length"] = effectiveLength.map { JSONValue($0) } ?? .null
    object.merge(record.costs(peakBytes: peakBytes)) { own, _ in own }
    object[EvaluationRecord.unitsKey] = record.unitsJSON
    return .object(object)
  }

  /// A line for each reason, with its tasks.
  private var leftOutText: String {
    LeftOut.lines(leftOut).map { "\nleft out    \($0)" }.joined()
  }

  private var isGenerated: Bool { score != nil }

  /// The lines a person reads.
  package func text(peakBytes: Int) -> String {
    func value(_ score: Double?, _ nats: Double?) -> String {
      isGenerated
        ? score.map { Format.fixed($0, 2) } ?? "-" : nats.map { Format.fixed($0, 3) } ?? "-"
    }
    var rows = [["task"] + lengths.map { "\($0)" }]
    for task in tasks {
      rows.append(
        [task.rawValue]
          + lengths.map { length in
            let cell = cell(task, length)
            return value(cell?.score, cell?.answerNegativeLogLikelihood)
          })
    }
    if isGenerated, tasks.count > 1 {
      rows.append(["all"] + lengths.map { value(score(at: $0), nil) })
    }
    let what =
      isGenerated
      ? "official score, 0 to 100; effective length \(effectiveLength.map { "\($0)" } ?? "none")"
      : "mean negative log-likelihood of the answer, nats per token"
    return """
      \(Format.table(rows))

      \(what)\(leftOutText)
      variant     \(record.variant())
      \(record.costText(peakBytes: peakBytes))
      """
  }
}
