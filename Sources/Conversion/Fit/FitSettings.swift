/// What a fit may change.
public enum FitMode: String, Sendable, CaseIterable {
  /// Nothing.
  case none
  /// The output matrix of every layer.
  case output
  /// The basis of the values, and the output matrix.
  case full
}

/// How a converted model is fitted to the original on a calibration text.
public struct FitSettings: Sendable, Equatable {
  /// What the fit may change.
  public var mode: FitMode
  /// Tokens of the text to use: the last fifth is held out for choosing and reporting.
  public var tokens: Int
  /// Tokens of a calibration window.
  public var context: Int

  /// Ridges that an output matrix is refitted with, as shares of its inputs' mean second moment: the
  /// one with the least error on the windows held out is taken, or none.
  public static let ridges = [1e-3, 1e-2, 1e-1, 1, 10]

  /// Tokens that suit a context: 49,152, of long windows 48 up to 98,304 tokens, and 24 windows at
  /// least. Few windows know too few articles: all pairs fitted on 12, 24 and 48 of 2,048 tokens cost
  /// 11.9, 9.2 and 7.3 % (docs/fits.md).
  public static func tokens(forContext context: Int) -> Int {
    // Above 4,096 tokens 24 windows are more than any other number here.
    let short = min(context, 4096)
    let (least, isTooLarge) = context.multipliedReportingOverflow(by: 24)
    return isTooLarge ? .max : max(49_152, min(48 * short, 98_304), least)
  }

  /// Settings of a fit; nil `tokens` stands for as many as suit the context.
  public init(mode: FitMode = .full, tokens: Int? = nil, context: Int = 512) {
    self.mode = mode
    self.tokens = tokens ?? Self.tokens(forContext: context)
    self.context = context
  }
}

/// What a fit did, layer by layer, measured on the windows held out.
package struct FitReport: Sendable {
  /// Errors of one layer's attention: `sum |Y - W_o Z|^2 / sum |Y|^2`, Y what the residual stream
  /// lacks after attention; before a norm, what the original's attention gave.
  package struct Layer: Sendable {
    package let layer: Int
    /// With the rewritten weights: in the new basis, nothing regressed.
    package let errorBefore: Double
    /// With the heads adapted and the output matrix refitted.
    package let errorAfter: Double
    /// The ridge chosen, as a share of the mean second moment; infinite where no refit was better.
    package let ridge: Double
  }

  /// One calibration text, and perplexities on the windows of it that were held out.
  package struct Text: Sendable {
    /// The file's name without its folder.
    package let name: String
    /// SHA-256 of the text's bytes; nil where it was given as token ids.
    package let textHash: String?
    /// SHA-256 of the whole text's token ids (32-bit little-endian).
    package let hash: String
    package let tokens: Int
    package let heldOutTokens: Int
    package internal(set) var perplexityBefore = Double.nan
    package internal(set) var perplexityRewritten = Double.nan
    package internal(set) var perplexityFitted = Double.nan

    init(name: String, textHash: String?, hash: String, tokens: Int, heldOutTokens: Int) {
      self.name = name
      self.textHash = textHash
      self.hash = hash
      self.tokens = tokens
      self.heldOutTokens = heldOutTokens
    }
  }

  package let mode: FitMode
  /// Tokens fitted on, and held out.
  package let tokens: Int
  package let heldOutTokens: Int
  /// Tokens of a calibration window.
  package let context: Int
  /// Windows fitted on, and held out.
  package var windows: Int { tokens / context }
  package var heldOutWindows: Int { heldOutTokens / context }
  /// SHA-256 of the calibration's token ids (32-bit little-endian), held out ones included.
  package let tokenHash: String
  package internal(set) var layers: [Layer] = []
  package internal(set) var texts: [Text] = []
  /// Perplexities of the windows held out: of the original, of the variant with nothing fitted, and
  /// of the fit before its weights are rounded to the output's types.
  package internal(set) var perplexityBefore = Double.nan
  package internal(set) var perplexityRewritten = Double.nan
  package internal(set) var perplexityFitted = Double.nan

  /// Whether a conversion writes the fit: on the held-out windows it does at least as well as the
  /// plain rewrite. Not before they are measured.
  package var isUsed: Bool { perplexityFitted <= perplexityRewritten }

  /// Perplexity of the better of the two.
  package var perplexityChosen: Double { isUsed ? perplexityFitted : perplexityRewritten }

  mutating func measured(
    before: HeldOutPerplexity, rewritten: HeldOutPerplexity, fitted: HeldOutPerplexity
  ) {
    perplexityBefore = before.all
    perplexityRewritten = rewritten.all
    perplexityFitted = fitted.all
    for index in texts.indices {
      texts[index].perplexityBefore = before.byText[index]
      texts[index].perplexityRewritten = rewritten.byText[index]
      texts[index].perplexityFitted = fitted.byText[index]
    }
  }
}

/// The outcome of a fit.
package struct FittedModel: Sendable {
  package let weights: FittedWeights
  package let report: FitReport
}
