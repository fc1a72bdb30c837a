/// A gated delta rule (Gated DeltaNet, arXiv:2412.06464): each head keeps a matrix that maps keys to
/// values, forgets a part of it at every token, and corrects what it gives for the token's key toward
/// the token's value. Queries, keys and values go through a short causal convolution first.
///
/// It knows the order of tokens by itself: nothing rotates, and no variant reaches such a layer.
package struct DeltaRuleRecipe: Sendable, Equatable {
  /// Which value heads a key head serves.
  package enum ValueHeadOrder: String, Sendable, CaseIterable {
    /// Those of a key head stand together: value head v belongs to key head v / (values per key).
    case grouped
    /// They stand apart by the number of key heads: value head v belongs to key head v % keys.
    case tiled
  }

  /// Heads of queries and keys.
  package var keyHeads: Int
  /// Heads of values, each with a matrix of its own.
  package var valueHeads: Int
  /// Dims of a query or key head.
  package var keyWidth: Int
  /// Dims of a value head.
  package var valueWidth: Int
  /// Tokens that the convolution sees, the newest among them.
  package var kernel: Int
  /// How value heads lie in the container at hand.
  package var order: ValueHeadOrder

  package init(
    keyHeads: Int, valueHeads: Int, keyWidth: Int, valueWidth: Int, kernel: Int,
    order: ValueHeadOrder = .grouped
  ) {
    self.keyHeads = keyHeads
    self.valueHeads = valueHeads
    self.keyWidth = keyWidth
    self.valueWidth = valueWidth
    self.kernel = kernel
    self.order = order
  }

  /// Elements of all query or of all key heads.
  package var keyRows: Int { keyHeads * keyWidth }
  /// Elements of all value heads, and of what the layer's output matrix reads.
  package var valueRows: Int { valueHeads * valueWidth }
  /// Channels of the convolution: queries, keys and values, one after another.
  package var channels: Int { 2 * keyRows + valueRows }
  /// Elements of the matrices that a sequence's heads keep.
  package var stateCount: Int { valueHeads * keyWidth * valueWidth }

  /// The key head that serves a value head.
  package func keyHead(ofValueHead head: Int) -> Int {
    switch order {
    case .grouped: head / (valueHeads / keyHeads)
    case .tiled: head % keyHeads
    }
  }

  /// What such a layer is, in words.
  package static let words = "a delta-rule layer"
}
