import ArgumentParser
import Conversion
import Evaluation

extension FitMode: ExpressibleByArgument {}

/// The fit of a conversion to the original on a calibration text.
struct FitOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Refit none, output (W_o) or full (basis of the values and W_o); full with --calibrate.",
      valueName: "mode"))
  var fit: FitMode?

  @Option(help: ArgumentHelp("Text to fit on; - is standard input.", valueName: "file|-"))
  var calibrate: String?

  @Option(
    help: ArgumentHelp("Token ids to fit on instead of a text: a JSON list.", valueName: "ids.json")
  )
  var calibrateTokensFrom: String?

  @Option(
    help: ArgumentHelp(
      "Tokens to use; the last fifth is held out for choosing and reporting.", valueName: "n"))
  var calibrateTokens = FitSettings().tokens

  @Option(help: ArgumentHelp("Tokens of a calibration window.", valueName: "n"))
  var calibrateCtx = FitSettings().context

  @Option(
    help: ArgumentHelp(
      "Turn as many value pairs, layer by layer, as raise held-out perplexity by at most so much.",
      valueName: "percent"))
  var maxIncrease: Double?

  func validate() throws {
    if maxIncrease != nil, source == nil {
      throw ValidationError("--max-increase needs a text: --calibrate FILE")
    }
    if let maxIncrease, !maxIncrease.isFinite || maxIncrease < 0 {
      throw ValidationError("--max-increase is \(maxIncrease), expected 0 or more percent")
    }
    guard calibrate == nil || calibrateTokensFrom == nil else {
      throw ValidationError("--calibrate and --calibrate-tokens-from exclude each other")
    }
    if fit == FitMode.none, source != nil {
      throw ValidationError("--fit none uses no calibration text")
    }
    if let fit, fit != .none, source == nil {
      throw ValidationError(
        "--fit \(fit.rawValue) needs a text: --calibrate FILE or --calibrate-tokens-from IDS.json")
    }
  }

  var source: TextSource? {
    calibrate.map { .text(path: $0) } ?? calibrateTokensFrom.map { .tokens(path: $0) }
  }

  /// The calibration text, where one was given.
  func text(for model: Model, threads: Int) throws -> TokenizedText? {
    try source.map { try TokenizedText($0, for: model, threads: threads) }
  }

  private var settings: FitSettings {
    FitSettings(mode: fit ?? .full, tokens: calibrateTokens, context: calibrateCtx)
  }

  /// A fit to what a plan aims at.
  func fit(_ plan: ConversionPlan, threads: Int) -> Fit {
    Fit(plan.source, to: plan.fitTarget, settings: settings, threads: threads)
  }

  /// Runs the fit, or the search of `--max-increase`, with its progress.
  func run(
    _ model: Model, _ request: ConversionRequest, _ plan: ConversionPlan,
    on text: TokenizedText, _ options: OutputOptions
  ) throws -> (request: ConversionRequest, fit: FittedModel, trials: [RotationBudget.Trial]) {
    guard let maxIncrease else {
      let fitted = try run(fit(plan, threads: options.threads), on: text, options)
      return (request, fitted, [])
    }
    let choice = try RotationBudget(maxIncrease: maxIncrease).choose(
      model, request, settings: settings, on: text,
      fit: { try run($0, on: text, options) },
      onTrial: { trial in
        options.note(
          "\(trial.pairs.reduce(0, +)) turning pairs cost \(rounded(trial.increase)) % of"
            + " perplexity\(trial.isWithin ? "" : ", too much")")
      })
    return (choice.request, choice.fit, choice.trials)
  }

  private func run(
    _ fit: Fit, on text: TokenizedText, _ options: OutputOptions
  ) throws -> FittedModel {
    let display = ProgressDisplay(quiet: options.quiet)
    let layers = Double(fit.plan.layers.count)
    defer { display.finish() }
    return try fit.run(text) { layer in
      display.show(
        Double(layer.layer + 1) / layers,
        "fit: layer \(layer.layer), error \(rounded(100 * layer.errorBefore)) % ->"
          + " \(rounded(100 * layer.errorAfter)) %")
    }
  }

  private func rounded(_ value: Double) -> String { "\((value * 100).rounded() / 100)" }
}
