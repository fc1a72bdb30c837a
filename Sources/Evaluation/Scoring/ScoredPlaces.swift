/// Which tokens of sequences are scored, and the rows of hidden states that predict them.
package struct ScoredPlaces: Sendable {
  /// Rows of the hidden states of all sequences, each predicting the target of the same index.
  package private(set) var rows: [Int] = []
  /// The token ids scored, sequence after sequence.
  package private(set) var targets: [Int32] = []
  /// How many of them each sequence has.
  package private(set) var counts: [Int] = []

  /// Nothing.
  package init() {}

  /// - Parameters:
  ///   - sequences: token ids.
  ///   - places: of each sequence the places scored, the first of which is at least 1: a token is
  ///     predicted from those before it.
  ///   - starts: the row of each sequence's first token.
  package init(_ sequences: [[Int32]], _ places: [Range<Int>], starts: [Int]) {
    for (index, places) in places.enumerated() {
      rows += places.map { starts[index] + $0 - 1 }
      targets += sequences[index][places]
      counts.append(places.count)
    }
  }

  /// Values of all targets, a part for each sequence.
  package func bySequence<Value>(_ values: [Value]) -> [ArraySlice<Value>] {
    var next = 0
    return counts.map { count in
      defer { next += count }
      return values[next..<(next + count)]
    }
  }
}
