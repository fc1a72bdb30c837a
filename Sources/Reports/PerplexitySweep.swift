import Base
import Checkpoints
import Evaluation
import Foundation
import OrderedCollections

/// Perplexity by length of several models and frequency scalings, as in the tables of the RoVE
/// paper.
package struct PerplexitySweep: Sendable {
  package struct Curve: Sendable {
    package let model: String
    /// `checkpoint`, `none`, `yarn`, ...
    package let scaling: String
    /// One result for each length.
    package var points: [PerplexityResult] = []

    package init(model: String, scaling: String) {
      self.model = model
      self.scaling = scaling
    }

    /// The model's name and variant as its results state them, or its file where they do not.
    var label: String {
      let model = points.first?.record.labels["models"]?.array?.first
      guard let name = model?["name"]?.string, let variant = model?["variant"]?.string else {
        return URL(fileURLWithPath: self.model).lastPathComponent
      }
      return "\(name), \(variant)"
    }

    /// Name, file, role and variant of the model, as every result states them.
    var description: JSONValue {
      points.first?.record.labels["models"]?.array?.first ?? .null
    }

    var sites: String { points.first?.record.sites().string ?? "" }
  }

  /// What a length scores.
  package enum Targets: String, Sendable, CaseIterable {
    /// The targets of the longest length, with less before each.
    case same
    /// The targets of windows of its own.
    case own
  }

  package let text: String
  package let targets: Targets
  package var curves: [Curve] = []
  package var seconds = 0.0

  package init(text: String, targets: Targets = .own) {
    self.text = text
    self.targets = targets
  }

  /// The fields of `eval perplexity --lengths --json`.
  package func json(peakBytes: Int) -> JSONValue {
    var object: OrderedDictionary<String, JSONValue> = [
      "kind": "sweep", "protocol": JSONValue(EvaluationRecord.protocolVersion),
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

  /// - Parameter scored: how many targets the points have; models with other tokenizers differ.
  static func scope(scored: Set<Int>) -> String {
    let number = scored.count == 1 ? scored.first.map { "\($0) " } ?? "" : ""
    return "the same \(number)targets at every length, each with at most that many tokens before it"
  }
}
