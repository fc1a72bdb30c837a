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

  /// Whether the text is, or is in part, what the model was fitted on.
  fileprivate var isOfCalibrationText: Bool { points.contains { $0.record.isOfCalibrationText } }
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
    if curves.contains(where: \.isOfCalibrationText) { object["calibration_text"] = .bool(true) }
    object["compute"] = first?.compute ?? .null
    // One for each of `sweeps`.
    object["models"] = .array(curves.map(\.description))
    object["sweeps"] = .array(
      curves.enumerated().map { index, curve -> JSONValue in
        var fields: OrderedDictionary<String, JSONValue> = [
          "model": .string(curve.model), "sites": .string(curve.sites),
          "rope_scaling": .string(curve.scaling),
          "models": curve.points.first?.record.labels["models"] ?? .null,
        ]
        if curve.isOfCalibrationText { fields["calibration_text"] = .bool(true) }
        fields["points"] = .array(curve.points.map { json($0, ofCurve: index) })
        return .object(fields)
      })
    object["seconds"] = .number(seconds)
    object["peak_rss_bytes"] = JSONValue(peakBytes)
    return .object(object)
  }

  private func json(_ point: PerplexityResult, ofCurve index: Int) -> JSONValue {
    var fields: OrderedDictionary<String, JSONValue> = [
      "ctx": JSONValue(point.context), "ppl": .finite(point.perplexity),
      "ppl_stderr": .finite(point.perplexityError),
      "nll": .finite(point.meanNegativeLogLikelihood),
      "bits_per_byte": .finite(point.bitsPerByte?.value),
      "bits_per_byte_stderr": .finite(point.bitsPerByte?.error),
      "scored": JSONValue(point.scored), "chunks": JSONValue(point.windows.count),
    ]
    fields["difference"] = difference(of: point, ofCurve: index).map(\.json) ?? .null
    fields["per_chunk"] = .array(
      point.windows.map {
        ["chunk": JSONValue($0.index), "nll": .number($0.mean), "scored": JSONValue($0.scored)]
      })
    fields["key"] = .string(point.record.key)
    fields["identity"] = .object(point.record.identity)
    return .object(fields)
  }

  /// How a point differs from the first curve's at the same length; nil for that curve itself, and
  /// where the two did not score the same targets.
  private func difference(of point: PerplexityResult, ofCurve index: Int) -> PairedDifference? {
    guard index > 0,
      let base = curves.first?.points.first(where: { $0.context == point.context })
    else { return nil }
    return base.difference(to: point)
  }

  /// A line for each model, scaling and length, no wider than a terminal of 80 columns.
  package func table() -> String {
    // Several scalings have a column, which takes the place of bits per byte.
    let isScaled = Set(curves.map(\.scaling)).count > 1
    var rows = [
      ["model"] + (isScaled ? ["scaling"] : []) + ["ctx", "perplexity"]
        + (isScaled ? [] : ["bits/byte"]) + ["against the first"]
    ]
    for (number, (curve, label)) in zip(curves, labels).enumerated() {
      for (index, point) in curve.points.enumerated() {
        var row = [index == 0 ? label : ""]
        if isScaled { row.append(index == 0 ? curve.scaling : "") }
        row.append("\(point.context)")
        row.append(Format.measured(point.perplexity, error: point.perplexityError, 3))
        if !isScaled {
          row.append(point.bitsPerByte.map { Format.fixed($0.value, 4) } ?? "-")
        }
        row.append(difference(of: point, ofCurve: number)?.text ?? "")
        rows.append(row)
      }
    }
    // Without a second curve there is nothing to hold one against.
    if curves.count < 2 { rows = rows.map { $0.dropLast() } }
    let compute = OrderedSet(
      curves.flatMap { $0.points.compactMap { $0.record.compute.string } })
    return """
      \(Format.table(rows))

      scored      \(scope)
      \(statement.joined(separator: "\n"))
      arithmetic  \(compute.joined(separator: ", "))
      """
  }

  /// Characters of a model's name in the table.
  private static let widest = 24

  /// A name for each curve's model. Models that share theirs go by their files, since a row must say
  /// which one it is of.
  private var labels: [String] {
    let alike = Set(
      curves.filter { curve in
        curves.contains { $0.model != curve.model && $0.label == curve.label }
      }.map(\.model))
    return curves.map { curve in
      guard alike.contains(curve.model) else {
        let label = curve.label
        return label.count > Self.widest ? label.prefix(Self.widest - 3) + "..." : label
      }
      let ending = Self.ending(of: curve.model, among: alike)
      return ending.count > Self.widest ? "..." + ending.suffix(Self.widest - 3) : ending
    }
  }

  /// As many of a path's last components as tell it from others.
  private static func ending(of path: String, among paths: Set<String>) -> String {
    func ending(_ path: String, _ count: Int) -> String {
      path.split(separator: "/").suffix(count).joined(separator: "/")
    }
    let most = path.split(separator: "/").count
    let count = (1...max(most, 1)).first { count in
      !paths.contains { $0 != path && ending($0, count) == ending(path, count) }
    }
    return count.map { ending(path, $0) } ?? path
  }

  /// Each file once, or once for each factor of a scaling; the settings of all points.
  private var statement: [String] {
    let records = curves.flatMap { $0.points.map(\.record) }
    return Array(OrderedSet(records.flatMap(\.statementOfFiles)))
      + EvaluationRecord.statementOfSettings(records)
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

extension PairedDifference {
  /// The fields of a difference: in nats per token, and of the perplexity in percent.
  var json: JSONValue {
    [
      "nll": .finite(nats.value), "nll_stderr": .finite(nats.error),
      "ppl_percent": .finite(percent.value), "ppl_percent_stderr": .finite(percent.error),
      "chunks": JSONValue(chunks),
    ]
  }

  /// The change of perplexity, as `+1.37 % +- 0.05`.
  var text: String {
    let error = percent.error.isFinite ? " +- \(Format.fixed(percent.error, 2))" : ""
    return "\(Format.signed(percent.value, 2)) %\(error)"
  }
}
