import ArgumentParser
import Conversion
import Evaluation

extension FitMode: ExpressibleByArgument {}

/// The fit of a conversion to the original on calibration texts.
struct FitOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "What to refit on the calibration text: none, output (W_o) or full (basis of the values and W_o)."
        + " (default: full)",
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
      "Tokens to use; the last fifth is held out for choosing and reporting."
        + " (default: \(FitSettings().tokens); of windows above 1024 tokens up to twice that, 24 at least)",
      valueName: "n"))
  var calibrateTokens: Int?

  @Option(
    help: ArgumentHelp(
      "Tokens of a calibration window. (default: \(FitSettings().context))", valueName: "n"))
  var calibrateCtx: Int?

  @Option(
    help: ArgumentHelp(
      "Rotate as many value pairs, layer by layer, as possible while held-out perplexity rises by at"
        + " most this much.",
      valueName: "percent"))
  var maxIncrease: Double?

  func validate() throws {
    guard calibrate.isEmpty || calibrateTokensFrom.isEmpty else {
      throw ValidationError("--calibrate and --calibrate-tokens-from exclude each other")
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

  /// Nil where no fit was asked for.
  var request: FitRequest? {
    guard isAsked else { return nil }
    return FitRequest(
      FitSettings(
        mode: fit ?? .full, tokens: calibrateTokens,
        context: calibrateCtx ?? FitSettings().context),
      on: sources, maxIncrease: maxIncrease)
  }
}
