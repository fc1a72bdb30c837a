import Conversion
import Reports

extension ConversionEvent.Work {
  /// What the progress display says of it.
  var words: String {
    switch self {
    case .scoringSource(let perplexity): "before: \(Self.scoring(perplexity))"
    case .scoringRotated(let perplexity): "turned: \(Self.scoring(perplexity))"
    case .scoringOutput(let perplexity): "after: \(Self.scoring(perplexity))"
    case .scoringHeldOut: "held-out windows of what was written"
    case .writing(let bytes): Format.bytes(bytes)
    case .fitting(let layer, let trial):
      (trial.map { "trial \($0.number) of at most \($0.most), " } ?? "")
        + "fit: layer \(layer.layer), error \(rounded(100 * layer.errorBefore)) % ->"
        + " \(rounded(100 * layer.errorAfter)) %"
    }
  }

  private static func scoring(_ perplexity: Double?) -> String {
    perplexity.map { "perplexity \(Format.fixed($0, 4))" } ?? "scoring"
  }
}

extension RotationBudget.Trial {
  /// A line about a fit of the search for the most value rotation.
  var words: String {
    "\(pairs.reduce(0, +)) turning pairs cost \(rounded(increase)) % of perplexity"
      + (isWithin ? "" : ", too much")
  }
}

private func rounded(_ value: Double) -> String { "\((value * 100).rounded() / 100)" }
