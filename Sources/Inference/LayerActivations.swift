import Models
import Tensors

/// Queries, keys and values of a whole batch within one layer.
struct LayerActivations: Sendable {
  /// [rows, heads * keyWidth]
  let queries: FloatBuffer
  private let keyValues: KeyValues
  private let shape: ModelShape
  private let rows: Int

  private enum KeyValues: Sendable {
    /// [rows, keyValueHeads * keyWidth] and [rows, keyValueHeads * valueWidth]
    case float32(keys: FloatBuffer, values: FloatBuffer)
    /// Rounded, [keyValueHeads, rows, keyWidth] and [keyValueHeads, rows, valueWidth]
    case factors(keys: FactorBuffer, values: FactorBuffer)
  }

  init(shape: ModelShape, rows: Int, arithmetic: Arithmetic = .float32) {
    self.init(
      shape: shape, rows: rows, arithmetic: arithmetic,
      queries: FloatBuffer(count: max(rows * shape.heads * shape.keyWidth, 1)))
  }

  private init(shape: ModelShape, rows: Int, arithmetic: Arithmetic, queries: FloatBuffer) {
    self.shape = shape
    self.rows = rows
    self.queries = queries
    let keys = max(rows * shape.keyValueHeads * shape.keyWidth, 1)
    let values = max(rows * shape.keyValueHeads * shape.valueWidth, 1)
    keyValues =
      switch arithmetic {
      case .float32:
        .float32(keys: FloatBuffer(count: keys), values: FloatBuffer(count: values))
      case .bfloat16:
        .factors(
          keys: FactorBuffer(arithmetic, count: keys),
          values: FactorBuffer(arithmetic, count: values))
      }
  }

  /// Activations of another layer whose keys and values are kept too; queries are not, so both
  /// layers take turns with theirs.
  func withOwnKeys() -> LayerActivations {
    LayerActivations(shape: shape, rows: rows, arithmetic: .float32, queries: queries)
  }

  /// float32 keys and values of all rows, where products are float32; nil where they are rounded.
  var plain: (keys: UnsafeMutablePointer<Float>, values: UnsafeMutablePointer<Float>)? {
    guard case .float32(let keys, let values) = keyValues else { return nil }
    return (keys.pointer, values.pointer)
  }

  /// Where to compute the keys and values of rows from `row` on: in place, or in the scratch, from
  /// which `round` takes them.
  func target(
    row: Int, _ scratch: LayerScratch
  ) -> (keys: UnsafeMutablePointer<Float>, values: UnsafeMutablePointer<Float>) {
    guard let plain else { return (scratch.keys.pointer, scratch.values.pointer) }
    return (
      plain.keys + row * shape.keyValueHeads * shape.keyWidth,
      plain.values + row * shape.keyValueHeads * shape.valueWidth
    )
  }

  /// Takes computed rows out of the scratch, where products are not float32.
  func round(row: Int, count: Int, _ scratch: LayerScratch) {
    guard case .factors(let keys, let values) = keyValues else { return }
    for head in 0..<shape.keyValueHeads {
      let first = head * rows + row
      keys.put(
        scratch.keys.pointer + head * shape.keyWidth, stride: shape.keyValueHeads * shape.keyWidth,
        rows: count, width: shape.keyWidth, first: first * shape.keyWidth)
      values.put(
        scratch.values.pointer + head * shape.valueWidth,
        stride: shape.keyValueHeads * shape.valueWidth, rows: count, width: shape.valueWidth,
        first: first * shape.valueWidth)
    }
  }

  /// Keys of one KV head, as factors.
  func keys(head: Int, row: Int, count: Int) -> Factors {
    switch keyValues {
    case .float32(let keys, _):
      let stride = shape.keyValueHeads * shape.keyWidth
      return Factors(
        keys.pointer + row * stride + head * shape.keyWidth, stride: stride, rows: count,
        width: shape.keyWidth)
    case .factors(let keys, _):
      return keys.rows(count, width: shape.keyWidth, first: (head * rows + row) * shape.keyWidth)
    }
  }

  /// Values of one KV head, as factors.
  func values(head: Int, row: Int, count: Int) -> Factors {
    switch keyValues {
    case .float32(_, let values):
      let stride = shape.keyValueHeads * shape.valueWidth
      return Factors(
        values.pointer + row * stride + head * shape.valueWidth, stride: stride, rows: count,
        width: shape.valueWidth)
    case .factors(_, let values):
      return values.rows(
        count, width: shape.valueWidth, first: (head * rows + row) * shape.valueWidth)
    }
  }
}

/// What one thread needs for one unit of rows.
struct LayerScratch: Sendable {
  /// [rows, width]: the normed input of a sublayer.
  let normed: FactorBuffer
  /// [rows, heads * valueWidth]: the heads' outputs.
  let attended: FloatBuffer
  /// Rows on their way into a product that are not in its form yet.
  let factors: FactorBuffer
  /// [rows, width]: what a sublayer adds to the residual stream.
  let update: FloatBuffer
  /// [rows, feedForward], twice, and what the activation makes of them.
  let gate: FloatBuffer
  let up: FloatBuffer
  let activated: FactorBuffer
  /// [rows, latentRank + rotary dims] and the keys' still dims of all heads, for latent attention.
  let latent: FloatBuffer
  let stillKeys: FloatBuffer
  let queryDown: FloatBuffer
  /// Keys and values of the unit before they are rounded.
  let keys: FloatBuffer
  let values: FloatBuffer
  let attention: AttentionScratch

  init(shape: ModelShape, latentWidth: Int, rows: Int, arithmetic: Arithmetic = .float32) {
    let rounds = arithmetic != .float32
    func rounded(_ count: Int) -> Int { rounds ? count : 1 }
    normed = FactorBuffer(arithmetic, count: rows * shape.width)
    attended = FloatBuffer(count: rows * shape.heads * shape.valueWidth)
    factors = FactorBuffer(
      arithmetic,
      count: max(
        rounded(rows * max(shape.heads * shape.valueWidth, shape.width)),
        rows * max(shape.queryRank, shape.latentRank), 1))
    update = FloatBuffer(count: rows * shape.width)
    gate = FloatBuffer(count: rows * shape.feedForward)
    up = FloatBuffer(count: rows * shape.feedForward)
    activated = FactorBuffer(arithmetic, count: rows * shape.feedForward, sharing: up)
    latent = FloatBuffer(count: max(rows * latentWidth, 1))
    stillKeys = FloatBuffer(count: latentWidth == 0 ? 1 : rows * shape.heads * shape.keyWidth)
    queryDown = FloatBuffer(count: max(rows * shape.queryRank, 1))
    keys = FloatBuffer(count: rounded(rows * shape.keyValueHeads * shape.keyWidth))
    values = FloatBuffer(count: rounded(rows * shape.keyValueHeads * shape.valueWidth))
    attention = AttentionScratch(shape: shape, arithmetic: arithmetic)
  }
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
