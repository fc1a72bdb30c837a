/// Our own lists of common English words, from which keys and word lists are drawn. Their order is
/// part of what a seed means: words are never moved, only appended.
package enum RulerWords {
  /// All words, none twice: adjectives, nouns, verbs.
  package static let singles: [String] = adjectives + nouns + verbs
  package static let adjectives = split(adjectiveText)
  package static let nouns = split(nounText)
  package static let verbs = split(verbText)

  /// The number of adjectives followed by a noun.
  package static let pairs = adjectives.count * nouns.count

  /// The pair with a number from 0 to `pairs - 1`: "adjective-noun".
  package static func pair(_ number: Int) -> String {
    let (adjective, noun) = number.quotientAndRemainder(dividingBy: nouns.count)
    return "\(adjectives[adjective])-\(nouns[noun])"
  }

  /// A list as prompts and answers have it: "1. one 2. other".
  static func numbered(_ words: [String]) -> String {
    words.enumerated().map { "\($0 + 1). \($1)" }.joined(separator: " ")
  }

  private static func split(_ text: String) -> [String] {
    text.split(whereSeparator: \.isWhitespace).map(String.init)
  }
}
