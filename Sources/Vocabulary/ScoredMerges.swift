/// The merges that SentencePiece's scores stand for, as pairs of texts, best first.
struct ScoredMerges {
  struct Merge {
    let left: String
    let right: String
    /// The token that it makes.
    let id: Int32
    let score: Float
  }

  /// Every way to make a token of two others, in the order of the made token's score, then of ids,
  /// the shorter left part first.
  let merges: [Merge]

  /// Neighbours become a token of whatever kind: llama.cpp looks up texts and asks for no kind, and
  /// user-defined tokens that it finds before are those of the text as it was, with plain spaces.
  /// - Parameter table: the vocabulary, whose spaces are U+2581: a token with a plain one is never
  ///   made by merging.
  init(_ table: TokenTable) {
    func isFiller(_ id: Int32) -> Bool {
      table.kinds[Int(id)] == .unused && table.texts[Int(id)] == "[PAD\(id)]"
    }
    // Most cuts of a long text are ruled out by the length of a part, without a look at its bytes.
    let lengths = Set(table.texts.indices.map { table.texts.bytes[$0].count })
    var merges: [Merge] = []
    for number in table.texts.indices {
      let bytes = Array(table.texts.bytes[number])
      // Of equal texts one is made.
      guard bytes.count > 1, !bytes.contains(0x20), let id = table.id(bytes), Int(id) == number,
        !isFiller(id), String(validating: bytes, as: UTF8.self) != nil
      else { continue }
      bytes.withUnsafeBufferPointer { whole in
        for cut in 1..<whole.count where whole[cut] & 0xC0 != 0x80 {
          guard lengths.contains(cut), lengths.contains(whole.count - cut),
            let left = table.id(UnsafeBufferPointer(rebasing: whole[..<cut])),
            let right = table.id(UnsafeBufferPointer(rebasing: whole[cut...])),
            !isFiller(left), !isFiller(right)
          else { continue }
          merges.append(
            Merge(
              left: table.texts[Int(left)], right: table.texts[Int(right)], id: id,
              score: table.scores[number]))
        }
      }
    }
    // Stable: the ways to make one token stay in the order of their cuts.
    self.merges = merges.enumerated().sorted { one, other in
      one.element.score != other.element.score
        ? one.element.score > other.element.score
        : (one.element.id, one.offset) < (other.element.id, other.offset)
    }.map(\.element)
  }

  /// Texts of three neighbours of which the first two and the last two merge to different tokens of
  /// one score: SentencePiece takes the left pair, a list of merges the one that stands first in it.
  var ties: [String] {
    var texts: [String] = []
    var start = 0
    while start < merges.count {
      var end = start
      while end < merges.count, merges[end].score == merges[start].score { end += 1 }
      texts += Self.ties(among: merges[start..<end])
      start = end
    }
    return texts
  }

  /// For each part in the middle the last of the list's merges before it and the first one after it.
  private static func ties(among merges: ArraySlice<Merge>) -> [String] {
    var first: [[UInt8]: Merge] = [:]
    for merge in merges where first[Array(merge.left.utf8)] == nil {
      first[Array(merge.left.utf8)] = merge
    }
    var last: [[UInt8]: Merge] = [:]
    for merge in merges { last[Array(merge.right.utf8)] = merge }
    let ties = last.values.compactMap { merge -> (id: Int32, text: String)? in
      guard let next = first[Array(merge.right.utf8)], next.id < merge.id else { return nil }
      return (merge.id, merge.left + merge.right + next.right)
    }
    return ties.sorted { ($0.id, $0.text) < ($1.id, $1.text) }.map(\.text)
  }
}
