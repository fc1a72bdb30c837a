/// Cuts a text into the words within which byte-pair merges happen.
struct PreTokenizer: Sendable {
  /// One pass over all pieces so far.
  struct Step: Sendable {
    /// What becomes of a pattern's matches, as tokenizer.json files name it. The text between
    /// matches is always kept.
    enum Behavior: String, Sendable {
      /// Each match is a piece.
      case isolated = "Isolated"
      /// Matches are dropped.
      case removed = "Removed"
      /// A match joins the piece before it, the first of neighbours alone.
      case mergedWithPrevious = "MergedWithPrevious"
      /// A match joins the piece after it, the last of neighbours alone.
      case mergedWithNext = "MergedWithNext"
      /// Matches without anything between them are one piece.
      case contiguous = "Contiguous"
    }

    let pattern: Pattern
    var behavior = Behavior.isolated
    /// The text between matches is taken for matches, and matches for the text between.
    var inverts = false
    /// The pattern sees the bytes as GPT-2's alphabet spells them.
    var readsAlphabet = false
  }

  var steps: [Step]
  /// One for all texts: many short ones may not take what one of their length may not.
  private let budget = PatternBudget(byteCount: 0)

  /// The pieces of texts, in order.
  /// - Throws: `VocabularyError.matching` with a place of the bytes.
  func split(
    _ texts: [Range<Int>], of bytes: UnsafeBufferPointer<UInt8>, threads: Int
  ) throws(VocabularyError) -> [Range<Int>] {
    var pieces = texts
    budget.allow(byteCount: bytes.count)
    for step in steps {
      guard step.readsAlphabet else {
        pieces = try step.split(pieces, of: bytes, threads: threads, within: budget)
        continue
      }
      let spelled = SpelledText(bytes)
      let found = try spelled.bytes.span.withUnsafeBufferPointer {
        (bytes) throws(VocabularyError) -> [Range<Int>] in
        do throws(VocabularyError) {
          return try step.split(
            pieces.map(spelled.spelled), of: bytes, threads: threads, within: budget)
        } catch {
          throw error.moved(spelled.index)
        }
      }
      pieces = found.map(spelled.original)
    }
    return pieces
  }
}

extension PreTokenizer.Step {
  fileprivate func split(
    _ pieces: [Range<Int>], of bytes: UnsafeBufferPointer<UInt8>, threads: Int,
    within budget: PatternBudget
  ) throws(VocabularyError) -> [Range<Int>] {
    var next: [Range<Int>] = []
    next.reserveCapacity(2 * pieces.count)
    let scan = PatternScan(pattern: pattern, bytes: bytes, threads: threads, budget: budget)
    let (keepsGaps, keepsMatches) =
      behavior == .removed ? (!inverts, inverts) : (true, true)
    let joins = behavior != .isolated && behavior != .removed
    try scan.forEach(pieces) { piece, matches in
      if joins {
        join(parts(of: piece, matches), to: &next)
        return
      }
      var last = piece.lowerBound
      for match in matches {
        if match.lowerBound > last, keepsGaps { next.append(last..<match.lowerBound) }
        if !match.isEmpty, keepsMatches { next.append(match) }
        last = match.upperBound
      }
      if last < piece.upperBound, keepsGaps { next.append(last..<piece.upperBound) }
    }
    return next
  }

  private typealias Part = (range: Range<Int>, isMatch: Bool)

  /// Matches and what is between them.
  private func parts(of piece: Range<Int>, _ matches: ArraySlice<Range<Int>>) -> [Part] {
    var parts: [Part] = []
    var last = piece.lowerBound
    for match in matches {
      if match.lowerBound > last { parts.append((last..<match.lowerBound, inverts)) }
      if !match.isEmpty { parts.append((match, !inverts)) }
      last = match.upperBound
    }
    if last < piece.upperBound { parts.append((last..<piece.upperBound, inverts)) }
    return parts
  }

  private func join(_ parts: [Part], to pieces: inout [Range<Int>]) {
    var joined: [Range<Int>] = []
    var follows = false
    for part in behavior == .mergedWithNext ? parts.reversed() : parts {
      let joins = behavior == .contiguous ? part.isMatch == follows : part.isMatch && !follows
      if joins, let last = joined.last {
        joined[joined.count - 1] =
          min(last.lowerBound, part.range.lowerBound)..<max(last.upperBound, part.range.upperBound)
      } else {
        joined.append(part.range)
      }
      follows = part.isMatch
    }
    pieces += behavior == .mergedWithNext ? joined.reversed() : joined
  }
}

/// Bytes as GPT-2's alphabet spells them, and where each byte's character stands.
private struct SpelledText {
  private(set) var bytes: [UInt8] = []
  /// Where the character of each byte begins, and where the last one ends.
  private var places = [0]

  init(_ text: UnsafeBufferPointer<UInt8>) {
    bytes.reserveCapacity(text.count + text.count / 2)
    places.reserveCapacity(text.count + 1)
    let spellings = ByteAlphabet.characters.map { Array(String($0).utf8) }
    for byte in text {
      bytes += spellings[Int(byte)]
      places.append(bytes.count)
    }
  }

  func spelled(_ range: Range<Int>) -> Range<Int> {
    places[range.lowerBound]..<places[range.upperBound]
  }

  func original(_ range: Range<Int>) -> Range<Int> {
    index(range.lowerBound)..<index(range.upperBound)
  }

  /// The byte whose character begins at a place.
  func index(_ place: Int) -> Int {
    var (low, high) = (0, places.count - 1)
    while low < high {
      let middle = (low + high) / 2
      if places[middle] < place { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
