import Architectures
import Tensors

/// One layer's weights, decoded to float32 and ready for products: made when the layer's turn
/// comes, dropped after it.
public final class LayerWeights: Sendable {
  private let matrices: [Role: PreparedMatrix]
  private let vectors: [Role: FloatBuffer]

  /// Decodes the weights of a layer.
  public init(_ sources: [Role: WeightSource], threads: Int) throws {
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

  private init(matrices: [Role: PreparedMatrix], vectors: [Role: FloatBuffer]) {
    self.matrices = matrices
    self.vectors = vectors
  }

  /// The same weights with others, row-major [rows, columns], in the place of some.
  public func replacing(_ weights: [Role: DoubleMatrix]) -> LayerWeights {
    var (matrices, vectors) = (matrices, vectors)
    for (role, weight) in weights {
      let buffer = FloatBuffer(count: max(weight.values.count, 1))
      for (index, value) in weight.values.enumerated() { buffer.pointer[index] = Float(value) }
      if role.isVector {
        vectors[role] = buffer
      } else {
        matrices[role] = PreparedMatrix(buffer, outputs: weight.rows, inputs: weight.columns)
      }
    }
    return LayerWeights(matrices: matrices, vectors: vectors)
  }

  public func vector(_ role: Role) -> UnsafePointer<Float>? {
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
