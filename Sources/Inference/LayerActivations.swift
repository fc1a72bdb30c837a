import Tensors

/// Queries, keys and values of a whole batch within one layer.
struct LayerActivations: Sendable {
  /// [rows, heads * keyWidth]
  let queries: FloatBuffer
  /// [rows, keyValueHeads * keyWidth]
  let keys: FloatBuffer
  /// [rows, keyValueHeads * valueWidth]
  let values: FloatBuffer

  init(shape: ModelShape, rows: Int) {
    queries = FloatBuffer(count: max(rows * shape.heads * shape.keyWidth, 1))
    keys = FloatBuffer(count: max(rows * shape.keyValueHeads * shape.keyWidth, 1))
    values = FloatBuffer(count: max(rows * shape.keyValueHeads * shape.valueWidth, 1))
  }

  private init(queries: FloatBuffer, keys: FloatBuffer, values: FloatBuffer) {
    self.queries = queries
    self.keys = keys
    self.values = values
  }

  /// Activations of another layer whose keys and values are kept too; queries are not, so both
  /// layers take turns with theirs.
  func withOwnKeys(_ shape: ModelShape, rows: Int) -> LayerActivations {
    let other = LayerActivations(
      queries: queries,
      keys: FloatBuffer(count: max(rows * shape.keyValueHeads * shape.keyWidth, 1)),
      values: FloatBuffer(count: max(rows * shape.keyValueHeads * shape.valueWidth, 1)))
    return other
  }
}

/// What one thread needs for one unit of rows.
struct LayerScratch: Sendable {
  /// [rows, max(width, queryRank)]: the normed input of a sublayer.
  let normed: FloatBuffer
  /// [rows, heads * valueWidth]: the heads' outputs.
  let attended: FloatBuffer
  /// [rows, width]: what a sublayer adds to the residual stream.
  let update: FloatBuffer
  /// [rows, feedForward], twice.
  let gate: FloatBuffer
  let up: FloatBuffer
  /// [rows, latentRank + rotary dims] and its normed part, for latent attention.
  let latent: FloatBuffer
  let latentNormed: FloatBuffer
  let queryDown: FloatBuffer
  /// Scores of one attention tile.
  let scores: FloatBuffer
  let runningMax: FloatBuffer
  let correction: FloatBuffer
  let runningSum: DoubleBuffer

  init(shape: ModelShape, latentWidth: Int, rows: Int) {
    normed = FloatBuffer(count: rows * shape.width)
    attended = FloatBuffer(count: rows * shape.heads * shape.valueWidth)
    update = FloatBuffer(count: rows * shape.width)
    gate = FloatBuffer(count: rows * shape.feedForward)
    up = FloatBuffer(count: rows * shape.feedForward)
    latent = FloatBuffer(count: max(rows * latentWidth, 1))
    // Also holds the keys' still dims of all heads before they are spread.
    latentNormed = FloatBuffer(
      count: latentWidth == 0 ? 1 : rows * max(latentWidth, shape.heads * shape.keyWidth))
    queryDown = FloatBuffer(count: max(rows * shape.queryRank, 1))
    scores = FloatBuffer(count: AttentionTile.queries * AttentionTile.keys)
    runningMax = FloatBuffer(count: AttentionTile.queries)
    correction = FloatBuffer(count: AttentionTile.queries)
    runningSum = DoubleBuffer(count: AttentionTile.queries)
  }
}

/// The size of one tile of blocked attention.
enum AttentionTile {
  static let queries = 128
  static let keys = 256
}

/// Zeroed storage of doubles, freed at the end of its life.
final class DoubleBuffer: Sendable {
  nonisolated(unsafe) let pointer: UnsafeMutablePointer<Double>

  init(count: Int) {
    pointer = .allocate(capacity: count)
    pointer.initialize(repeating: 0, count: count)
  }

  deinit { pointer.deallocate() }
}
