import Models
import Tensors

/// A norm of rows with its weights, which it does not own.
struct Norm {
  private let recipe: NormRecipe
  /// Elements of a row.
  private let width: Int
  private let gain: UnsafePointer<Float>?
  private let bias: UnsafePointer<Float>?

  /// - Parameters:
  ///   - recipe: its kind and epsilon.
  ///   - width: elements of a row.
  ///   - gain: multiplies each element; nil: 1.
  ///   - bias: what is added to each element then; RMS norms have none and do not read it.
  init(
    _ recipe: NormRecipe, width: Int, gain: UnsafePointer<Float>?, bias: UnsafePointer<Float>?
  ) {
    self.recipe = recipe
    self.width = width
    self.gain = gain
    self.bias = bias
  }

  private var epsilon: Float { Float(recipe.epsilon) }

  /// Norms `x`, [rows, width] without gaps, into factors from the element `first` on.
  @discardableResult
  func apply(
    _ x: UnsafePointer<Float>, rows: Int, to factors: FactorBuffer, first: Int = 0
  ) -> Factors {
    switch recipe.kind {
    case .rms:
      Kernels.rmsNorm(
        x, xStride: width, rows: rows, width: width, gain: gain, epsilon: epsilon, to: factors,
        first: first)
    case .layer:
      Kernels.layerNorm(
        x, xStride: width, rows: rows, width: width, gain: gain, bias: bias, epsilon: epsilon,
        to: factors, first: first)
    }
  }

  /// Norms `x`, [rows, width] without gaps, into float32 rows of the same shape.
  func apply(_ x: UnsafePointer<Float>, rows: Int, to y: UnsafeMutablePointer<Float>) {
    switch recipe.kind {
    case .rms:
      Kernels.rmsNorm(
        x, xStride: width, rows: rows, width: width, gain: gain, epsilon: epsilon, to: y,
        yStride: width)
    case .layer:
      Kernels.layerNorm(
        x, xStride: width, rows: rows, width: width, gain: gain, bias: bias, epsilon: epsilon,
        to: y, yStride: width)
    }
  }
}
