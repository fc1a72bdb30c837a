import Base
import Evaluation
import Inference
import Models
import Rotary
import Tensors

/// Fits a converted model to the original, layer by layer, in closed form (docs/rotary.md,
/// section 3): two streams go through the layers side by side, the original's and the converted
/// one's, and each layer's weights are chosen in the stream that the layers before it have left.
///
/// Memory: one layer's statistics, the two streams and one layer's heads, whatever the model's size.
package struct Fit: Sendable {
  package let plan: ModelPlan
  /// The variant to fit, in the source's own pair layouts.
  package let target: RotaryConfiguration
  package let settings: FitSettings
  package let threads: Int

  package init(
    _ plan: ModelPlan, to target: RotaryConfiguration, settings: FitSettings, threads: Int = 1
  ) {
    self.plan = plan
    self.target = target
    self.settings = settings
    self.threads = threads
  }

  /// Every so many queries are looked at for how far heads look.
  private static let reachStep = 16

  /// A fit on one text.
  package func run(
    _ text: TokenizedText, onLayer: (FitReport.Layer) -> Void = { _ in }
  ) throws -> FittedModel {
    try run([text], onLayer: onLayer)
  }

  /// - Parameters:
  ///   - texts: calibration texts, whose windows are taken in turn.
  ///   - onLayer: called after each layer with what its fit did.
  /// - Returns: the fitted weights, and what was done.
  /// - Throws: `ConversionError.calibration` for a text with too little in it, `.notFinite` for a
  ///   weight that is not a number.
  package func run(
    _ texts: [TokenizedText], onLayer: (FitReport.Layer) -> Void = { _ in }
  ) throws -> FittedModel {
    let calibration = try CalibrationWindows(texts, settings, for: plan)
    var report = planned(calibration)
    let fitted = try FittedWeights()
    // Statistics are taken of values that turn as they do in these windows.
    var target = target
    try target.followScaling(length: calibration.sequences.map(\.count).max() ?? 0)
    let original = try LayerStream(
      ForwardPass(plan: plan, threads: threads), calibration.sequences)
    let converted = try LayerStream(
      ForwardPass(plan: plan, rotary: target, threads: threads), calibration.sequences,
      sharing: original)
    let heads = FloatBuffer(count: original.rows * plan.capacity.outputs)
    let turned = FloatBuffer(count: heads.count)
    let record = AttentionRecord(rows: original.rows, shape: plan.shape)

    for index in plan.layers.indices {
      let weights = try LayerWeights(plan.layers[index], threads: threads)
      guard let attention = plan.layers[index].recipe.attention else {
        // Nothing turns in it: the converted stream goes through the same weights.
        for stream in [original, converted] {
          let layer = try stream.layer(index, weights)
          layer.project()
          try layer.finish()
        }
        continue
      }
      var fit = try LayerFit(plan: plan, target: target, layer: index, threads: threads)

      let before = try original.layer(index, weights)
      before.project()
      let shares =
        fit.needsShares
        ? FloatBuffer(count: original.rows * attention.heads) : nil
      before.attend(into: heads, shares: shares)
      if settings.mode == .full, fit.startsToTurn, attention.hasFreeValueBasis {
        try fit.chooseBasis(
          heads, shares: shares, rows: calibration.fittedRows,
          reach: before.reach(every: Self.reachStep, sequences: calibration.fitted))
      }
      try before.update(from: heads, record: record)

      let rewritten = weights.replacing(fit.state.weights)
      let after = try converted.layer(index, rewritten)
      after.project()
      after.attend(into: turned)
      fit.makeTargets(
        record, converted: converted.hidden, rows: converted.rows, weights: weights)
      try fit.adaptHeads(heads, turned, rows: calibration.fittedRows)
      let solution = try fit.refit(
        turned, record, fittedRows: calibration.fittedRows, heldOutRows: calibration.heldOutRows)
      try converted.layer(index, rewritten.replacing(fit.state.weights)).update(from: turned)

      fit.restoreSizes()
      for (role, weight) in fit.state.weights { try fitted.store(weight, role, layer: index) }
      if let solution {
        let layer = FitReport.Layer(
          layer: index, errorBefore: solution.errorBefore, errorAfter: solution.errorAfter,
          ridge: solution.ridge)
        report.layers.append(layer)
        onLayer(layer)
      }
    }
    func perplexity(
      _ states: ForwardPass.HiddenStates, first: Int
    ) throws -> HeldOutPerplexity {
      let value = try calibration.perplexity(states, first: first, plan: plan, threads: threads)
      guard value.all.isFinite else {
        throw ModelError.notFinite(
          file: plan.checkpoint.path, what: "the likelihood of a calibration token")
      }
      return value
    }
    let before = try perplexity(original.states, first: calibration.fitted)
    let after = try perplexity(converted.states, first: calibration.fitted)
    let unfitted = try ForwardPass(plan: plan, rotary: target, threads: threads)
      .run(Array(calibration.sequences[calibration.fitted...]))
    report.measured(before: before, rewritten: try perplexity(unfitted, first: 0), fitted: after)
    return FittedModel(weights: fitted, report: report)
  }

  /// Perplexity of a written file on the windows the fit held out.
  package func heldOutPerplexity(of model: Model, _ text: TokenizedText) throws -> Double {
    try heldOutPerplexity(of: model, [text]).all
  }

  /// Perplexity of a written file on the windows the fit held out, text by text; `onLayer` is
  /// called with the number of layers done.
  package func heldOutPerplexity(
    of model: Model, _ texts: [TokenizedText], onLayer: (Int) -> Void = { _ in }
  ) throws -> HeldOutPerplexity {
    let calibration = try CalibrationWindows(texts, settings, for: plan)
    let states = try ForwardPass(plan: model.plan, threads: threads)
      .run(Array(calibration.sequences[calibration.fitted...]), onLayer: onLayer)
    return try calibration.perplexity(states, first: 0, plan: model.plan, threads: threads)
  }

  /// What a run is going to be done on, nothing measured; refuses texts that a run would refuse.
  package func planned(on texts: [TokenizedText]) throws -> FitReport {
    planned(try CalibrationWindows(texts, settings, for: plan))
  }

  private func planned(_ calibration: CalibrationWindows) -> FitReport {
    var report = FitReport(
      mode: settings.mode, tokens: calibration.fittedRows, heldOutTokens: calibration.heldOutRows,
      context: settings.context, tokenHash: SourceHash.sha256(tokens: calibration.sequences))
    report.texts = calibration.reports()
    return report
  }
}
