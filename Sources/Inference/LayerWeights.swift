import Architectures
import Tensors

/// One layer's weights, decoded to float32 and ready for products: made when the layer's turn
/// comes, dropped after it.
final class LayerWeights: Sendable {
  private let matrices: [Role: PreparedMatrix]
  private let vectors: [Role: FloatBuffer]

  init(_ sources: [Role: WeightSource], threads: Int) throws {
    var matrices: [Role: PreparedMatrix] = [:]
    var vectors: [Role: FloatBuffer] = [:]
    for (role, source) in sources {
      let buffer = FloatBuffer(count: max(source.count, 1))
      try source.decode(to: buffer.pointer, threads: threads)
      if role.isVector {
        vectors[role] = buffer
      } else {
        matrices[role] = PreparedMatrix(buffer, outputs: source.rows, inputs: source.columns)
      }
    }
    self.matrices = matrices
    self.vectors = vectors
  }

  func matrix(_ role: Role) -> PreparedMatrix? { matrices[role] }

  func vector(_ role: Role) -> UnsafePointer<Float>? {
    vectors[role].map { UnsafePointer($0.pointer) }
  }

  /// `y = x W^T (+ b)`; does nothing where the layer has no such matrix.
  func multiply(
    _ role: Role, bias: Role? = nil, _ x: UnsafePointer<Float>, xStride: Int, rows: Int,
    to y: UnsafeMutablePointer<Float>, yStride: Int
  ) {
    guard let matrix = matrices[role] else { return }
    matrix.multiply(x, xStride: xStride, rows: rows, to: y, yStride: yStride)
    if let bias, let vector = vector(bias) {
      Kernels.addBias(vector, to: y, rows: rows, width: matrix.outputs, stride: yStride)
    }
  }
}
