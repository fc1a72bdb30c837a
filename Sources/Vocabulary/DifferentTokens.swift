import Base

/// A text of which two tokenizers make different tokens.
package struct DifferentTokens: Sendable, Equatable {
  /// The text; of a long one what the tokens shown stand for.
  package let text: String
  /// Ids from the first tokenizer, of a long text a few from the first difference on; nil where it
  /// refuses the text.
  package let first: [Int32]?
  package let second: [Int32]?

  /// Bytes of a text that is shown whole, and tokens of a longer one that are.
  private static let (mostBytes, mostTokens) = (48, 6)

  fileprivate init(
    of bytes: [UInt8], _ first: [Int32]?, _ second: [Int32]?, by tokenizer: Tokenizer
  ) {
    guard bytes.count > Self.mostBytes, let one = first, let other = second else {
      text = String(decoding: bytes.prefix(Self.mostBytes), as: UTF8.self)
      self.first = first
      self.second = second
      return
    }
    var same = 0
    while same < min(one.count, other.count), one[same] == other[same] { same += 1 }
    let own = Array(one[same...].prefix(Self.mostTokens))
    let others = Array(other[same...].prefix(Self.mostTokens))
    text = String(decoding: tokenizer.decode(own.isEmpty ? others : own), as: UTF8.self)
    self.first = own
    self.second = others
  }

  /// Such as `' a' is 259 260 in the first and 271 in the second`.
  package func words(_ one: String = "the first", _ other: String = "the second") -> String {
    "\(quoted(text)) is \(Self.shown(first)) in \(one) and \(Self.shown(second)) in \(other)"
  }

  private static func shown(_ ids: [Int32]?) -> String {
    guard let ids else { return "refused" }
    return ids.isEmpty ? "no token" : ids.map(String.init).joined(separator: " ")
  }
}

extension Tokenizer {
  /// Texts in which tokenizers of one vocabulary come apart: spaces in front and in a row, line
  /// feeds, digits, characters that few vocabularies have, and one that NFC puts together.
  private static let probes = [
    "Hello world", " Hello world", "  two  spaces \n\n lines\n and\ttabs ", "it's 12345.6",
    "\u{E9} \u{6771}\u{4EAC} \u{1F642} \u{1}", "e\u{301}",
  ]

  /// The first difference from another tokenizer in a number of texts: fixed ones, special tokens
  /// among others, the texts of tokens, and places where equal scores decide. What stands before and
  /// after a text does not count.
  /// - Returns: nil where there is none in these texts; others may have one.
  package func differentTokens(from other: Tokenizer) -> DifferentTokens? {
    for text in Self.probes {
      if let found = differentTokens(of: Array(text.utf8), from: other) { return found }
    }
    for texts in [aroundSpecialTokens + other.aroundSpecialTokens, textsOfTokens, tiedTexts] {
      if let found = firstDifference(of: texts, from: other) { return found }
    }
    return nil
  }

  /// The difference of a text's tokens from those of another tokenizer.
  /// - Parameters:
  ///   - text: its bytes.
  ///   - other: the second tokenizer.
  ///   - parseSpecial: control tokens in the text count as such.
  ///   - threads: never changes a token.
  /// - Returns: nil for the same tokens, and where both refuse the text.
  package func differentTokens(
    of text: [UInt8], from other: Tokenizer, parseSpecial: Bool = true, threads: Int = 1
  ) -> DifferentTokens? {
    let first = try? encode(text, addSpecial: false, parseSpecial: parseSpecial, threads: threads)
    let second = try? other.encode(
      text, addSpecial: false, parseSpecial: parseSpecial, threads: threads)
    return first == second ? nil : DifferentTokens(of: text, first, second, by: self)
  }

  /// The first text of many with a difference: all are encoded as one, and each by itself only where
  /// that shows one.
  private func firstDifference(of texts: [[UInt8]], from other: Tokenizer) -> DifferentTokens? {
    let joined = Array(texts.joined(separator: [0x0A]))
    let whole = differentTokens(of: joined, from: other)
    if whole == nil, (try? encode(joined, addSpecial: false, parseSpecial: true)) != nil {
      return nil
    }
    for text in texts {
      if let found = differentTokens(of: text, from: other) { return found }
    }
    return whole
  }

  /// Each token that is found before anything else, with and without white space beside it.
  private var aroundSpecialTokens: [[UInt8]] {
    special.entries.flatMap { entry in
      let text = String(decoding: entry.bytes, as: UTF8.self)
      // U+2581 stands for a space where spaces are escaped.
      let token = normalizer.escapesSpaces ? text.replacing("\u{2581}", with: " ") : text
      return ["\(token)a", "a \(token) a", "a\(token)\n\na"].map { Array($0.utf8) }
    }
  }

  /// What each plain token stands for.
  private var textsOfTokens: [[UInt8]] {
    table.kinds.indices.filter { table.kinds[$0] == .normal }.map { Array(bytes(of: Int32($0))) }
  }

  /// Texts in which SentencePiece has two merges of one score to choose from.
  private var tiedTexts: [[UInt8]] {
    guard case .sentencePiece = algorithm else { return [] }
    return ScoredMerges(table).ties.map {
      Normalizer.unescape(Array($0.utf8)[...])
    }
  }
}
