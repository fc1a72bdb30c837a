import Base
import Conversion
import Evaluation
import OrderedCollections

extension ConversionOutcome {
  /// The JSON of a conversion's result, with the warnings as the user was told them; nil: in the
  /// library's own words.
  package func json(warnings: [String]? = nil) -> JSONValue {
    var perplexity = scores.json
    perplexity.merge(scored.map(fields) ?? [:]) { stated, _ in stated }
    return .object([
      "kind": .string("convert"),
      "model": .string(plan.source.checkpoint.path),
      "input": .string(plan.source.checkpoint.path),
      "output": .string(plan.output),
      "sites_from": .string(plan.source.rotary.sites.code),
      "sites_to": .string(plan.sites.code),
      "unrotated_layers": .array(plan.target.unrotatedLayers.map { .integer(Int64($0)) }),
      "absorbed": .array(
        plan.absorbed.map { item in
          .object([
            "id": .string(item.identity.rawValue), "tensors": .integer(Int64(item.tensors)),
            "exact": .bool(item.isExact), "bound": .number(item.bound),
          ])
        }),
      "kv_numbers": plan.keptNumbers.map {
        ["source": JSONValue($0.source), "output": JSONValue($0.output)]
      } ?? .null,
      "decay_form": plan.forms.map {
        [
          "source": .string($0.source.rawValue), "output": .string($0.output.rawValue),
          "numbers_of_token": JSONValue($0.ofToken),
          "numbers_of_sequence": JSONValue($0.ofSequence),
        ]
      } ?? .null,
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
      "warnings": .array((warnings ?? self.warnings).map { .string($0) }),
    ])
  }

  /// The fields of `json` that are known before the output is written and depend on nothing but the
  /// model and the settings: what an archive's manifest keeps.
  package func manifest() -> OrderedDictionary<String, JSONValue> {
    let known = [
      "sites_from", "sites_to", "unrotated_layers", "absorbed", "fit", "perplexity",
      "tensors_copied",
      "tensors_rewritten", "warnings",
    ]
    return (json().object ?? [:]).filter { known.contains($0.key) }
  }

  private var warnings: [String] { plan.warnings.map(\.text) + notes }

  private func fields(_ scored: ScoredText) -> OrderedDictionary<String, JSONValue> {
    var fields = scored.conditions.fields
    fields["chunks_available"] = JSONValue(scored.available)
    fields["compute"] = .string(scored.compute)
    if scores.isOfCalibrationText { fields["calibration_text"] = .bool(true) }
    return fields
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
    for record in [scores.before, scores.after].compactMap({ $0?.record }) {
      notes += record.calibrationNotes
    }
    return notes
  }

  /// Without a fit, the perplexities are those of the text that was scored.
  private func fit() -> JSONValue {
    func number(_ value: Double?) -> JSONValue { value.map { .finite($0) } ?? .null }
    guard let fit = plan.fit ?? plannedFit else {
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
      "used": .string(plan.fit == nil ? "none" : fit.isUsed ? "fitted" : "rewritten"),
      "tokens": .integer(Int64(fit.tokens)),
      "held_out_tokens": .integer(Int64(fit.heldOutTokens)),
      "windows": .integer(Int64(fit.windows)),
      "held_out_windows": .integer(Int64(fit.heldOutWindows)),
      "ctx": .integer(Int64(fit.context)), "tokens_sha256": .string(fit.tokenHash),
      "ridges": .array(FitSettings.ridges.map { .number($0) }),
      "max_increase": number(maxIncrease),
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
            "name": .string(text.name),
            "text_sha256": text.textHash.map { .string($0) } ?? .null,
            "tokens_sha256": .string(text.hash),
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

  private func plannedLines(_ fit: FitReport) -> [String] {
    var lines = [
      "fit        planned: \(fit.mode.rawValue), on \(fit.tokens) tokens in \(fit.windows) windows"
        + " of \(fit.context), \(fit.heldOutWindows) more held out"
    ]
    lines += fit.texts.map {
      "           \($0.name), \($0.tokens) + \($0.heldOutTokens) tokens (\($0.hashText))"
    }
    lines.append(
      "           the ridge of each layer's output is the best held out of "
        + FitSettings.ridges.map(Format.general).joined(separator: ", "))
    if let maxIncrease {
      lines.append(
        "           as many value pairs as cost at most \(Format.general(maxIncrease)) %, in up to"
          + " \(RotationBudget(maxIncrease: maxIncrease).trials) fits")
    }
    return lines
  }

  private func fitLines() -> [String] {
    if let plannedFit { return plannedLines(plannedFit) }
    guard let fit = plan.fit else { return [] }
    func change(_ perplexity: Double, from before: Double? = nil) -> String {
      let percent = (perplexity / (before ?? fit.perplexityBefore) - 1) * 100
      return "\(Format.fixed(perplexity, 4)) (\(Format.signed(percent, 2)) %)"
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
          + " (\(text.hashText))\(values)")
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
      "\(printable(plan.source.checkpoint.path)) (\(plan.source.rotary.sites.name)) -> "
        + "\(plan.output) (\(plan.sites.name))"
    ]
    for (kind, layers) in plan.source.unreachedLayers {
      let name = kind.rawValue.padding(toLength: 11, withPad: " ", startingAt: 0)
      lines.append("\(name)in \(Format.layers(layers)), whatever the variant")
    }
    if let value = plan.target.valueTable {
      let turning = value.turning.reduce(0, +)
      lines.append(
        "values     \(turning) of \(plan.target.valueSlots) pairs turn"
          + (value.base.map { ", base \(Format.general($0))" } ?? ""))
    }
    for item in plan.absorbed {
      let kind = item.isExact ? "exactly" : "with bound \(Format.general(item.bound))"
      lines.append("absorbed   \(item.identity.rawValue) \(kind), \(item.tensors) tensors")
      if item.identity == .latent, let kept = plan.keptNumbers {
        lines.append(
          "KV cache   \(kept.source) -> \(kept.output) numbers a token and layer; the scores keep"
            + " their scale")
      }
    }
    if let forms = plan.forms {
      lines.append(
        "form       \(forms.source.rawValue) -> \(forms.output.rawValue): the same weights and outputs;"
          + " attention keeps \(forms.ofToken) numbers a token and layer, the recurrence"
          + " \(forms.ofSequence) a sequence and layer, whatever its length")
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
    lines += scores.lines(of: scored, type: plan.request.type.setting)
    return lines.joined(separator: "\n")
  }
}

extension FitReport.Text {
  /// The beginning of the hash of its bytes, or of its ids where there are no bytes.
  fileprivate var hashText: String {
    textHash.map { "sha256 \($0.prefix(12))" } ?? "ids sha256 \(hash.prefix(12))"
  }
}
