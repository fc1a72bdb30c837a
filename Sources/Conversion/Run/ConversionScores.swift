import Evaluation

/// What was measured of one text around a conversion: of the source, of the source as the new variant
/// with its weights as they were, and of what was written. Nil: not measured.
package struct ConversionScores: Sendable {
  /// Of the source.
  package internal(set) var before: PerplexityResult?
  /// Of the source as if it rotated as the output: what comes after it is the cost of quantizing.
  package internal(set) var rotated: PerplexityResult?
  /// Of the output.
  package internal(set) var after: PerplexityResult?

  /// Whether the text is, or is in part, what the weights of the source or of the output were fitted on.
  package var isOfCalibrationText: Bool {
    [before, after].contains { $0?.record.isOfCalibrationText == true }
  }

  /// What the conversion costs, by chunks.
  package var difference: PairedDifference? { Self.difference(before, after) }
  /// What the other rotation costs.
  package var rotating: PairedDifference? { Self.difference(before, rotated) }
  /// What quantizing the turned model costs.
  package var quantizing: PairedDifference? { Self.difference(rotated, after) }

  private static func difference(
    _ one: PerplexityResult?, _ other: PerplexityResult?
  ) -> PairedDifference? {
    guard let one, let other else { return nil }
    return one.difference(to: other)
  }
}

extension PerplexityResult {
  /// The perplexity with its standard error.
  var estimate: Estimate { Estimate(value: perplexity, error: perplexityError) }
}
