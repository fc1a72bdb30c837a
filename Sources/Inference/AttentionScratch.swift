import Tensors

/// What one thread needs for a tile of blocked attention: some queries of all heads of a KV group
/// against some keys.
struct AttentionScratch: Sendable {
  /// Keys of one tile.
  static let keys = 256

  /// Queries of one tile: fewer the more heads share their keys, so that the tile stays in the
  /// second-level cache; small, because tiles on the diagonal are computed whole.
  static func queries(groupSize: Int) -> Int {
    switch groupSize {
    case ...3: 64
    case ...8: 32
    default: 16
    }
  }

  /// Rows of a tile: head after head, each with the tile's queries.
  let rows: Int
  /// The scaled queries, [rows, keyWidth].
  let queries: FactorBuffer
  /// The scores, [rows, keys].
  let scores: FloatBuffer
  /// Their exponentials; in float32 they take the scores' place.
  let weights: FactorBuffer
  /// Weighted sums of values, [rows, valueWidth].
  let outputs: FloatBuffer
  let runningMax: FloatBuffer
  let correction: FloatBuffer
  let runningSum: DoubleBuffer

  init(shape: ModelShape, arithmetic: Arithmetic) {
    rows = Self.queries(groupSize: shape.groupSize) * shape.groupSize
    queries = FactorBuffer(arithmetic, count: rows * shape.keyWidth)
    scores = FloatBuffer(count: rows * Self.keys)
    weights = FactorBuffer(arithmetic, count: rows * Self.keys, sharing: scores)
    outputs = FloatBuffer(count: rows * shape.valueWidth)
    runningMax = FloatBuffer(count: rows)
    correction = FloatBuffer(count: rows)
    runningSum = DoubleBuffer(count: rows)
  }
}
