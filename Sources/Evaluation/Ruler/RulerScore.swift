/// RULER's scores (arXiv:2404.06654): whether the references occur in a model's output, compared
/// without regard to case.
package enum RulerScore {
  /// A length counts as mastered from this score on: that of Llama 2 7B at 4,096 tokens.
  package static let threshold = 85.6

  /// `string_match_all` of one sample: the share of the references that occur, from 0 to 1; 0 where
  /// there is no reference.
  package static func stringMatchAll(_ output: String, _ references: [String]) -> Double {
    guard !references.isEmpty else { return 0 }
    let found = references.count { occurs($0, in: output) }
    return Double(found) / Double(references.count)
  }

  /// `string_match_part` of one sample: 1 where any reference occurs, else 0.
  package static func stringMatchPart(_ output: String, _ references: [String]) -> Double {
    references.contains { occurs($0, in: output) } ? 1 : 0
  }

  /// The score of one sample, from 0 to 1, as its task has it.
  package static func score(_ output: String, of sample: RulerSample) -> Double {
    switch sample.task.scoring {
    case .all: stringMatchAll(output, sample.references)
    case .part: stringMatchPart(output, sample.references)
    }
  }

  /// The score of a task: the mean of its samples' scores times 100, rounded to two decimals.
  /// - Returns: nil for no samples.
  package static func task(_ scores: [Double]) -> Double? {
    mean(scores).map { rounded($0 * 100) }
  }

  /// The score over tasks: the plain mean of theirs, rounded to two decimals.
  /// - Returns: nil for no tasks.
  package static func overall(_ taskScores: [Double]) -> Double? {
    mean(taskScores).map(rounded)
  }

  /// The longest length in tokens whose overall score reaches the threshold.
  /// - Returns: nil where none does.
  package static func effectiveLength(
    _ overallByLength: [Int: Double], threshold: Double = RulerScore.threshold
  ) -> Int? {
    overallByLength.filter { $0.value >= threshold }.keys.max()
  }

  private static func mean(_ values: [Double]) -> Double? {
    values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
  }

  private static func rounded(_ value: Double) -> Double {
    (value * 100).rounded(.toNearestOrEven) / 100
  }

  /// Compared by bytes after lower-casing, as Python compares code points: a combining mark after
  /// the reference does not hide it.
  private static func occurs(_ reference: String, in output: String) -> Bool {
    let pattern = Array(reference.lowercased().utf8)
    let text = Array(output.lowercased().utf8)
    guard let first = pattern.first else { return true }
    guard text.count >= pattern.count else { return false }
    return (0...(text.count - pattern.count)).contains { start in
      text[start] == first && text[start..<(start + pattern.count)].elementsEqual(pattern)
    }
  }
}
