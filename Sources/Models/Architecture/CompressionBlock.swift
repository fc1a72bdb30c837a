import Base

/// What a data file says of layers that compress windows of tokens.
package struct CompressionBlock: Sendable, Equatable {
  /// Tokens of a window in sparse layers, whose windows overlap and whose entries are chosen by an
  /// index, where a file does not say; where it states a rate for each layer, those with this one are
  /// the sparse ones.
  package var sparseRate: Int
  /// Tokens of a window in the others.
  package var heavyRate: Int

  package init(sparseRate: Int, heavyRate: Int) {
    self.sparseRate = sparseRate
    self.heavyRate = heavyRate
  }
}

extension CompressionBlock {
  package enum Key: String, CaseIterable {
    case sparseRate = "sparse_rate"
    case heavyRate = "heavy_rate"
  }

  init(_ json: JSONValue, file: String, place: String) throws(FormatError) {
    let entry = try StrictObject<Key>(json, file: file, place: place)
    func rate(_ key: Key) throws(FormatError) -> Int {
      guard let rate = try entry.required(key).int, rate > 0 else {
        throw entry.failure(key, "expected a whole number of at least 1")
      }
      return rate
    }
    self.init(sparseRate: try rate(.sparseRate), heavyRate: try rate(.heavyRate))
  }
}
