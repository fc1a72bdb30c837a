import Models
import Tensors

/// What one thread needs for a tile of blocked attention: some queries of all heads of a KV group
/// against some keys.
struct AttentionTile: Sendable {
  /// Keys of one tile.
  static let keys = 512

  /// Queries of one tile, which stand at `position` in their sequence: fewer the more heads share
  /// their keys, so that the tile stays near the second-level cache. Tiles on the diagonal are
  /// computed whole: early in a sequence, where they are many of all, a tile is smaller.
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
  /// The sum of the weights of a row's tokens, which is 1 without sinks.
  let shares: FloatBuffer

  /// Memory for layers whose keys are shared by these numbers of heads; `capacity` holds the
  /// largest sizes of those layers.
  init(groups: Set<Int>, capacity: LayerCapacity, arithmetic: Arithmetic) {
    rows = groups.map { Self.queries(groupSize: $0, position: .max) * $0 }.max() ?? 0
    queries = FactorBuffer(arithmetic, count: rows * capacity.keyWidth)
    scores = FloatBuffer(count: rows * Self.keys)
    weights = FactorBuffer(arithmetic, count: rows * Self.keys, sharing: scores)
    outputs = FloatBuffer(count: rows * capacity.valueWidth)
    runningMax = FloatBuffer(count: rows)
    correction = FloatBuffer(count: rows)
    runningSum = DoubleBuffer(count: rows)
    shares = FloatBuffer(count: rows)
  }
}
