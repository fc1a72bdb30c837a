import Base
import Checkpoints
import Evaluation
import Foundation
import Models
import OrderedCollections

/// Perplexities that are measured once the output exists.
package struct MeasuredPerplexities: Sendable {
  /// Of the source and of the output on a text.
  package var before: Estimate?
  package var after: Estimate?
  /// In percent; with an error of its own where chunks were paired.
  package var change: Estimate?
  /// How much of the text, such as `41 chunks of 512 tokens`.
  package var extent: String?
  /// Whether that text is, or is in part, what the weights were fitted on.
  package var isOfCalibrationText: Bool
  /// Of the written file on the windows that a fit held out.
  package var heldOut: Double?

  package init(
    before: Estimate? = nil, after: Estimate? = nil, change: Estimate? = nil,
    extent: String? = nil, isOfCalibrationText: Bool = false, heldOut: Double? = nil
  ) {
    self.before = before
    self.after = after
    self.change = change
    self.extent = extent
    self.isOfCalibrationText = isOfCalibrationText
    self.heldOut = heldOut
  }

  var isEmpty: Bool { before == nil && after == nil && heldOut == nil }
}

/// The README.md of a folder: where the model comes from, what was done to it, what it costs, and
/// how to run it. It names no path, time or machine: the same conversion writes the same card.
struct ModelCard {
  static let fileName = "README.md"

  let plan: ConversionPlan
  let version: String
  /// SHA-256 of the source, as results of evaluations state it.
  let sourceHash: String
  /// SHA-256 of its weights, where that of the source is of more.
  let weightsHash: String?
  /// What decided the result, as one line.
  let settings: String
  let measured: MeasuredPerplexities

  /// - Throws: what opening the source's card throws.
  func text() throws(FileError) -> String {
    try [frontMatter(), heading(), provenance(), measurements(), use()]
      .filter { !$0.isEmpty }.joined(separator: "\n\n") + "\n"
  }

  // MARK: - Front matter

  private func frontMatter() throws(FileError) -> String {
    let facts = try SourceFacts(plan.source.checkpoint)
    var lines = ["---", "library_name: transformers", "pipeline_tag: text-generation"]
    for (key, value) in facts.license { lines.append("\(key): \(value)") }
    if let model = facts.baseModel { lines.append("base_model: \(model)") }
    lines += ["tags:", "- ropeconv", "- rotary-\(plan.sites.name)", "---"]
    return lines.joined(separator: "\n")
  }

  // MARK: - Body

  private var name: String {
    let checkpoint = plan.source.checkpoint
    return SourceFacts.singleLine(checkpoint.metadata[GeneralKey.name]?.string) ?? fileName
  }

  /// The last part of the source's path, or its name on the hub whose cache it lies in.
  private var fileName: String {
    let path = plan.source.checkpoint.path
    return SourceFacts.singleLine(
      HubCache.name(ofSnapshot: path) ?? URL(fileURLWithPath: path).lastPathComponent) ?? "model"
  }

  private func heading() -> String {
    let sites = plan.sites
    let turning =
      sites.isEmpty
      ? "Nothing in its attention rotates."
      : "In its attention these sites rotate: \(sites.code.map(String.init).joined(separator: ", "))."
    return """
      # \(name), \(sites.name)

      A \(plan.source.architecture.name) checkpoint, written by ropeconv \(version). \(turning)
      """
  }

  private func provenance() -> String {
    var rows = [
      ("source", "`\(fileName)`"), ("SHA-256 of the source", "`\(sourceHash)`"),
    ]
    if let weightsHash { rows.append(("SHA-256 of its weights alone", "`\(weightsHash)`")) }
    rows.append(("sites", "\(plan.source.rotary.sites.name) -> \(plan.sites.name)"))
    for (kind, layers) in plan.source.unreachedLayers {
      let name =
        switch kind {
        case .withoutPositions: "layers without positions"
        case .deltaRule: "layers of a delta rule"
        }
      rows.append((name, layers.map(String.init).joined(separator: ", ")))
    }
    if let value = plan.target.valueTable {
      let turning = value.turning.reduce(0, +)
      rows.append(
        (
          "value rotation",
          "\(turning) of \(plan.target.valueSlots) pairs"
            + (value.base.map { ", base \(Self.number($0, digits: 0))" } ?? "")
            + ", bias \(value.bias.rawValue)"
        ))
    }
    if !plan.absorbed.isEmpty {
      let items = plan.absorbed.map { item in
        item.identity.rawValue
          + (item.isExact ? " exactly" : " with bound \(item.bound)")
      }
      rows.append(("absorbed", items.joined(separator: ", ")))
    }
    if let fit = plan.fit {
      rows.append(
        (
          "fit",
          "\(fit.mode.rawValue), calibrated on \(fit.tokens) tokens in windows of \(fit.context)"
            + " (SHA-256 of the ids `\(fit.tokenHash)`)"
            + (fit.isUsed ? "" : ": worse than the plain rewrite, so not used")
        ))
    }
    rows.append(("settings", "`\(settings)`"))
    return table(("conversion", ""), rows)
  }

  private func measurements() -> String {
    var rows: [(String, String)] = []
    func add(_ what: String, _ value: Estimate?, changed change: Estimate? = nil) {
      guard let value else { return }
      func shown(_ estimate: Estimate, _ digits: Int) -> String {
        let error = estimate.error
        return Self.number(estimate.value, digits: digits)
          + (error.isFinite ? " ± \(Self.number(error, digits: digits))" : "")
      }
      let sign = (change?.value ?? 0) >= 0 ? "+" : ""
      rows.append((what, shown(value, 4) + (change.map { " (\(sign)\(shown($0, 2)) %)" } ?? "")))
    }
    func add(_ what: String, _ value: Double?, from base: Double?) {
      add(
        what, value.map { Estimate(value: $0, error: .nan) },
        changed: value.flatMap { value in
          base.map { Estimate(value: (value / $0 - 1) * 100, error: .nan) }
        })
    }
    if let fit = plan.fit {
      let held = "on \(fit.heldOutTokens) held-out tokens"
      add("original, \(held)", fit.perplexityBefore, from: nil)
      add("rewritten, not fitted", fit.perplexityRewritten, from: fit.perplexityBefore)
      add("fitted", fit.perplexityFitted, from: fit.perplexityBefore)
      add("as written here", measured.heldOut, from: fit.perplexityBefore)
    }
    let text =
      "on \(measured.extent ?? "a text")"
      + (measured.isOfCalibrationText ? ", (in part) calibration text of the fit" : "")
    add("original, \(text)", measured.before)
    add("this folder, \(text)", measured.after, changed: measured.change)
    return rows.isEmpty ? "" : "## Measured\n\n" + table(("perplexity", ""), rows)
  }

  private func use() -> String {
    let isPlain = plan.declaration == nil
    guard isPlain || plan.hasModelingCode else {
      return
        "transformers has no code for this variant: score it with ropeconv, or convert it back."
    }
    let trust = isPlain ? "" : ", trust_remote_code=True"
    return """
      ## Use

      ```python
      from transformers import AutoModelForCausalLM, AutoTokenizer

      model = AutoModelForCausalLM.from_pretrained("this/folder"\(trust))
      tokenizer = AutoTokenizer.from_pretrained("this/folder"\(trust))
      ```

      What `save_pretrained` writes after training converts back: `ropeconv convert trained/ -o\
       trained.gguf`.
      """
  }

  private func table(_ head: (String, String), _ rows: [(String, String)]) -> String {
    (["| \(head.0) | \(head.1) |", "|---|---|"] + rows.map { "| \($0.0) | \($0.1) |" })
      .joined(separator: "\n")
  }

  private static func number(_ value: Double, digits: Int) -> String {
    String(format: "%.\(digits)f", value)
  }
}

/// What a source says of its own origin.
private struct SourceFacts {
  /// `license`, `license_name` and `license_link` where the source states them.
  let license: OrderedDictionary<String, String>
  /// The repository the source came from, `owner/name`.
  let baseModel: String?

  /// - Throws: what opening the source's card throws: without it the license would be missing.
  init(_ checkpoint: Checkpoint) throws(FileError) {
    func metadata(_ key: String) -> String? { checkpoint.metadata[key]?.string }
    let path = HuggingFaceConfiguration.Key.sourceName.rawValue
    var stated: OrderedDictionary<String, String> = [:]
    if let card = try checkpoint.companions?.openWhereThere(ModelCard.fileName) {
      stated = Self.frontMatter(card)
    }
    var license: OrderedDictionary<String, String> = [:]
    for (key, stored) in [
      ("license", GeneralKey.license), ("license_name", GeneralKey.licenseName),
      ("license_link", GeneralKey.licenseLink),
    ] {
      license[key] = stated[key] ?? metadata(stored).flatMap(Self.scalar)
    }
    self.license = license
    baseModel =
      [
        metadata(GeneralKey.sourceHuggingFace), metadata(GeneralKey.sourceRepository),
        metadata(GeneralKey.repository), metadata(GeneralKey.baseModelRepository),
        checkpoint.configuration?[path]?.string,
        HubCache.name(ofSnapshot: checkpoint.path),
      ].lazy.compactMap { $0.flatMap(Self.repository) }.first ?? stated["base_model"]
  }

  /// The `key: value` lines at the head of a model card; nested values are left out.
  private static func frontMatter(_ card: MappedFile) -> OrderedDictionary<String, String> {
    let lines = card.withBytes(0..<card.size) { String(decoding: $0, as: UTF8.self) }
      .split(separator: "\n", omittingEmptySubsequences: false)
    guard lines.first == "---" else { return [:] }
    var result: OrderedDictionary<String, String> = [:]
    for line in lines.dropFirst().prefix(while: { $0 != "---" }) {
      let parts = line.split(separator: ":", maxSplits: 1)
      guard parts.count == 2, line.first?.isLetter == true,
        let value = scalar(parts[1].trimmingCharacters(in: .whitespaces))
      else { continue }
      result[String(parts[0])] = value
    }
    return result
  }

  /// A value as plain YAML; nil for one that would need more than a line.
  private static func scalar(_ text: String) -> String? {
    guard let line = singleLine(text), line.allSatisfy({ !"[]{}|>#&*!%@`\"'".contains($0) }),
      !line.contains(": ")
    else { return nil }
    return line
  }

  /// `owner/name` of a repository's name or address; nil for a path on some machine.
  private static func repository(_ text: String) -> String? {
    var name = Substring(text)
    if let scheme = name.range(of: "://") {
      guard let slash = name[scheme.upperBound...].firstIndex(of: "/") else { return nil }
      name = name[name.index(after: slash)...]
    }
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    let allowed = CharacterSet.alphanumerics.union(CharacterSet(charactersIn: "-_."))
    let isPlain = parts.allSatisfy { part in
      !part.isEmpty && part.first != "." && part.unicodeScalars.allSatisfy(allowed.contains)
    }
    return parts.count == 2 && isPlain ? String(name) : nil
  }

  /// A text without line breaks or backticks, which would end the place it is put in.
  static func singleLine(_ text: String?) -> String? {
    guard let text, !text.isEmpty,
      text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0 != "`" && $0 != "|" })
    else { return nil }
    return text
  }
}
