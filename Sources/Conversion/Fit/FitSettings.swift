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
  public var mode: FitMode
  /// Tokens of the text to use: the last fifth is held out for choosing and reporting.
  public var tokens: Int
  /// Tokens of a calibration window.
  public var context: Int

  public init(mode: FitMode = .full, tokens: Int = 24_576, context: Int = 512) {
    self.mode = mode
    self.tokens = tokens
    self.context = context
  }
}

/// What a fit did, layer by layer, measured on the windows held out.
public struct FitReport: Sendable {
  /// Errors of one layer's attention: `sum |Y - W_o Z|^2 / sum |Y|^2`, Y what the residual stream
  /// lacks behind attention.
  public struct Layer: Sendable {
    public let layer: Int
    /// With the rewritten weights: in the new basis, nothing regressed.
    public let errorBefore: Double
    /// With the heads adapted and the output matrix refitted.
    public let errorAfter: Double
    /// The ridge chosen, as a share of the mean second moment; infinite where no refit was better.
    public let ridge: Double
  }

  public let mode: FitMode
  /// Tokens fitted on, and held out.
  public let tokens: Int
  public let heldOutTokens: Int
  /// Tokens of a calibration window.
  public let context: Int
  /// SHA-256 of the calibration's token ids (32-bit little-endian), held out ones included.
  public let tokenHash: String
  public internal(set) var layers: [Layer] = []
  /// Perplexities of the windows held out: of the original, of the variant with nothing fitted, and
  /// of the fit before its weights are rounded to the output's types.
  public internal(set) var perplexityBefore = Double.nan
  public internal(set) var perplexityRewritten = Double.nan
  public internal(set) var perplexityFitted = Double.nan
}

/// The outcome of a fit.
public struct FittedModel: Sendable {
  public let weights: FittedWeights
  public let report: FitReport
}
