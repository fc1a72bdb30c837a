import Models

/// Rows of an output tensor as runs of rows of the input's tensors, in the order of the output.
struct RowRuns {
  typealias Run = (source: WeightSource, rows: Range<Int>)

  /// The runs; rows are counted as the source's tensor stores them.
  private(set) var runs: [Run] = []

  /// Finds the runs; nil where the parts do not fill the tensor.
  /// - Parameters:
  ///   - parts: weights that are stored row by row, and where their rows stand in the output.
  ///   - order: the order of each part's rows in the output, where it is not the source's.
  init?(_ parts: [(source: WeightSource, rows: [Range<Int>])], order: [[Int]?] = []) {
    var placed: [(place: Int, run: Run)] = []
    for (index, part) in parts.enumerated() {
      if index < order.count, let order = order[index] {
        let stored = part.source.ranges.flatMap { Array($0) }
        for (row, place) in part.rows.joined().enumerated() {
          let row = stored[order[row]]
          placed.append((place, (part.source, row..<(row + 1))))
        }
      } else {
        placed += Self.pairs(part.source, part.rows)
      }
    }
    placed.sort { $0.place < $1.place }
    var next = 0
    for (place, run) in placed {
      guard place == next else { return nil }
      next += run.rows.count
      if let last = runs.last, last.source.tensor.name == run.source.tensor.name,
        last.rows.upperBound == run.rows.lowerBound
      {
        runs[runs.count - 1].rows = last.rows.lowerBound..<run.rows.upperBound
      } else {
        runs.append(run)
      }
    }
  }

  /// The stored rows of a weight with their places, in ranges that both have whole.
  private static func pairs(
    _ source: WeightSource, _ places: [Range<Int>]
  ) -> [(place: Int, run: Run)] {
    var pairs: [(place: Int, run: Run)] = []
    var places = places[...]
    for var stored in source.ranges {
      while !stored.isEmpty, let place = places.popFirst() {
        let count = min(stored.count, place.count)
        let middle = stored.lowerBound + count
        pairs.append((place.lowerBound, (source, stored.lowerBound..<middle)))
        stored = middle..<stored.upperBound
        if count < place.count { places = [place.dropFirst(count)] + places }
      }
    }
    return pairs
  }

  /// The same rows in pieces of at most `height`.
  func pieces(height: Int) -> [Run] {
    runs.flatMap { run in
      stride(from: run.rows.lowerBound, to: run.rows.upperBound, by: height).map {
        (run.source, $0..<min($0 + height, run.rows.upperBound))
      }
    }
  }
}
