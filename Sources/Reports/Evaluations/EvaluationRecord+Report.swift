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

  /// What the numbers are of and how they were made, as lines: files and their hashes, arithmetic,
  /// program, date and key, time and memory.
  func costText(peakBytes: Int) -> String {
    let rate = Double(evaluatedTokens) / max(seconds, 1e-9)
    let shared =
      computedTokens < evaluatedTokens
      ? ", \(computedTokens) of \(evaluatedTokens) tokens computed" : ""
    return """
      \((statementOfFiles + [statementOfProgram]).joined(separator: "\n"))
      arithmetic  \(compute.string ?? "")
      time        \(Format.fixed(seconds, 1)) s, \(Format.fixed(rate, 0)) tokens/s\(shared), \
      peak memory \(Format.bytes(peakBytes))
      """
  }

  /// Models with their rotation, then texts: the path as given and the beginning of the hash, which
  /// `--json` has whole.
  var statementOfFiles: [String] {
    let files = (labels["models"]?.array ?? []).map { $0["file"]?.string ?? "" }
    var lines = files.indices.map { index in
      let parts = [files[index], Self.hash(model(index)["sha256"])] + rotation(index)
      return "weights     \(printable(parts.compactMap { $0 }.joined(separator: ", ")))"
    }
    if let text = labels["text"]?.string {
      // Of ids there is no text to hash: then those of the ids say which they were.
      let hash = Self.hash(labels["text_sha256"]) ?? Self.hash(identity["text"]?["sha256"], "ids ")
      lines.append(
        "text        \(printable([text, hash].compactMap { $0 }.joined(separator: ", ")))")
    }
    if let haystack = labels["haystack"]?.string {
      let hash = Self.hash(identity["materials"]?["haystack_sha256"])
      lines.append(
        "haystack    \(printable([haystack, hash].compactMap { $0 }.joined(separator: ", ")))")
    } else {
      let materials = (identity["materials"]?.object ?? [:]).compactMap { key, value in
        Self.hash(value).map { "\(key.replacing("_sha256", with: "")) \($0)" }
      }
      let tasks = (identity["materials"]?["tasks"]?.array ?? []).compactMap { task in
        Self.hash(task["sha256"]).map { "\(task["task"]?.string ?? "") \($0)" }
      }
      if !(materials + tasks).isEmpty {
        lines.append("texts       \((materials + tasks).joined(separator: ", "))")
      }
    }
    return lines
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
    let formats = Self.hash(identity["formats_sha256"], "data files ").map { ", \($0)" } ?? ""
    return "made by     \(Program.name) \(Program.version) (\(levels))\(formats),"
      + " \(date.ISO8601Format()), key"
      + " \(key.prefix(Self.shown))"
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
    let scaling = rotation["scaling"]?["type"]?.string
    return [
      rotation["layout"]?.string.map { "\($0) pairs" }, number("base", "base"),
      number("value_base", "value base"),
      scaling == "none" ? nil : scaling.map { "scaling \($0)" },
    ]
  }

  /// Characters of a hash in a line for people.
  private static let shown = 16

  private static func hash(_ value: JSONValue?, _ what: String = "") -> String? {
    (value?.string).map { "\(what)sha256 \($0.prefix(shown))" }
  }
}
