import Base
import Evaluation
import Foundation
import OrderedCollections

extension PerplexitySweep.Curve {
  /// The model's name and variant as its results state them, or its file where they do not.
  fileprivate var label: String {
    let stated = description
    guard let name = stated["name"]?.string, let variant = stated["variant"]?.string else {
      return URL(fileURLWithPath: model).lastPathComponent
    }
    return "\(name), \(variant)"
  }

  /// Name, file, role and variant of the model, as every result states them.
  fileprivate var description: JSONValue {
    points.first?.record.labels["models"]?.array?.first ?? .null
  }

  fileprivate var sites: String { points.first?.record.sites().string ?? "" }
}

extension PerplexitySweep: ShownKind {
  static func fits(_ json: JSONValue) -> Bool { json["sweeps"]?.array != nil }

  static func section(_ files: [ResultFile]) throws(ReportError) -> PageSection {
    try PerplexitySweepSection.make(files)
  }
}

extension PerplexitySweep {
  /// The fields of `eval perplexity --lengths --json`.
  package func json(peakBytes: Int) -> JSONValue {
    var object: OrderedDictionary<String, JSONValue> = [
      "kind": .string(Self.kind), "protocol": JSONValue(EvaluationRecord.protocolVersion),
    ]
    object.merge(Program.stamp()) { own, _ in own }
    object["text"] = .string(text)
    object["length_targets"] = .string(targets.rawValue)
    let first = curves.first?.points.first?.record
    object["text_sha256"] = first?.labels["text_sha256"] ?? .null
    object["compute"] = first?.compute ?? .null
    // One for each of `sweeps`.
    object["models"] = .array(curves.map(\.description))
    object["sweeps"] = .array(
      curves.map { curve in
        [
          "model": .string(curve.model), "sites": .string(curve.sites),
          "rope_scaling": .string(curve.scaling),
          "models": curve.points.first?.record.labels["models"] ?? .null,
          "points": .array(
            curve.points.map { point in
              [
                "ctx": JSONValue(point.context), "ppl": .finite(point.perplexity),
                "ppl_stderr": .finite(point.perplexityError),
                "nll": .finite(point.meanNegativeLogLikelihood),
                "scored": JSONValue(point.scored), "chunks": JSONValue(point.windows.count),
                "key": .string(point.record.key), "identity": .object(point.record.identity),
              ]
            }),
        ]
      })
    object["seconds"] = .number(seconds)
    object["peak_rss_bytes"] = JSONValue(peakBytes)
    return .object(object)
  }

  /// Models and scalings by lengths.
  package func table() -> String {
    let lengths = curves.first?.points.map(\.context) ?? []
    let rows =
      [["model", "sites", "scaling"] + lengths.map { "\($0)" }]
      + curves.map { curve in
        [curve.label, curve.sites, curve.scaling]
          + curve.points.map {
            "\(Format.fixed($0.perplexity, 3)) +- \(Format.fixed($0.perplexityError, 3))"
          }
      }
    let compute = OrderedSet(
      curves.flatMap { $0.points.compactMap { $0.record.compute.string } })
    return """
      \(Format.table(rows))

      scored      \(scope)
      \(statement.joined(separator: "\n"))
      arithmetic  \(compute.joined(separator: ", "))
      """
  }

  /// Each file once: the points of a curve differ in length alone.
  private var statement: [String] {
    let records = curves.compactMap { $0.points.first?.record }
    return Array(OrderedSet(records.flatMap(\.statementOfFiles)))
  }

  /// What was scored, as a line.
  private var scope: String {
    guard targets == .same else { return "each length scores targets of its own" }
    return Self.scope(scored: Set(curves.flatMap { $0.points.map(\.scored) }))
  }

  /// What was scored where points have so many targets; models with other tokenizers differ.
  static func scope(scored: Set<Int>) -> String {
    let number = scored.count == 1 ? scored.first.map { "\($0) " } ?? "" : ""
    return "the same \(number)targets at every length, each with at most that many tokens before it"
  }
}
