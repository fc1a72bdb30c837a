import Models
import Tensors

/// What one thread needs for a block of tokens of a delta rule's key head and its value heads.
struct DeltaRuleTile: Sendable {
  /// Tokens of a block: the products within one grow with its length, those with the matrix shrink.
  static let rows = 64

  /// Rows before the convolution, those before the block among them: of queries, keys and values.
  let window: FloatBuffer
  /// [rows, keyWidth]
  let queries: FloatBuffer
  let keys: FloatBuffer
  /// [rows, valueWidth]: values, then what is to be written for each key.
  let values: FloatBuffer
  /// [rows, valueWidth]: what the matrix gave before the block.
  let recalled: FloatBuffer
  /// [rows, keyWidth]: keys that fade to the block's end.
  let faded: FloatBuffer
  /// [rows, rows]: products of keys with keys, of queries with keys, and those with their decay.
  let keyProducts: FloatBuffer
  let queryProducts: FloatBuffer
  let weights: FloatBuffer
  /// [rows]: the logarithm of what the block has kept up to a token.
  let decay: DoubleBuffer

  init(_ capacity: LayerCapacity) {
    let rows = capacity.ruleHeads > 0 ? Self.rows : 0
    func buffer(_ count: Int) -> FloatBuffer { FloatBuffer(count: count) }
    let width = max(capacity.ruleKeyWidth, capacity.ruleValueWidth)
    window = buffer((rows + capacity.ruleKernel) * width)
    queries = buffer(rows * capacity.ruleKeyWidth)
    keys = buffer(rows * capacity.ruleKeyWidth)
    values = buffer(rows * capacity.ruleValueWidth)
    recalled = buffer(rows * capacity.ruleValueWidth)
    faded = buffer(rows * capacity.ruleKeyWidth)
    keyProducts = buffer(rows * rows)
    queryProducts = buffer(rows * rows)
    weights = buffer(rows * rows)
    decay = DoubleBuffer(count: max(rows, 1))
  }
}
