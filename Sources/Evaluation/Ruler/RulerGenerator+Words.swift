/// The aggregation tasks: the most common words of a list, the most frequent ones of a coded text.
extension RulerGenerator {
  /// How a numbered list of words is made up.
  private struct WordList {
    /// The words to be found.
    static let common = 10
    var commonRepeats: Int
    var otherRepeats: Int

    /// The first words of an order, repeated, shuffled and numbered.
    func text(_ words: ArraySlice<String>, _ random: SeededGenerator) -> String {
      var random = random
      var entries: [String] = []
      for (index, word) in words.enumerated() {
        let repeats = index < Self.common ? commonRepeats : otherRepeats
        entries += repeatElement(word, count: repeats)
      }
      return RulerWords.numbered(random.shuffled(entries))
    }
  }

  // MARK: - Common words

  func commonWordsDraft(length: Int, _ random: inout SeededGenerator) -> RulerDraft {
    let isFull = length >= Self.fullLength
    let list = WordList(commonRepeats: isFull ? 30 : 6, otherRepeats: isFull ? 3 : 1)
    let exampleList = WordList(commonRepeats: isFull ? 10 : 3, otherRepeats: isFull ? 3 : 1)
    // An entry is hardly less than three tokens: number, full stop and word. Where more words could
    // be needed than there are single ones, all of them are pairs.
    let most =
      WordList.common
      + max(length / 3 - WordList.common * list.commonRepeats, 0) / list.otherRepeats
    let usesPairs = most > RulerWords.singles.count
    let pool = usesPairs ? RulerWords.pairs : RulerWords.singles.count
    func word(_ number: Int) -> String {
      usesPairs ? RulerWords.pair(number) : RulerWords.singles[number]
    }
    let exampleWords = random.shuffled(random.sample(isFull ? 40 : 20, below: pool))
      .map(word)
    let exampleAnswer = RulerWords.numbered(Array(exampleWords.prefix(WordList.common)))
    let example =
      commonWordsText(exampleList.text(exampleWords[...], SeededGenerator(seed: random.next())))
      + " " + exampleAnswer + "\n"
    // Larger lists begin with the words of smaller ones.
    let words = random.shuffled(random.sample(usesPairs ? most : pool, below: pool)).map(word)
    let least = min(2 * WordList.common, words.count)
    return RulerDraft(
      references: Array(words.prefix(WordList.common)), units: least...max(words.count, least)
    ) { [random] count in
      example + commonWordsText(list.text(words.prefix(count), random))
    }
  }

  private func commonWordsText(_ context: String) -> String {
    "Below is a numbered list of words. In these words, some appear more often than others. "
      + "Memorize the ones that appear most often.\n\(context)\nQuestion: What are the "
      + "\(WordList.common) most common words in the above list? Answer: The top "
      + "\(WordList.common) words that appear most often in the list are:"
  }

  // MARK: - Frequent words

  /// The Riemann zeta function at 2, the exponent of the counts.
  private static let zetaOfTwo = Double.pi * Double.pi / 6
  /// From this size on the fourth rank is always more frequent than the fifth.
  private static let fewestCodedWords = 74

  func frequentWordsDraft(budget: Int, _ random: inout SeededGenerator) -> RulerDraft {
    // As published, but never fewer than the smallest size has ranks.
    let ranks = max(budget / 50, 8)
    var words = ["..."]
    var taken: Set<String> = []
    while words.count < ranks {
      let word = random.letters(6, from: UInt8(ascii: "a"))
      if taken.insert(word).inserted { words.append(word) }
    }
    let least = Self.fewestCodedWords
    return RulerDraft(
      references: Array(words[1...3]), units: least...max(2 * budget, least)
    ) { [random, words] size in
      var random = random
      var text: [String] = []
      for (index, word) in words.enumerated() {
        let rank = Double(index + 1)
        let count = Int(Double(size) / (rank * rank) / Self.zetaOfTwo)
        // Counts only fall with the rank.
        if count == 0 { break }
        text += repeatElement(word, count: count)
      }
      return "Read the following coded text and track the frequency of each coded word. Find the "
        + "three most frequently appeared coded words. "
        + random.shuffled(text).joined(separator: " ")
        + "\nQuestion: Do not provide any explanation. Please ignore the dots '....'. What are the "
        + "three most frequently appeared words in the above coded text? Answer: According to the "
        + "coded text above, the three most frequently appeared words are:"
    }
  }
}
