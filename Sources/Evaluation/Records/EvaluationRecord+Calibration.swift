import Base
import Models

/// The texts that weights were fitted on, by their hashes.
private struct CalibrationTexts {
  private var hashes: Set<String> = []

  /// - Parameter fit: what an identity states of a fit: that of a GGUF file or of a config.json.
  init(_ fit: JSONValue?) {
    guard let fit, fit[OwnKeys.Fit.mode]?.string != OwnKeys.Fit.unused else { return }
    for text in fit[OwnKeys.Fit.texts]?.array ?? [] {
      let line = text.string.flatMap { $0.split(separator: " ").first }.map(String.init)
      let stated = [text["sha256"]?.string, text["ids_sha256"]?.string, line]
      hashes.formUnion(stated.compactMap { $0 })
    }
    hashes.formUnion((fit[OwnKeys.Fit.textsIDs]?.array ?? []).compactMap(\.string))
  }

  func contains(anyOf others: [String]) -> Bool { !hashes.isDisjoint(with: others) }
}

extension EvaluationRecord {
  /// Whether the text that was scored is, or is in part, what a model of the record was fitted on.
  package var isOfCalibrationText: Bool { !fittedOnText.isEmpty }

  /// A sentence for each model that was fitted on the text that was scored.
  package var calibrationNotes: [String] {
    let files = (labels["models"]?.array ?? []).map { $0["file"]?.string }
    let text = labels["text"]?.string ?? labels["haystack"]?.string ?? "the text"
    return fittedOnText.map { index in
      let file = files.indices.contains(index) ? files[index] : nil
      return "\(text == "-" ? "standard input" : text): is (in part) calibration text of"
        + " \(file ?? "the model"), whose weights were fitted on it: other texts cost more than it"
        + " shows"
    }
  }

  /// Places in the identity's `models` of those that were fitted on the text.
  private var fittedOnText: [Int] {
    let scored = [
      labels["text_sha256"]?.string, identity["text"]?["sha256"]?.string,
      identity["materials"]?["haystack_sha256"]?.string,
    ].compactMap { $0 }
    let models = identity["models"]?.array ?? []
    return models.indices.filter {
      CalibrationTexts(models[$0]["rotation"]?["fit"]).contains(anyOf: scored)
    }
  }
}
