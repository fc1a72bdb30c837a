import Models
import Tensors

/// What layers with shared vectors keep of a whole batch, in float32 whatever the products' arithmetic;
/// layers use it in turn, each with rows of its own widths.
struct SharedVectorMemory: Sendable {
  /// The vectors as keys and as values, [rows, width].
  let keys: FloatBuffer
  let values: FloatBuffer
  /// What entries are made of and the gates of that, [rows, series * width].
  let compressed: FloatBuffer
  let gates: FloatBuffer
  /// The same of the index, the weights of its heads, and what its queries come from.
  let indexCompressed: FloatBuffer
  let indexGates: FloatBuffer
  let indexHeads: FloatBuffer
  let queryVectors: FloatBuffer
  /// Entries as keys, as values and as those of the index, [entries, width].
  let entryKeys: FloatBuffer
  let entryValues: FloatBuffer
  let indexKeys: FloatBuffer

  /// Memory for `rows` rows; nil for a model without such layers.
  init?(_ capacity: SharedVectorCapacity, rows: Int) {
    guard capacity.width > 0 else { return nil }
    let entries = capacity.entries(rows)
    keys = FloatBuffer(count: rows * capacity.width)
    values = FloatBuffer(count: rows * capacity.width)
    compressed = FloatBuffer(count: rows * capacity.compressed)
    gates = FloatBuffer(count: rows * capacity.compressed)
    indexCompressed = FloatBuffer(count: rows * capacity.indexCompressed)
    indexGates = FloatBuffer(count: rows * capacity.indexCompressed)
    indexHeads = FloatBuffer(count: rows * capacity.indexHeads)
    queryVectors = FloatBuffer(count: rows * capacity.indexRank)
    entryKeys = FloatBuffer(count: entries * capacity.width)
    entryValues = FloatBuffer(count: entries * capacity.width)
    indexKeys = FloatBuffer(count: entries * capacity.indexWidth)
  }

  /// Takes a row of another memory: all that later rows of its sequence need.
  func take(row source: Int, of other: SharedVectorMemory, to target: Int, _ layer: AttentionRecipe)
  {
    func copy(_ buffer: KeyPath<SharedVectorMemory, FloatBuffer>, _ width: Int) {
      (self[keyPath: buffer].pointer + target * width).update(
        from: other[keyPath: buffer].pointer + source * width, count: width)
    }
    copy(\.keys, layer.keyWidth)
    copy(\.values, layer.keyWidth)
    guard let compression = layer.compression else { return }
    copy(\.compressed, compression.series * layer.keyWidth)
    copy(\.gates, compression.series * layer.keyWidth)
    guard let index = compression.index else { return }
    copy(\.indexCompressed, compression.series * index.width)
    copy(\.indexGates, compression.series * index.width)
    copy(\.indexHeads, index.heads)
    copy(\.queryVectors, layer.sharedVector?.queryRank ?? 0)
  }
}

/// What one thread needs for a unit of rows of such layers.
struct SharedVectorScratch: Sendable {
  /// Queries that an index looks at together.
  static let indexedQueries = 16

  /// What groups of heads give, one and all of them.
  let group: FloatBuffer
  let outputs: FloatBuffer
  /// Entries that an index has chosen, as keys and as values.
  let keys: FloatBuffer
  let values: FloatBuffer
  /// The queries of an index, and their products with a tile of its entries.
  let indexQueries: FloatBuffer
  let indexProducts: FloatBuffer

  /// Memory for units of at most `rows` rows; nil for a model without such layers.
  init?(_ capacity: SharedVectorCapacity, rows: Int) {
    guard capacity.width > 0 else { return nil }
    group = FloatBuffer(count: rows * capacity.outputRank)
    outputs = FloatBuffer(count: rows * capacity.outputs)
    let chosen = capacity.indexHeads > 0 ? AttentionTile.keys * capacity.width : 0
    keys = FloatBuffer(count: chosen)
    values = FloatBuffer(count: chosen)
    indexQueries = FloatBuffer(count: Self.indexedQueries * capacity.indexQueries)
    indexProducts = FloatBuffer(
      count: Self.indexedQueries * capacity.indexHeads * AttentionTile.keys)
  }
}
