import Base
import Evaluation
import OrderedCollections

extension RulerResult: ReportedResult {
  package var fields: OrderedDictionary<String, JSONValue> {
    var fields: OrderedDictionary<String, JSONValue> = [:]
    fields["mode"] = record.settings["mode"] ?? .null
    fields["tasks"] = .array(
      cells.map { cell in
        [
          "task": .string(cell.task.rawValue), "length": JSONValue(cell.length),
          "samples": JSONValue(cell.samples), "score": .finite(cell.score),
          "answer_nll": .finite(cell.answerNegativeLogLikelihood),
          "exact_match": .finite(cell.exact), "stderr": .finite(cell.error),
        ]
      })
    if !leftOut.isEmpty { fields["left_out"] = .array(leftOut.map(\.json)) }
    fields["score"] = .finite(score)
    fields["answer_nll"] = .finite(answerNegativeLogLikelihood)
    fields["stderr"] = .finite(error)
    fields["effective_length"] = effectiveLength.map { JSONValue($0) } ?? .null
    fields["effective_length_reason"] = effectiveLengthReason.map { .string($0) } ?? .null
    return fields
  }

  /// A line for each reason, with its tasks.
  private var leftOutText: String {
    LeftOut.lines(leftOut).map { "\nleft out    \($0)" }.joined()
  }

  private var isGenerated: Bool { score != nil }

  /// The effective length, or why there is none.
  private var effectiveLengthText: String {
    guard let length = effectiveLength else {
      return "effective length none: \(effectiveLengthReason ?? "")"
    }
    let part = incompleteLengths.isEmpty ? "" : ", of those with all tasks"
    return "effective length \(length)\(part)"
  }

  package func lines(color: TerminalColor) -> String {
    let isGenerated = self.isGenerated
    func value(_ score: Double?, _ nats: Double?, _ error: Double) -> String {
      (isGenerated ? score : nats).map {
        Format.measured($0, error: error, isGenerated ? 1 : 3)
      } ?? "-"
    }
    var rows = [["task"] + lengths.map { "\($0)" }]
    for task in tasks {
      rows.append(
        [task.rawValue]
          + lengths.map { length in
            let cell = cell(task, length)
            return value(cell?.score, cell?.answerNegativeLogLikelihood, cell?.error ?? .nan)
          })
    }
    // A mean over other tasks at another length would not say how scores fall with length.
    let common = commonTasks
    var scope = ""
    if isGenerated, common.count > 1 {
      rows.append(
        [common.count == tasks.count ? "all" : "common"]
          + lengths.map { value(score(at: $0, of: common), nil, error(at: $0, of: common)) })
    }
    if isGenerated, common.count < tasks.count {
      let names = common.map(\.rawValue).joined(separator: ", ")
      scope =
        "\ncommon      "
        + (common.isEmpty ? "no task is there at every length" : "at every length: \(names)")
    }
    let what =
      isGenerated
      ? "official score, 0 to 100; \(effectiveLengthText)"
      : "mean negative log-likelihood of the answer, nats per token"
    return """
      \(Format.table(rows))

      \(what)\(scope)\(leftOutText)
      """
  }
}

extension RulerResult: ShownKind {
  static func fits(_ json: JSONValue) -> Bool {
    // Of no task nothing can be told: that is left to other kinds.
    json["tasks"]?.array.map { tasks in
      !tasks.isEmpty && tasks.allSatisfy { $0["length"] != nil && $0["score"] != nil }
    } ?? false
  }

  static func section(_ files: [ResultFile]) throws(ReportError) -> PageSection {
    try RulerSection.make(files)
  }
}
