import Evaluation
import Foundation
import Inference
import Rotary

/// Finds the most value rotation whose fitted model's perplexity, measured on the calibration's
/// windows held out, rises by at most so many percent.
///
/// Layers differ: each may turn as many of its slowest pairs as keep what no refit is predicted to
/// bring back (`AttentionAnalysis`) under one threshold for all; the threshold is searched, every
/// trial being a whole fit.
package struct RotationBudget: Sendable {
  /// The largest increase allowed, in percent.
  package var maxIncrease: Double
  package var trials: Int

  package init(maxIncrease: Double, trials: Int = 6) {
    self.maxIncrease = maxIncrease
    self.trials = trials
  }

  /// One fit of the search.
  package struct Trial: Sendable {
    /// Pairs that turn in each layer.
    package let pairs: [Int]
    /// Percent.
    package let increase: Double
    package let isWithin: Bool
  }

  package struct Choice: Sendable {
    package let request: ConversionRequest
    package let fit: FittedModel
    package let trials: [Trial]
  }

  /// - Parameters:
  ///   - model: the original.
  ///   - request: the conversion; its pair counts are what the search may reach at most.
  ///   - settings: of every fit.
  ///   - texts: calibration texts, whose windows are taken in turn.
  ///   - run: runs one fit, so that the caller can show its progress.
  ///   - onTrial: called after each fit.
  /// - Returns: the request and the fit chosen, and every trial.
  /// - Throws: `ConversionError.budget` where even the least rotation costs more.
  package func choose(
    _ model: Model, _ request: ConversionRequest, settings: FitSettings, on texts: [TokenizedText],
    fit run: (Fit) throws -> FittedModel, onTrial: (Trial) -> Void = { _ in }
  ) throws -> Choice {
    try check(request, of: model)
    let most = try ConversionPlan(model.plan, request).fitTarget
    let curves = try damage(model, request, settings, texts)
    let ceilings = most.layers.map { $0.value?.turning ?? 0 }
    var trials: [Trial] = []
    var best: (request: ConversionRequest, fit: FittedModel)?

    func attempt(_ counts: [Int]) throws -> Bool {
      var candidate = request
      candidate.valuePairs = nil
      candidate.valuePairsByLayer = counts
      let plan = try ConversionPlan(model.plan, candidate)
      let fitted = try run(
        Fit(model.plan, to: plan.fitTarget, settings: settings, threads: request.threads))
      let report = fitted.report
      let increase = 100 * (report.perplexityChosen / report.perplexityBefore - 1)
      let trial = Trial(pairs: counts, increase: increase, isWithin: increase <= maxIncrease)
      trials.append(trial)
      onTrial(trial)
      if trial.isWithin { best = (candidate, fitted) }
      return trial.isWithin
    }

    if try !attempt(ceilings) {
      var (low, high) = (log(1e-4), log(max(curves.compactMap(\.last).max() ?? 1, 2e-4)))
      var tried: Set<[Int]> = [ceilings]
      for _ in 1..<max(self.trials, 2) {
        let middle = (low + high) / 2
        let counts = zip(curves, ceilings).map { curve, ceiling in
          min(curve.lastIndex { $0 <= exp(middle) } ?? 0, ceiling)
        }
        let within =
          tried.insert(counts).inserted
          ? try attempt(counts) : trials.last { $0.pairs == counts }?.isWithin ?? false
        if within { low = middle } else { high = middle }
      }
    }
    guard let best else {
      throw ConversionError.budget(
        file: model.checkpoint.path, percent: maxIncrease,
        least: trials.map(\.increase).min() ?? .nan)
    }
    return Choice(request: best.request, fit: best.fit, trials: trials)
  }

  /// Per layer, what is predicted to be lost when its n slowest pairs turn, n from 0.
  private func damage(
    _ model: Model, _ request: ConversionRequest, _ settings: FitSettings, _ texts: [TokenizedText]
  ) throws -> [[Double]] {
    let layers = try AttentionAnalysis(
      windows: WindowPlan(context: settings.context, limit: Self.analyzedWindows),
      rotary: RotaryRequest(valueBase: request.valueBase), threads: request.threads,
      queryStep: Self.analyzedQueries
    ).run(model, on: mixture(of: texts, settings))
    return layers.map { layer in
      var curve = [0.0]
      for lost in layer.lost.reversed() { curve.append((curve.last ?? 0) + lost) }
      return curve
    }
  }

  private static let analyzedWindows = 8
  /// One query of so many is looked at: the damage only orders the pairs.
  private static let analyzedQueries = 8

  /// The texts' first windows in turn, as one text; a single text as it is.
  private func mixture(of texts: [TokenizedText], _ settings: FitSettings) -> TokenizedText {
    guard texts.count > 1 else { return texts[0] }
    var tokens: [Int32] = []
    for index in 0..<Self.analyzedWindows {
      for text in texts {
        let window = index * settings.context..<(index + 1) * settings.context
        if window.upperBound <= text.tokens.count { tokens += text.tokens[window] }
      }
    }
    return TokenizedText(
      name: texts.map(\.name).joined(separator: ", "), tokens: tokens,
      windowStart: texts[0].windowStart)
  }

  /// Refuses conversions that begin to turn no values.
  package func check(_ request: ConversionRequest, of model: Model) throws(ConversionError) {
    guard maxIncrease.isFinite, maxIncrease >= 0 else {
      throw .setting(.maxIncrease(maxIncrease))
    }
    guard request.sites?.rotatesMessage == true, !model.plan.rotary.sites.rotatesMessage else {
      throw .setting(.noValuesBeginToTurn)
    }
  }
}
