import Models
import Tensors

/// What the tokens themselves give to each layer beside the residual stream (Gemma's per-layer
/// embeddings): rows of a table of the layer's own, and a projection of the embeddings, normed.
///
/// Only the embeddings and the tokens are kept: a layer makes its part when its turn comes.
struct LayerInputs: Sendable {
  private let table: WeightSource
  private let gain: FloatBuffer
  /// The scaled embeddings, [rows, width].
  private let embedded: FloatBuffer
  private let tokens: Int32Buffer
  /// Elements of one layer's input.
  let inputWidth: Int
  private let width: Int
  private let epsilon: Float

  /// Room for the tokens of `rows` rows; nil for a model whose layers have no input of their own.
  /// - Throws: the errors of decoding weights.
  init?(_ plan: ModelPlan, rows: Int) throws {
    guard plan.shape.layerInputWidth > 0, let table = plan.globals[.layerInputEmbedding],
      let norm = plan.globals[.layerInputNormGain]
    else { return nil }
    self.table = table
    inputWidth = plan.shape.layerInputWidth
    width = plan.shape.width
    epsilon = Float(plan.shape.outputNorm.epsilon)
    gain = FloatBuffer(count: norm.count)
    try norm.decode(to: gain.pointer)
    embedded = FloatBuffer(count: rows * width)
    tokens = Int32Buffer(count: rows)
  }

  /// Bytes that a row takes.
  static func bytesPerRow(_ plan: ModelPlan) -> Int {
    plan.shape.layerInputWidth > 0 ? 4 * (plan.shape.width + 1) : 0
  }

  /// Takes the embeddings of `added` tokens as those of rows from `row` on.
  func put(_ added: [Int32], _ embeddings: UnsafePointer<Float>, row: Int) {
    (embedded.pointer + row * width).update(from: embeddings, count: added.count * width)
    for (index, token) in added.enumerated() { tokens.pointer[row + index] = token }
  }

  /// Takes a row of other inputs as one of its own.
  func copy(_ other: LayerInputs, row: Int, to target: Int) {
    (embedded.pointer + target * width).update(
      from: other.embedded.pointer + row * width, count: width)
    tokens.pointer[target] = other.tokens.pointer[row]
  }

  /// The embeddings of rows.
  func embeddings(row: Int, count: Int) -> UnsafePointer<Float> {
    UnsafePointer(embedded.pointer + row * width)
  }

  /// Makes a layer's input of the projected embeddings, in place.
  /// - Parameters:
  ///   - projected: what the layer's projection gave for the rows, [count, inputWidth].
  ///   - layer: its number.
  ///   - row: the first row.
  ///   - count: how many.
  /// - Throws: the errors of decoding weights.
  func complete(_ projected: UnsafeMutablePointer<Float>, layer: Int, row: Int, count: Int) throws {
    let size = inputWidth
    Kernels.scale(projected, by: Float(1 / Double(width).squareRoot()), count: count * size)
    Kernels.rmsNorm(
      projected, xStride: size, rows: count, width: size, gain: gain.pointer, epsilon: epsilon,
      to: projected, yStride: size)
    let own = FloatBuffer(count: size)
    for index in 0..<count {
      let first = Int(tokens.pointer[row + index]) * table.columns + layer * size
      try table.decode(elements: first..<(first + size), to: own.pointer)
      Kernels.scale(own.pointer, by: Float(Double(size).squareRoot()), count: size)
      Kernels.add(own.pointer, to: projected + index * size, count: size)
    }
    Kernels.scale(projected, by: Float(0.5.squareRoot()), count: count * size)
  }
}
