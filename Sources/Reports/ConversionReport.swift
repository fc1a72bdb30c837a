import Base
import Checkpoints
import Conversion
import Evaluation
import OrderedCollections

/// What `convert` reports: the plan, and what came of it.
package struct ConversionReport: Sendable {
  package let plan: ConversionPlan
  /// Bytes written; nil for a dry run.
  package var bytes: Int?
  package var seconds = 0.0
  /// Perplexity of the source and of the output on the text of `--text`, where one was given.
  package var perplexityBefore: Double?
  package var perplexityAfter: Double?
  /// What of the text was scored.
  package var scored: ScoredText?
  /// Perplexity of the written file on the windows a fit held out.
  package var perplexityHeldOut: HeldOutPerplexity?
  /// The search of `--max-increase`.
  package var trials: [RotationBudget.Trial] = []

  /// The part of a text that perplexity before and after was measured on.
  package struct ScoredText: Sendable {
    package let name: String
    /// SHA-256 of the whole text's token ids (32-bit little-endian).
    package let hash: String
    package let chunks: Int
    /// Chunks of the whole text.
    package let available: Int
    package let windows: WindowPlan
    package let compute: String

    package init(
      name: String, hash: String, chunks: Int, available: Int, windows: WindowPlan, compute: String
    ) {
      self.name = name
      self.hash = hash
      self.chunks = chunks
      self.available = available
      self.windows = windows
      self.compute = compute
    }

    /// Such as `the first 32 of 81 chunks of 512 tokens`.
    package var extent: String {
      chunks < available
        ? "the first \(chunks) of \(available) chunks of \(windows.context) tokens"
        : "\(chunks) chunks of \(windows.context) tokens"
    }

    var fields: OrderedDictionary<String, JSONValue> {
      [
        "text": .string(name), "text_sha256": .string(hash), "chunks": .integer(Int64(chunks)),
        "chunks_available": .integer(Int64(available)), "ctx": .integer(Int64(windows.context)),
        "score": .string(windows.scored.rawValue),
        "stride": windows.stride.map { .integer(Int64($0)) } ?? .null,
        "compute": .string(compute),
      ]
    }
  }

  package init(_ plan: ConversionPlan) { self.plan = plan }

  /// The fields of `convert --json`.
  package func json() -> JSONValue {
    var perplexity: OrderedDictionary<String, JSONValue> = [
      "before": perplexityBefore.map { .finite($0) } ?? .null,
      "after": perplexityAfter.map { .finite($0) } ?? .null,
    ]
    perplexity.merge(scored?.fields ?? [:]) { stated, _ in stated }
    return .object([
      "kind": .string("convert"),
      "model": .string(plan.source.checkpoint.path),
      "input": .string(plan.source.checkpoint.path),
      "output": .string(plan.output),
      "sites_from": .string(plan.source.rotary.sites.code),
      "sites_to": .string(plan.sites.code),
      "absorbed": .array(
        plan.absorbed.map { item in
          .object([
            "id": .string(item.identity.rawValue), "tensors": .integer(Int64(item.tensors)),
            "exact": .bool(item.isExact), "bound": .number(item.bound),
          ])
        }),
      "fit": fit(),
      "perplexity": .object(perplexity),
      "edits": .array(
        plan.edits.map { edit in
          .object([
            "key": .string(edit.key), "old": edit.old ?? .null, "new": edit.new ?? .null,
            "removed": .bool(edit.new == nil),
          ])
        }),
      "tensors_copied": .integer(Int64(plan.copiedTensors)),
      "tensors_rewritten": .integer(Int64(plan.rewrittenTensors)),
      "bytes": .integer(Int64(bytes ?? 0)),
      "seconds": .number(seconds),
      "dry_run": .bool(bytes == nil),
      "warnings": .array((plan.allWarnings + notes).map { .string($0) }),
    ])
  }

  /// The fields of `json` that are known before the output is written and depend on nothing but the
  /// model and the settings: what an archive's manifest keeps.
  package func manifest() -> OrderedDictionary<String, JSONValue> {
    let known = [
      "sites_from", "sites_to", "absorbed", "fit", "perplexity", "tensors_copied",
      "tensors_rewritten", "warnings",
    ]
    return (json().object ?? [:]).filter { known.contains($0.key) }
  }

  /// What a user must know of the result, with the numbers that were measured.
  package var notes: [String] {
    var notes: [String] = []
    if let fit = plan.fit, !fit.isUsed {
      notes.append(
        "the fit is not used: on the windows held out it is worse than the plain rewrite"
          + " (perplexity \(Format.fixed(fit.perplexityFitted, 4)) fitted,"
          + " \(Format.fixed(fit.perplexityRewritten, 4)) rewritten,"
          + " \(Format.fixed(fit.perplexityBefore, 4)) before), which was written in its place")
    }
    if plan.losesScoreDistance {
      var measured: (before: Double, after: Double)?
      if let fit = plan.fit {
        measured = (fit.perplexityBefore, perplexityHeldOut?.all ?? fit.perplexityChosen)
      } else if let before = perplexityBefore, let after = perplexityAfter {
        measured = (before, after)
      }
      if let measured {
        notes.append(
          "without distance in its scores the model is a starting point for training: perplexity"
            + " \(Format.fixed(measured.before, 2)) -> \(Format.fixed(measured.after, 2))")
      }
    }
    return notes
  }

  /// Without a fit, the perplexities are those of `--text`.
  private func fit() -> JSONValue {
    func number(_ value: Double?) -> JSONValue { value.map { .finite($0) } ?? .null }
    guard let fit = plan.fit else {
      return .object([
        "mode": .string("none"), "used": .string("none"), "tokens": .integer(0),
        "layers": .array([]),
        "perplexity_before": number(perplexityBefore),
        "perplexity_rewritten": number(perplexityAfter),
        "perplexity_after": number(perplexityAfter),
      ])
    }
    return .object([
      "mode": .string(fit.mode.rawValue),
      "used": .string(fit.isUsed ? "fitted" : "rewritten"),
      "tokens": .integer(Int64(fit.tokens)),
      "held_out_tokens": .integer(Int64(fit.heldOutTokens)),
      "ctx": .integer(Int64(fit.context)), "tokens_sha256": .string(fit.tokenHash),
      "layers": .array(
        fit.layers.map { layer in
          .object([
            "layer": .integer(Int64(layer.layer)),
            "relative_error_before": .finite(layer.errorBefore),
            "relative_error_after": .finite(layer.errorAfter), "ridge": .finite(layer.ridge),
          ])
        }),
      "perplexity_before": .finite(fit.perplexityBefore),
      "perplexity_rewritten": .finite(fit.perplexityRewritten),
      "perplexity_fitted": .finite(fit.perplexityFitted),
      "perplexity_after": number(perplexityHeldOut?.all),
      "texts": .array(
        fit.texts.enumerated().map { index, text in
          .object([
            "name": .string(text.name), "tokens_sha256": .string(text.hash),
            "tokens": .integer(Int64(text.tokens)),
            "held_out_tokens": .integer(Int64(text.heldOutTokens)),
            "perplexity_before": .finite(text.perplexityBefore),
            "perplexity_rewritten": .finite(text.perplexityRewritten),
            "perplexity_fitted": .finite(text.perplexityFitted),
            "perplexity_after": number(perplexityHeldOut?.byText[index]),
          ])
        }),
      "trials": .array(
        trials.map { trial in
          .object([
            "pairs": .array(trial.pairs.map { .integer(Int64($0)) }),
            "increase_percent": .finite(trial.increase), "within": .bool(trial.isWithin),
          ])
        }),
    ])
  }

  private func fitLines() -> [String] {
    guard let fit = plan.fit else { return [] }
    func change(_ perplexity: Double, from before: Double? = nil) -> String {
      let percent = (perplexity / (before ?? fit.perplexityBefore) - 1) * 100
      return "\(Format.fixed(perplexity, 4)) (\(percent >= 0 ? "+" : "")"
        + "\(Format.fixed(percent, 2)) %)"
    }
    var lines: [String] = []
    if !trials.isEmpty, let counts = plan.request.valuePairsByLayer {
      lines.append("pairs      by layer: " + counts.map(String.init).joined(separator: ","))
    }
    lines += [
      "fit        \(fit.mode.rawValue), on \(fit.tokens) tokens in windows of \(fit.context)",
      "held out   \(fit.heldOutTokens) tokens: perplexity \(Format.fixed(fit.perplexityBefore, 4))"
        + " before, \(change(fit.perplexityRewritten)) rewritten,"
        + " \(change(fit.perplexityFitted)) fitted",
    ]
    for text in fit.texts {
      let values =
        fit.texts.count > 1
        ? ": \(Format.fixed(text.perplexityBefore, 4)) before,"
          + " \(change(text.perplexityRewritten, from: text.perplexityBefore)) rewritten,"
          + " \(change(text.perplexityFitted, from: text.perplexityBefore)) fitted" : ""
      lines.append(
        "           \(text.name), \(text.tokens) + \(text.heldOutTokens) tokens"
          + " (\(text.hash.prefix(12)))\(values)")
    }
    if !fit.isUsed {
      lines.append("           the fit is worse: the plain rewrite was taken")
    }
    if let written = perplexityHeldOut?.all {
      let cost = (written / fit.perplexityChosen - 1) * 100
      lines.append(
        "           \(change(written)) as written: rounding costs \(Format.fixed(cost, 3)) %")
    }
    return lines
  }

  /// The lines a person reads.
  package func text() -> String {
    var lines = [
      "\(plan.source.checkpoint.path) (\(plan.source.rotary.sites.name)) -> "
        + "\(plan.output) (\(plan.sites.name))"
    ]
    if let value = plan.target.value {
      let turning = value.frequencies.reduce(0) { $0 + $1.count { $0 != 0 } }
      lines.append(
        "values     \(turning) of \(value.slots * value.frequencies.count) pairs turn"
          + (value.base.map { ", base \(Format.general($0))" } ?? ""))
    }
    for item in plan.absorbed {
      let kind = item.isExact ? "exactly" : "with bound \(Format.general(item.bound))"
      lines.append("absorbed   \(item.identity.rawValue) \(kind), \(item.tensors) tensors")
    }
    lines += fitLines()
    for edit in plan.edits {
      let old = edit.old.map { $0.serialized(pretty: false) }
      if let new = edit.new?.serialized(pretty: false) {
        lines.append("set        \(edit.key): \(old ?? "not there") -> \(new)")
      } else {
        lines.append("removed    \(edit.key): \(old ?? "not there")")
      }
    }
    lines.append(
      "tensors    \(plan.copiedTensors) copied byte for byte, \(plan.rewrittenTensors) rewritten")
    if let bytes {
      lines.append(
        "written    \(Format.bytes(bytes)) in \(Format.fixed(seconds, 2)) s")
    } else {
      lines.append(
        "dry run    nothing written, \(Format.bytes(plan.tensorBytes)) of tensors planned")
    }
    if let before = perplexityBefore, let after = perplexityAfter {
      let change = (after / before - 1) * 100
      lines.append(
        "perplexity \(Format.fixed(before, 4)) before, \(Format.fixed(after, 4)) after "
          + "(\(change >= 0 ? "+" : "")\(Format.fixed(change, 1)) %)"
          + (scored.map { ", \($0.extent)" } ?? ""))
    }
    return lines.joined(separator: "\n")
  }
}
