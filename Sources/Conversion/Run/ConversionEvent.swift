/// What a conversion tells of itself while it runs.
package enum ConversionEvent: Sendable {
  /// The share of all the work that is done, from 0 to 1, and what is being done.
  case progress(Double, Work)
  /// A fit of the search for the most value rotation is done.
  case trial(RotationBudget.Trial)
  /// The fit gave a reason to warn that the plan did not have.
  case warning(ConversionWarning)

  /// What is being done.
  package enum Work: Sendable {
    /// Perplexity of the windows of the source finished so far; nil before the first.
    case scoringSource(perplexity: Double?)
    /// Perplexity of the source as the new variant, before anything is quantized.
    case scoringRotated(perplexity: Double?)
    /// A layer is fitted.
    /// - Parameter trial: which fit of how many at most; nil where there is only one.
    case fitting(FitReport.Layer, trial: (number: Int, most: Int)?)
    /// Bytes written so far.
    case writing(bytes: Int)
    /// The windows that the fit held out, of what was written.
    case scoringHeldOut
    case scoringOutput(perplexity: Double?)
  }
}
