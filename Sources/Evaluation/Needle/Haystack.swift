import Base
import Vocabulary

/// A text to hide needles in.
package struct Haystack: Sendable {
  /// The path it was read from.
  package let name: String
  package let bytes: [UInt8]

  package init(name: String, bytes: [UInt8]) {
    self.name = name
    self.bytes = bytes
  }

  /// Reads a file, or all `.txt` files of a folder in the order of their names, an empty line
  /// between them.
  /// - Parameters:
  ///   - path: the file or folder.
  ///   - isGiven: whether the user named it; what a template names must be a regular file, as the
  ///     files of a folder.
  /// - Throws: `EvaluationError.unreadable` where there is nothing to read, and what reading
  ///   throws.
  package init(path: String, isGiven: Bool = true) throws {
    name = path
    guard FileStamp(path: path)?.isFolder == true else {
      bytes = try TokenizedText.readText(path, isGiven: isGiven)
      return
    }
    let members = FolderMembers.texts
    let names = try members.names(in: path)
      .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    guard !names.isEmpty else {
      throw EvaluationError.unreadable(
        file: path, problem: "the folder holds no \(members.ending) file")
    }
    bytes = Array(
      try names.map { try TokenizedText.readText("\(path)/\($0)", isGiven: false) }.joined(
        separator: Array("\n\n".utf8)))
  }
}

/// A haystack as tokens, the text that each stands for, and what the places between them are.
struct TokenizedHaystack: Sendable {
  /// The next sentence is looked for among so many tokens.
  private static let sentenceReach = 1000

  /// The text that the tokens spell.
  private let text: [UInt8]
  /// Where in `text` each token begins, and at the end the number of bytes.
  private let offsets: [Int]
  /// The place before each token.
  private let places: [SentenceEnds.Place]

  var count: Int { places.count }

  init(_ haystack: Haystack, _ tokenizer: Tokenizer) throws {
    let tokens = try tokenizer.encode(haystack.bytes, addSpecial: false, parseSpecial: false)
    TokenizerNotes.tell(of: haystack.bytes, named: haystack.name, as: tokens, by: tokenizer)
    guard tokens.count >= 2 else {
      throw EvaluationError.textTooShort(
        file: haystack.name, tokens: tokens.count, needed: 2, for: .haystack)
    }
    var text: [UInt8] = []
    var offsets: [Int] = []
    text.reserveCapacity(haystack.bytes.count + 1)
    offsets.reserveCapacity(tokens.count + 1)
    for token in tokens {
      offsets.append(text.count)
      text += tokenizer.decode([token])
    }
    offsets.append(text.count)
    if tokenizer.addsSpacePrefix, text.first == 0x20, text.count > haystack.bytes.count {
      // The tokenizer's space is none of the text's own.
      text.removeFirst()
      offsets = offsets.map { max($0 - 1, 0) }
    }
    let ends = SentenceEnds(text: text)
    places = offsets.dropLast().map(ends.place)
    self.text = text
    self.offsets = offsets
  }

  /// The first token of a sentence at or after a place, or of a word where no sentence begins for
  /// long; the text's first where it ends before.
  func sentence(from place: Int) -> Int {
    guard place > 0 else { return 0 }
    let reach = place..<min(place + Self.sentenceReach, count)
    if let next = places[reach].firstIndex(of: .sentence) { return next }
    guard reach.upperBound < count else { return 0 }
    return places[reach].firstIndex { $0 == .word } ?? places[reach].firstIndex { $0 == .inWord }
      ?? 0
  }

  /// So many tokens of the haystack from a place on, or a few less: none ends within a character.
  func passage(from start: Int, count: Int) -> Passage {
    var passage = Passage(haystack: self, start: start, count: max(count, 0))
    while passage.count > 0, place(start + passage.count) == .inCharacter { passage.count -= 1 }
    return passage
  }

  /// A run of tokens; where the text ends, its beginning follows.
  struct Passage {
    fileprivate let haystack: TokenizedHaystack
    fileprivate let start: Int
    fileprivate(set) var count: Int

    /// The text of some of its tokens, the first of which is 0.
    func text(_ range: Range<Int>) -> [UInt8] {
      var bytes: [UInt8] = []
      var next = start + range.lowerBound
      while next < start + range.upperBound {
        let first = next % haystack.count
        let last = min(first + start + range.upperBound - next, haystack.count)
        bytes += haystack.text[haystack.offsets[first]..<haystack.offsets[last]]
        next += last - first
      }
      return bytes
    }

    /// Tokens before a needle: those that a depth asks for, or the nearest end of a sentence, which
    /// is looked for before it first; where that is too far, the end of a word before it, else of a
    /// character.
    /// - Parameter depth: percent of the passage's tokens; 100 is their end.
    /// - Returns: from 0 to `count`, at most a twentieth of the tokens, or 8, from what was asked
    ///   for.
    func place(at depth: Double) -> Int {
      guard depth < 100 else { return count }
      let asked = Int((Double(count) * depth / 100).rounded())
      let reach = max(count / 20, 8)
      let before = (max(asked - reach, 0)...asked).reversed()
      let after = asked...min(asked + reach, count)
      return before.first { place($0) == .sentence } ?? after.first { place($0) == .sentence }
        ?? before.first { place($0) == .word } ?? before.first { place($0) == .inWord } ?? asked
    }

    /// A passage begins with a sentence.
    private func place(_ tokens: Int) -> SentenceEnds.Place {
      tokens == 0 ? .sentence : haystack.place(start + tokens)
    }
  }

  /// What a place in the endless text is.
  private func place(_ token: Int) -> SentenceEnds.Place { places[token % count] }
}
