import Inference
import Models
import Rotary
import Tensors

/// The weights of one layer that absorption changes, in double precision.
struct LayerState {
  /// Dims of a value head.
  private let valueWidth: Int
  /// Matrices as [rows, columns]; vectors as [count, 1].
  var weights: [Role: DoubleMatrix]

  init(_ layer: ModelLayer, roles: Set<Role>, threads: Int) throws {
    valueWidth = layer.recipe.attention?.valueWidth ?? 0
    weights = [:]
    for role in roles {
      guard let source = layer[role] else { continue }
      let buffer = FloatBuffer(count: source.count)
      try source.decode(to: buffer.pointer, threads: threads)
      var matrix = DoubleMatrix(rows: source.rows, columns: source.columns)
      for index in 0..<source.count { matrix.values[index] = Double(buffer.pointer[index]) }
      weights[role] = matrix
    }
  }

  /// The rows of one head (or of any run of rows) of a weight.
  func rows(_ role: Role, from first: Int, count: Int) -> DoubleMatrix? {
    guard let whole = weights[role] else { return nil }
    var part = DoubleMatrix(rows: count, columns: whole.columns)
    let start = first * whole.columns
    part.values = Array(whole.values[start..<(start + count * whole.columns)])
    return part
  }

  mutating func setRows(_ role: Role, from first: Int, to part: DoubleMatrix) {
    let start = first * part.columns
    weights[role]?.values.replaceSubrange(start..<(start + part.values.count), with: part.values)
  }

  /// The transposed columns of one head of the output matrix: [valueWidth, width].
  func outputHead(_ head: Int) -> DoubleMatrix? {
    guard let whole = weights[.attentionOutput] else { return nil }
    var part = DoubleMatrix(rows: valueWidth, columns: whole.rows)
    for row in 0..<whole.rows {
      for dim in 0..<valueWidth {
        part.values[dim * whole.rows + row] =
          whole.values[row * whole.columns + head * valueWidth + dim]
      }
    }
    return part
  }

  mutating func setOutputHead(_ head: Int, to part: DoubleMatrix) {
    guard var whole = weights[.attentionOutput] else { return }
    weights[.attentionOutput] = nil
    for row in 0..<whole.rows {
      for dim in 0..<valueWidth {
        whole.values[row * whole.columns + head * valueWidth + dim] =
          part.values[dim * whole.rows + row]
      }
    }
    weights[.attentionOutput] = whole
  }

  /// Whether every weight is finite.
  func firstNotFinite() -> Role? {
    weights.first { !$0.value.values.allSatisfy(\.isFinite) }?.key
  }
}
