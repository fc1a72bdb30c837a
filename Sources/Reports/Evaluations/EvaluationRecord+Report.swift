import Base
import Checkpoints
import Evaluation
import Foundation
import OrderedCollections

extension EvaluationRecord {
  /// Time and memory, as JSON.
  func costs(peakBytes: Int) -> OrderedDictionary<String, JSONValue> {
    [
      "evaluated_tokens": JSONValue(evaluatedTokens),
      "computed_tokens": JSONValue(computedTokens), "seconds": .number(seconds),
      "tokens_per_second": .finite(Double(evaluatedTokens) / seconds),
      "peak_rss_bytes": JSONValue(peakBytes),
    ]
  }

  /// What the numbers are of and how they were made, as lines: files and their hashes, settings,
  /// arithmetic, program, date and key, time and memory.
  func costText(peakBytes: Int) -> String {
    let rate = Double(evaluatedTokens) / max(seconds, 1e-9)
    let shared =
      computedTokens < evaluatedTokens
      ? ", \(computedTokens) of \(evaluatedTokens) tokens computed" : ""
    let statement = statementOfFiles + Self.statementOfSettings([self]) + [statementOfProgram]
    return """
      \(statement.joined(separator: "\n"))
      arithmetic  \(compute.string ?? "")
      time        \(Format.compact(seconds, 1)) s, \(Format.compact(rate, 0)) tokens/s\(shared), \
      peak memory \(Format.bytes(peakBytes))
      """
  }

  /// Models with their rotation, then texts: the path as given and the beginning of the hash, which
  /// `--json` has whole.
  var statementOfFiles: [String] {
    let files = (labels["models"]?.array ?? []).map { $0["file"]?.string ?? "" }
    var lines = files.indices.map { index in
      let parts = [files[index], Statement.hash(model(index)["sha256"])] + rotation(index)
      return "weights     \(printable(parts.compactMap { $0 }.joined(separator: ", ")))"
    }
    let calibration = isOfCalibrationText ? ", (in part) calibration text of the fit" : ""
    if let text = Statement.text(labels, ids: identity["text"]) {
      lines.append("text        \(text)\(calibration)")
    }
    if let haystack = labels["haystack"]?.string {
      let hash = Statement.hash(identity["materials"]?["haystack_sha256"])
      let stated = [haystack, hash].compactMap { $0 }.joined(separator: ", ")
      lines.append("haystack    \(printable(stated))\(calibration)")
    } else {
      let materials = (identity["materials"]?.object ?? [:]).compactMap { key, value in
        Statement.hash(value).map { "\(key.replacing("_sha256", with: "")) \($0)" }
      }
      let tasks = (identity["materials"]?["tasks"]?.array ?? []).compactMap { task in
        Statement.hash(task["sha256"]).map { "\(task["task"]?.string ?? "") \($0)" }
      }
      if !(materials + tasks).isEmpty {
        lines.append("texts       \((materials + tasks).joined(separator: ", "))")
      }
    }
    return lines
  }

  /// Every setting of results that are shown together, as a line; none where there is no setting.
  static func statementOfSettings(_ records: [EvaluationRecord]) -> [String] {
    Statement.settings(records.map(\.identity)).map { ["settings    \($0)"] } ?? []
  }

  /// The first model's name and variant, and the shard, where it is of one.
  var modelTitle: String {
    let name = labels["models"]?.array?.first?["name"]?.string ?? ""
    let title = name.isEmpty ? variant() : "\(name), \(variant())"
    return shard.isPart ? "\(title), shard \(shard.text)" : title
  }

  /// What made the numbers, when, and the key of the result.
  var statementOfProgram: String {
    let arithmetic = identity["arithmetic"]
    // Kernels of our own, then the library's products.
    let levels = ["instruction_set", "library_instruction_set"].compactMap {
      arithmetic?[$0]?.string
    }.joined(separator: ", products ")
    let formats = Statement.hash(identity["formats_sha256"], "data files ").map { ", \($0)" } ?? ""
    var names: [String] = []
    for name in makers?.names ?? [] where !names.contains(name) { names.append(name) }
    let made = names.isEmpty ? "a program unknown" : names.joined(separator: " and ")
    let date = makers.map { " \($0.last.date.ISO8601Format())," } ?? ""
    let merged = makers?.merger.map {
      ", merged by \($0.name) \($0.date.ISO8601Format())"
    }
    return "made by     \(printable(made)) (\(levels))\(formats),\(date) key"
      + " \(key.prefix(Statement.shown))\(merged ?? "")"
  }

  /// Layout, bases and scaling, whichever the model has.
  private func rotation(_ index: Int) -> [String?] {
    guard let rotation = model(index)["rotation"], rotation["sites"]?.string?.isEmpty == false
    else {
      return []
    }
    func number(_ key: String, _ name: String) -> String? {
      rotation[key]?.double.map { "\(name) \(Format.general($0))" }
    }
    return [
      rotation["layout"]?.string.map { "\($0) pairs" }, number("base", "base"),
      number("value_base", "value base"),
      rotation["scaling"]?["type"] == "none"
        ? nil : Self.scaling(rotation["scaling"], "scaling"),
      Self.scaling(rotation["value_scaling"], "value scaling"),
    ]
  }

  /// A scaling with its parameters, the context before it among them.
  private static func scaling(_ scaling: JSONValue?, _ name: String) -> String? {
    guard let members = scaling?.object, let type = members["type"]?.string else { return nil }
    let parameters = members.compactMap { key, value in
      value.double.map { "\(key) \(Format.general($0))" }
    }
    let list = parameters.isEmpty ? "" : " (\(parameters.joined(separator: ", ")))"
    return "\(name) \(type)\(list)"
  }
}
