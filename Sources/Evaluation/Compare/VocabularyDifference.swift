import Vocabulary

/// Two models that get the same token ids, which do not stand for the same texts in both, or which
/// the second one's tokenizer might not have made of the text.
package struct VocabularyDifference: Sendable, Equatable {
  /// One line.
  package let text: String

  /// Nil where the tokenizers agree, or where one of the models has none.
  package init?(_ one: Model, _ other: Model) {
    guard one.checkpoint.path != other.checkpoint.path,
      let first = try? Tokenizer.load(from: one.checkpoint),
      let second = try? Tokenizer.load(from: other.checkpoint)
    else { return nil }
    let files = "\(one.checkpoint.path) and \(other.checkpoint.path)"
    let differing = first.differingTokens(from: second)
    if differing > 0 {
      let common = min(first.vocabularySize, second.vocabularySize)
      text =
        "\(files) have different vocabularies: \(differing) of \(common) token ids stand for other"
        + " texts, and both models get the same ids"
    } else if let difference = first.difference(from: second) {
      text = "\(files) have different tokenizers: \(difference.text); both models get the same ids"
    } else {
      return nil
    }
  }
}
