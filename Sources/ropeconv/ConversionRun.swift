import Conversion
import Evaluation
import Reports

/// The work of a conversion after all checks: score, fit, write, score again, under one display that
/// counts all of it.
struct ConversionRun {
  let model: Model
  let request: ConversionRequest
  /// Before a fit.
  let plan: ConversionPlan
  let calibration: [TokenizedText]
  let scoring: Scoring?
  let fitting: FitOptions
  let options: OutputOptions

  /// Perplexity of a text before and after.
  struct Scoring {
    let text: TokenizedText
    let evaluation: PerplexityEvaluation
    /// Tokens in all chunks scored.
    let tokens: Int
    let scored: ConversionReport.ScoredText
  }

  func run() throws -> ConversionReport {
    let display = ProgressDisplay(quiet: options.quiet)
    defer { display.finish() }
    let stages = Stages(self)
    func show(_ stage: Int, _ share: Double, _ detail: @autoclosure () -> String) {
      display.show(stages.estimate.fraction(stage: stage, share: share), detail())
    }

    var measured = MeasuredPerplexities()
    measured.before = try perplexity(of: model) { show(stages.before, $0, "before: \($1)") }

    var plan = plan
    var trials: [RotationBudget.Trial] = []
    if !calibration.isEmpty {
      let outcome = try fitting.run(model, request, plan, on: calibration, options) {
        show(stages.fit, $0, $1)
      }
      trials = outcome.trials
      var request = outcome.request
      request.expectsFit = false
      let said = plan.allWarnings
      plan = try ConversionPlan(model.plan, request, fit: outcome.fit)
      for warning in plan.allWarnings where !said.contains(warning) { options.warn(warning) }
    }
    var report = ConversionReport(plan)
    report.trials = trials
    report.perplexityBefore = measured.before
    report.scored = scoring?.scored
    measured.extent = scoring?.scored.extent

    let total = Double(max(plan.tensorBytes, 1))
    let writing = ContinuousClock.now
    report.bytes = try plan.write(version: programVersion, report: report.manifest()) {
      [estimate = stages.estimate, stage = stages.write] written in
      display.show(
        estimate.fraction(stage: stage, share: Double(written) / total), Format.bytes(written))
    }
    report.seconds = (ContinuousClock.now - writing) / .seconds(1)

    if !calibration.isEmpty || scoring != nil {
      // The output once for both: opening an archive may mean unpacking it.
      let written = try Model(opening: plan.output)
      if !calibration.isEmpty {
        let layers = Double(model.plan.layers.count)
        report.perplexityHeldOut = try fitting.fit(plan, threads: options.threads)
          .heldOutPerplexity(of: written, calibration) {
            show(stages.heldOut, Double($0) / layers, "held-out windows of what was written")
          }
      }
      report.perplexityAfter = try perplexity(of: written) {
        show(stages.after, $0, "after: \($1)")
      }
    }
    measured.after = report.perplexityAfter
    measured.heldOut = report.perplexityHeldOut?.all
    try plan.record(measured, version: programVersion)
    return report
  }

  private func perplexity(of model: Model, show: (Double, String) -> Void) throws -> Double? {
    guard let scoring else { return nil }
    return try scoring.evaluation.run(model, on: scoring.text) { progress in
      show(
        progress.tokens / Double(max(progress.totalTokens, 1)),
        progress.perplexity.map { "perplexity \(Format.fixed($0, 4))" } ?? "scoring")
    }.perplexity
  }

  /// What each part of the work is going to cost.
  private struct Stages {
    private(set) var estimate = WorkEstimate()
    let before: Int
    let fit: Int
    let write: Int
    let heldOut: Int
    let after: Int

    init(_ run: ConversionRun) {
      let weights = run.model.plan.decodedBytes / 4
      let threads = run.options.threads
      let shape = run.model.plan.shape
      let settings = run.fitting.settings
      let inTexts = run.calibration.reduce(0) { $0 + $1.tokens.count }
      let fitted = min(settings.tokens, inTexts)
      let trials = run.fitting.maxIncrease == nil ? 1 : RotationBudget(maxIncrease: 0).trials
      let scoring = WorkEstimate.scoring(
        tokens: run.scoring?.tokens ?? 0, weights: weights, threads: threads)
      before = estimate.add(scoring)
      fit = estimate.add(
        Double(trials)
          * WorkEstimate.fitting(
            tokens: fitted, weights: weights, layers: shape.layers,
            inputs: shape.heads * shape.valueWidth, threads: threads))
      write = estimate.add(WorkEstimate.writing(bytes: run.plan.tensorBytes))
      heldOut = estimate.add(
        WorkEstimate.scoring(tokens: fitted / 5, weights: weights, threads: threads))
      after = estimate.add(scoring)
    }
  }
}
