import Base

extension EvaluationRecord {
  /// Whether the text that was scored is, or is in part, what a model of the record was fitted on.
  package var isOfCalibrationText: Bool { !fittedOnText.isEmpty }

  /// A sentence for each model that was fitted on the text that was scored.
  package var calibrationNotes: [String] {
    let files = (labels["models"]?.array ?? []).map { $0["file"]?.string }
    let text = labels["text"]?.string ?? labels["haystack"]?.string ?? "the text"
    return fittedOnText.map { index in
      let file = files.indices.contains(index) ? files[index] : nil
      return CalibrationTexts.note(text: text, model: file ?? "the model")
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
