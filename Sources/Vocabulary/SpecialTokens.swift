/// Tokens that are found in a text before anything else: control and user-defined ones.
struct SpecialTokens: Sendable {
  struct Entry: Sendable, Equatable {
    let id: Int32
    let bytes: [UInt8]
    let isControl: Bool
    /// White space before or after the token belongs to it.
    let stripsLeft: Bool
    let stripsRight: Bool
    /// The rules of its file find it at other places: as a whole word alone, or as the normalizer spells
    /// it. Here every token is found as it is spelled.
    var isFoundOtherwise = false
  }

  /// A part of a text: a token, or bytes to encode.
  enum Fragment: Equatable {
    case token(Int32)
    case text(Range<Int>)
  }

  /// The most bytes of all tokens: the search takes some twenty times as many.
  private static let byteLimit = 1 << 26

  let entries: [Entry]
  private let search: SpecialTokenSearch

  /// - Parameters:
  ///   - all: of tokens with equal bytes the first counts, those without any do not.
  ///   - file: the tokenizer's file, which errors name.
  ///   - key: where the tokens stand in it.
  /// - Throws: `VocabularyError.invalid` for more bytes than vocabularies have.
  init(_ all: [Entry], file: String, key: String) throws(VocabularyError) {
    entries = all.filter { !$0.bytes.isEmpty }
    let size = entries.reduce(0) { $0 + $1.bytes.count }
    guard size <= Self.byteLimit else {
      throw .invalid(
        file: file, key: key,
        problem: "special tokens of \(size) bytes, at most \(Self.byteLimit) are read")
    }
    search = SpecialTokenSearch(entries)
  }

  /// Cuts a text at its special tokens, the leftmost and longest first; user-defined tokens always
  /// count, control tokens that stand in one of `ranges`.
  func partition(_ text: [UInt8], controlsIn ranges: [Range<Int>]) -> [Fragment] {
    var fragments: [Fragment] = []
    var start = 0
    for match in matches(in: text, controlsIn: ranges) {
      // A token that begins within the one before does not count.
      guard match.place >= start else { continue }
      let entry = entries[match.entry]
      var end = match.place
      if entry.stripsLeft {
        while let space = Self.spaces.first(where: { text[start..<end].hasSuffix($0) }) {
          end -= space.count
        }
      }
      if end > start { fragments.append(.text(start..<end)) }
      fragments.append(.token(entry.id))
      start = match.place + entry.bytes.count
      if entry.stripsRight {
        while let space = Self.spaces.first(where: { text[start...].starts(with: $0) }) {
          start += space.count
        }
      }
    }
    if start < text.count { fragments.append(.text(start..<text.count)) }
    return fragments
  }

  /// Where tokens begin in a text, the first place first, of those at one place the longest first.
  private func matches(
    in text: [UInt8], controlsIn ranges: [Range<Int>]
  ) -> [SpecialTokenSearch.Match] {
    if ranges.isEmpty || ranges == [0..<text.count] {
      return search.matches(in: text, includesControl: !ranges.isEmpty).reversed()
    }
    var matches = search.matches(in: text, includesControl: false)
    for range in ranges {
      matches += search.matches(in: Array(text[range]), includesControl: true).map {
        SpecialTokenSearch.Match(place: $0.place + range.lowerBound, entry: $0.entry)
      }
    }
    return matches.sorted { one, other in
      (one.place, -entries[one.entry].bytes.count)
        < (other.place, -entries[other.entry].bytes.count)
    }
  }

  /// The first token, by its id, that others find in another way or not at all.
  func firstDifference(from other: SpecialTokens, below count: Int) -> Entry? {
    let (own, others) = (ordered(below: count), other.ordered(below: count))
    for (one, two) in zip(own, others) where one != two { return one.id <= two.id ? one : two }
    let common = min(own.count, others.count)
    return own.dropFirst(common).first ?? others.dropFirst(common).first
  }

  /// Entries in the order of their ids.
  private func ordered(below count: Int) -> [Entry] {
    entries.filter { Int($0.id) < count }.sorted { $0.id < $1.id }
  }

  /// Unicode's white space.
  private static let spaces: [[UInt8]] = (UInt32(0)...0x3000).compactMap { value in
    guard let scalar = Unicode.Scalar(value), scalar.properties.isWhitespace else { return nil }
    return Array(String(scalar).utf8)
  }
}

extension ArraySlice<UInt8> {
  fileprivate func hasSuffix(_ end: [UInt8]) -> Bool {
    count >= end.count && suffix(end.count).elementsEqual(end)
  }
}
