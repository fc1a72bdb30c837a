import Vocabulary

/// Two models that get the same token ids, which do not stand for the same texts in both.
package struct VocabularyDifference: Sendable, Equatable {
  /// Ids that stand for other texts.
  package let differing: Int
  /// Ids that both tokenizers have.
  package let common: Int
  private let files: [String]

  /// Nil where the tokenizers agree, or where one of the models has none.
  package init?(_ one: Model, _ other: Model) {
    guard one.checkpoint.path != other.checkpoint.path,
      let first = try? Tokenizer.load(from: one.checkpoint),
      let second = try? Tokenizer.load(from: other.checkpoint)
    else { return nil }
    differing = first.differingTokens(from: second)
    guard differing > 0 else { return nil }
    common = min(first.vocabularySize, second.vocabularySize)
    files = [one.checkpoint.path, other.checkpoint.path]
  }

  /// One line.
  package var text: String {
    "\(files[0]) and \(files[1]) have different vocabularies: \(differing) of \(common) token ids"
      + " stand for other texts, and both models get the same ids"
  }
}
