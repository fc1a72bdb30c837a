import HeapModule

/// SentencePiece's BPE (arXiv:1808.06226): neighbours merge in the order of the merged token's
/// score; what forms no token is spelled by byte tokens.
struct SentencePieceEncoder: Sendable {
  let table: TokenTable
  let unknown: Int32?

  private struct Candidate: Comparable {
    let score: Float
    let left: Int32
    let right: Int32
    let size: Int

    /// The highest score first, then the leftmost.
    static func < (one: Candidate, other: Candidate) -> Bool {
      one.score != other.score ? one.score > other.score : one.left < other.left
    }
  }

  /// Appends the tokens of a text whose spaces are escaped already.
  func encode(_ text: [UInt8], to output: inout [Int32]) throws(VocabularyError) {
    var starts: [Int] = []
    var sizes: [Int] = []
    var offset = 0
    while offset < text.count {
      let length = min(BytePairEncoder.characterLength(text[offset]), text.count - offset)
      starts.append(offset)
      sizes.append(length)
      offset += length
    }
    let count = starts.count
    var next = (0..<Int32(count)).map { $0 + 1 }
    var previous = (0..<Int32(count)).map { $0 - 1 }
    var queue = Heap<Candidate>()
    func add(_ left: Int32, _ right: Int32) {
      guard left >= 0, right < Int32(count) else { return }
      let size = sizes[Int(left)] + sizes[Int(right)]
      let start = starts[Int(left)]
      guard let id = table.id(Array(text[start..<(start + size)])) else { return }
      queue.insert(
        Candidate(score: table.scores[Int(id)], left: left, right: right, size: size))
    }
    if count > 1 { for left in 0..<Int32(count - 1) { add(left, left + 1) } }
    while let best = queue.popMin() {
      let (left, right) = (Int(best.left), Int(best.right))
      guard sizes[left] > 0, sizes[right] > 0, sizes[left] + sizes[right] == best.size else {
        continue
      }
      sizes[left] += sizes[right]
      sizes[right] = 0
      next[left] = next[right]
      if next[right] < Int32(count) { previous[Int(next[right])] = Int32(left) }
      add(previous[left], Int32(left))
      add(Int32(left), next[left])
    }
    for index in 0..<count where sizes[index] > 0 {
      let piece = Array(text[starts[index]..<(starts[index] + sizes[index])])
      if let id = table.id(piece) {
        output.append(id)
        continue
      }
      for byte in piece {
        guard let id = table.byteTokens[Int(byte)] ?? table.id([byte]) ?? unknown else {
          throw .noToken(byte: byte)
        }
        output.append(id)
      }
    }
  }
}
