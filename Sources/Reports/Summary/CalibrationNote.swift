import OrderedCollections

/// What a page says where weights were fitted on the very text that they are scored on.
enum CalibrationNote {
  /// A paragraph for each text, with the labels of what was fitted on it; empty where nothing was.
  static func markup(_ rows: [(subject: ResultSubject, label: String)]) -> Markup {
    var fitted: OrderedDictionary<String, OrderedSet<String>> = [:]
    for (subject, label) in rows {
      if let text = subject.calibrationText { fitted[text, default: []].append(label) }
    }
    return fitted.map { text, labels -> Markup in
      """
      <p class="note">Fitted on \(text), or on a part of it (calibration text): \
      \(labels.joined(separator: "; ")). Other texts cost more than this shows.</p>
      """
    }.lines()
  }
}
