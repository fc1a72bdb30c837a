import ArgumentParser
import Conversion
import Evaluation

extension FitMode: ExpressibleByArgument {}

/// The fit of a conversion to the original on calibration texts.
struct FitOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Refit none, output (W_o) or full (basis of the values and W_o); full with --calibrate.",
      valueName: "mode"))
  var fit: FitMode?

  @Option(
    help: ArgumentHelp(
      "Text to fit on; - is standard input. May be repeated: windows are taken from each text in"
        + " turn, and the change of each is reported.", valueName: "file|-"))
  var calibrate: [String] = []

  @Option(
    help: ArgumentHelp(
      "Token ids to fit on instead of a text: a JSON list; may be repeated.", valueName: "ids.json")
  )
  var calibrateTokensFrom: [String] = []

  @Option(
    help: ArgumentHelp(
      "Tokens to use; the last fifth is held out for choosing and reporting. By default"
        + " \(FitSettings().tokens), and 24 windows at least.", valueName: "n"))
  var calibrateTokens: Int?

  @Option(
    help: ArgumentHelp(
      "Tokens of a calibration window (\(FitSettings().context)).", valueName: "n"))
  var calibrateCtx: Int?

  @Option(
    help: ArgumentHelp(
      "Turn as many value pairs, layer by layer, as raise held-out perplexity by at most so much.",
      valueName: "percent"))
  var maxIncrease: Double?

  func validate() throws {
    if let maxIncrease, !maxIncrease.isFinite || maxIncrease < 0 {
      throw ValidationError("--max-increase is \(maxIncrease), expected 0 or more percent")
    }
    guard calibrate.isEmpty || calibrateTokensFrom.isEmpty else {
      throw ValidationError("--calibrate and --calibrate-tokens-from exclude each other")
    }
    guard sources.count(where: { $0.name == "-" }) <= 1 else {
      throw ValidationError("standard input is one text: --calibrate - is given twice")
    }
    if fit == FitMode.none, !sources.isEmpty {
      throw ValidationError("--fit none uses no calibration text")
    }
    guard sources.isEmpty else { return }
    if let fit, fit != .none {
      throw ValidationError(
        "--fit \(fit.rawValue) needs a text: --calibrate FILE or --calibrate-tokens-from IDS.json")
    }
    if maxIncrease != nil {
      throw ValidationError("--max-increase needs a text: --calibrate FILE")
    }
  }

  /// Whether a fit was asked for.
  var isAsked: Bool { !sources.isEmpty }

  private var sources: [TextSource] {
    calibrate.map { .text(path: $0) } + calibrateTokensFrom.map { .tokens(path: $0) }
  }

  /// The calibration texts, each tokenized alone; none where no fit was asked for.
  /// - Throws: also for texts or settings that a fit to the plan would refuse.
  func texts(
    for model: Model, _ request: ConversionRequest, _ plan: ConversionPlan
  ) throws -> [TokenizedText] {
    guard isAsked else { return [] }
    if let maxIncrease { try RotationBudget(maxIncrease: maxIncrease).check(request, of: model) }
    guard plan.siteChange != nil else {
      throw ConversionError.usage(
        "there is nothing to fit: '\(plan.sites.name)' rotates as the model does"
          + " (leave --calibrate away, or name other sites with --to)")
    }
    let texts = try sources.map { try TokenizedText($0, for: model, threads: request.threads) }
    try fit(plan, threads: request.threads).check(texts)
    return texts
  }

  var settings: FitSettings {
    FitSettings(
      mode: fit ?? .full, tokens: calibrateTokens, context: calibrateCtx ?? FitSettings().context)
  }

  /// A fit to what a plan aims at.
  func fit(_ plan: ConversionPlan, threads: Int) -> Fit {
    Fit(plan.source, to: plan.fitTarget, settings: settings, threads: threads)
  }

  /// Runs the fit, or the search of `--max-increase`, with its progress.
  func run(
    _ model: Model, _ request: ConversionRequest, _ plan: ConversionPlan,
    on texts: [TokenizedText], _ options: OutputOptions, show: (Double, String) -> Void
  ) throws -> (request: ConversionRequest, fit: FittedModel, trials: [RotationBudget.Trial]) {
    guard let maxIncrease else {
      let fitted = try run(fit(plan, threads: options.threads), on: texts, show: show)
      return (request, fitted, [])
    }
    let budget = RotationBudget(maxIncrease: maxIncrease)
    var trials = 0
    let choice = try budget.choose(
      model, request, settings: settings, on: texts,
      fit: { fit in
        try run(fit, on: texts) { share, detail in
          show(
            (Double(trials) + share) / Double(budget.trials),
            "trial \(trials + 1) of at most \(budget.trials), \(detail)")
        }
      },
      onTrial: { trial in
        trials += 1
        options.note(
          "\(trial.pairs.reduce(0, +)) turning pairs cost \(rounded(trial.increase)) % of"
            + " perplexity\(trial.isWithin ? "" : ", too much")")
      })
    return (choice.request, choice.fit, choice.trials)
  }

  /// The share of a fit's work that its layers are; the rest measures perplexities.
  private static let shareOfLayers = 0.85

  private func run(
    _ fit: Fit, on texts: [TokenizedText], show: (Double, String) -> Void
  ) throws -> FittedModel {
    let layers = Double(fit.plan.layers.count)
    return try fit.run(texts) { layer in
      show(
        Self.shareOfLayers * Double(layer.layer + 1) / layers,
        "fit: layer \(layer.layer), error \(rounded(100 * layer.errorBefore)) % ->"
          + " \(rounded(100 * layer.errorAfter)) %")
    }
  }

  private func rounded(_ value: Double) -> String { "\((value * 100).rounded() / 100)" }
}
