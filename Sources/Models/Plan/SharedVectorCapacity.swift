/// The largest sizes that layers with shared vectors need, in float32 whatever the products' arithmetic.
package struct SharedVectorCapacity: Sendable, Equatable {
  /// Dims of a vector; 0 where no layer has any.
  package private(set) var width = 0
  /// Elements of a row between the two output matrices, and of one group of heads in it.
  package private(set) var outputs = 0
  package private(set) var outputRank = 0
  /// Elements that a row gives to entries.
  package private(set) var compressed = 0
  /// The lowest rate of any layer; 0 where none compresses.
  package private(set) var rate = 0
  /// Heads of an index, elements of all of them in a row, of one, and those that a row gives to the
  /// index' entries; 0 where no layer has one.
  package private(set) var indexHeads = 0
  package private(set) var indexQueries = 0
  package private(set) var indexWidth = 0
  package private(set) var indexCompressed = 0
  /// Entries that a query attends to at most, and elements of the vector that queries come from, in
  /// layers with an index.
  package private(set) var kept = 0
  package private(set) var indexRank = 0

  mutating func include(_ shared: AttentionRecipe.SharedVector, width: Int) {
    self.width = max(self.width, width)
    outputs = max(outputs, shared.outputGroups * shared.outputRank)
    outputRank = max(outputRank, shared.outputRank)
    guard let compression = shared.compression else { return }
    compressed = max(compressed, compression.series * width)
    rate = rate == 0 ? compression.rate : min(rate, compression.rate)
    guard let index = compression.index else { return }
    indexHeads = max(indexHeads, index.heads)
    indexQueries = max(indexQueries, index.heads * index.width)
    indexWidth = max(indexWidth, index.width)
    indexCompressed = max(indexCompressed, compression.series * index.width)
    kept = max(kept, index.kept)
    indexRank = max(indexRank, shared.queryRank)
  }

  /// Entries of so many rows.
  package func entries(_ rows: Int) -> Int { rate == 0 ? 0 : rows / rate }

  /// Floats that a row takes at most: its vector as key and as value, what entries are made of, and its
  /// share of those.
  package var floatsPerRow: Int {
    let ofEntry = 2 * width + indexWidth
    return 2 * width + 2 * compressed + 2 * indexCompressed + indexHeads + indexRank
      + (rate == 0 ? 0 : (ofEntry + rate - 1) / rate)
  }
}
