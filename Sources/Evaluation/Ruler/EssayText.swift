/// A text as a haystack: words with single spaces between them, begun anew where the text ends, and
/// the places between sentences at which needles may stand.
package struct EssayText: Sendable {
  /// The words as bytes, one space after each.
  private let bytes: [UInt8]
  /// Where in `bytes` each word begins; at the end the number of bytes.
  private let offsets: [Int]
  /// The words that begin a sentence, ascending; the first is 0.
  private let sentences: [Int]

  package var words: Int { offsets.count - 1 }

  package init(_ text: String) {
    let words = text.unicodeScalars.split { $0.properties.isWhitespace }
    var bytes: [UInt8] = []
    var offsets = [0]
    var sentences = [0]
    for (index, word) in words.enumerated() {
      // The text goes on with its first word.
      let next = words[index + 1 < words.count ? index + 1 : 0]
      bytes += String(word).utf8
      bytes.append(UInt8(ascii: " "))
      offsets.append(bytes.count)
      if index + 1 < words.count, Self.ends(word, before: next) { sentences.append(index + 1) }
    }
    self.bytes = bytes
    self.offsets = offsets
    self.sentences = sentences
  }

  /// The first words of the text with needles between its sentences.
  /// - Parameters:
  ///   - count: words, at least 1; beyond the end the text is repeated.
  ///   - needles: sentences, each put in with a space after it.
  ///   - depths: percent of the sentences that stand before each needle, ascending.
  /// - Returns: the text with the needles.
  package func haystack(words count: Int, inserting needles: [String], depths: [Int]) -> String {
    guard words > 0 else { return needles.joined(separator: " ") }
    let sentenceCount = self.sentenceCount(words: count)
    var result: [UInt8] = []
    var written = 0
    for (needle, depth) in zip(needles, depths) {
      let place = min(start(ofSentence: sentenceCount * depth / 100), count)
      append(written..<max(written, place), to: &result)
      written = max(written, place)
      result += needle.utf8
      result.append(UInt8(ascii: " "))
    }
    append(written..<max(written, count), to: &result)
    if !result.isEmpty { result.removeLast() }
    return String(decoding: result, as: UTF8.self)
  }

  /// Sentences that begin among the first words.
  private func sentenceCount(words count: Int) -> Int {
    let (repeats, rest) = count.quotientAndRemainder(dividingBy: words)
    var low = 0
    var high = sentences.count
    while low < high {
      let middle = (low + high) / 2
      if sentences[middle] < rest { low = middle + 1 } else { high = middle }
    }
    return repeats * sentences.count + low
  }

  /// The word at which a sentence of the endless text begins.
  private func start(ofSentence sentence: Int) -> Int {
    let (repeats, rest) = sentence.quotientAndRemainder(dividingBy: sentences.count)
    return repeats * words + sentences[rest]
  }

  private func append(_ range: Range<Int>, to result: inout [UInt8]) {
    var word = range.lowerBound
    while word < range.upperBound {
      let first = word % words
      let last = min(first + range.upperBound - word, words)
      result += bytes[offsets[first]..<offsets[last]]
      word += last - first
    }
  }

  // MARK: - Sentences

  private typealias Word = Substring.UnicodeScalarView
  private static let marks: Set<Unicode.Scalar> = [".", "!", "?"]
  private static let closing: Set<Unicode.Scalar> = ["\"", "'", ")", "]", "\u{201D}", "\u{2019}"]
  private static let opening: Set<Unicode.Scalar> = ["\"", "'", "(", "[", "\u{201C}", "\u{2018}"]
  /// Words with a full stop that seldom end a sentence.
  private static let abbreviations: Set<String> = [
    "mr.", "mrs.", "ms.", "dr.", "st.", "prof.", "vs.", "e.g.", "i.e.", "cf.", "no.", "fig.",
  ]

  /// Whether a sentence ends with a word: a mark at its end, apart from quotation marks and
  /// brackets, no abbreviation or initial, and no small letter at the beginning of the next word.
  private static func ends(_ word: Word, before next: Word) -> Bool {
    var core = word
    while let last = core.last, closing.contains(last) { core.removeLast() }
    guard let mark = core.last, marks.contains(mark) else { return false }
    while let first = core.first, opening.contains(first) { core.removeFirst() }
    if mark == "." {
      let isInitial = core.count == 2 && core.first?.properties.isUppercase == true
      // "I." is more often the end of a sentence than an initial.
      if isInitial, core.first != "I" { return false }
      if abbreviations.contains(String(core).lowercased()) { return false }
    }
    let start = next.first { !opening.contains($0) }
    return start?.properties.isLowercase != true
  }
}
