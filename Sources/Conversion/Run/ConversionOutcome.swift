import Evaluation

/// What a conversion did: the plan, and what came of it.
public struct ConversionOutcome: Sendable {
  /// What is written, as it was planned after the fit where there is one.
  package let plan: ConversionPlan
  /// Bytes written; nil where nothing was.
  public internal(set) var bytes: Int?
  /// Of writing.
  public internal(set) var seconds = 0.0
  /// What was measured of the text to score, where there is one.
  package internal(set) var scores = ConversionScores()
  /// Perplexity of the source on the text to score, where there is one.
  public var perplexityBefore: Double? { scores.before?.perplexity }
  /// Perplexity of the output on that text.
  public var perplexityAfter: Double? { scores.after?.perplexity }
  /// What of the text was scored.
  package internal(set) var scored: ScoredText?
  /// Perplexity of the written file on the windows a fit held out.
  package internal(set) var perplexityHeldOut: HeldOutPerplexity?
  /// The fits of a search for the most value rotation.
  package internal(set) var trials: [RotationBudget.Trial] = []
  /// What that search may cost, in percent.
  public internal(set) var maxIncrease: Double?
  /// What a fit is going to be done on, where nothing is done yet.
  package internal(set) var plannedFit: FitReport?

  /// - Parameter plan: nothing of it is done yet.
  package init(_ plan: ConversionPlan) { self.plan = plan }

  /// What a folder's model card says of it.
  var measured: MeasuredPerplexities {
    MeasuredPerplexities(
      before: scores.before?.estimate, after: scores.after?.estimate,
      change: scores.difference?.percent, extent: scored?.extent,
      isOfCalibrationText: scores.isOfCalibrationText, heldOut: perplexityHeldOut?.all)
  }
}

/// The part of a text that perplexity before and after was measured on.
package struct ScoredText: Sendable {
  /// The text, its hashes, and the settings that the numbers depend on.
  package let conditions: TextConditions
  package var chunks: Int { conditions.chunks }
  /// Chunks of the whole text.
  package let available: Int
  package let windows: WindowPlan
  /// The position of a chunk's first token.
  package let start: Int
  /// The arithmetic of matrix products.
  package let compute: String

  /// Such as `the first 32 of 81 chunks of 512 tokens`, with what is not as it is by default.
  package var extent: String {
    var words =
      chunks < available
      ? "the first \(chunks) of \(available) chunks of \(windows.context) tokens"
      : "\(chunks) chunks of \(windows.context) tokens"
    if let stride = windows.stride {
      words += " that begin at multiples of \(stride)"
    } else if windows.scored == .all {
      words += ", all targets of each"
    }
    return start == 0 ? words : "\(words), the first token of each at position \(start)"
  }
}
