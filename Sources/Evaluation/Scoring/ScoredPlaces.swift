import Inference

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
  ///   - hidden: what a pass gave for the sequences.
  ///   - first: how many others it was given before them.
  ///   - start: the place of the first row that the pass gave of each; those before it came earlier.
  package init(
    _ sequences: [[Int32]], _ places: [Range<Int>], in hidden: ForwardPass.HiddenStates,
    first: Int = 0, from start: Int = 0
  ) {
    for (index, places) in places.enumerated() {
      rows += places.map { hidden.row($0 - 1 - start, of: first + index) }
      targets += sequences[index][places]
      counts.append(places.count)
    }
  }

  /// The places of the tokens that predict those at `places`.
  static func predicting(_ places: [Range<Int>], from start: Int = 0) -> [Range<Int>] {
    places.map { ($0.lowerBound - 1 - start)..<($0.upperBound - 1 - start) }
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
