import Models
import Tensors

/// What one thread needs for a tile of blocked attention: some queries of all heads of a KV group
/// against some keys.
struct AttentionScratch: Sendable {
  /// Keys of one tile.
  static let keys = 512

  /// Queries of one tile: fewer the more heads share their keys, so that the tile stays near the
  /// second-level cache. Tiles on the diagonal are computed whole: early in a sequence, where they
  /// are many of all, a tile is smaller.
  /// - Parameter position: where the queries stand in their sequence.
  static func queries(groupSize: Int, position: Int) -> Int {
    let isEarly = position < 1024
    return switch groupSize {
    case ...3: isEarly ? 64 : 128
    case ...8: isEarly ? 32 : 64
    default: 16
    }
  }

  /// Rows of the largest tile: head after head, each with the tile's queries.
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
    rows = Self.queries(groupSize: shape.groupSize, position: .max) * shape.groupSize
    queries = FactorBuffer(arithmetic, count: rows * shape.keyWidth)
    scores = FloatBuffer(count: rows * Self.keys)
    weights = FactorBuffer(arithmetic, count: rows * Self.keys, sharing: scores)
    outputs = FloatBuffer(count: rows * shape.valueWidth)
    runningMax = FloatBuffer(count: rows)
    correction = FloatBuffer(count: rows)
    runningSum = DoubleBuffer(count: rows)
  }
}
