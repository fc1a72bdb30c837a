import CKernels

/// The non-linear function of a feed-forward network.
package enum Activation: String, Sendable, CaseIterable {
  /// x / (1 + e^-x)
  case silu
  /// GELU by its tanh approximation (arXiv:1606.08415).
  case geluTanh = "gelu_tanh"
  /// x Phi(x)
  case gelu
  case relu
  /// relu(x)^2
  case reluSquared = "relu_squared"

  var code: Int32 {
    switch self {
    case .silu: Int32(RC_SILU)
    case .geluTanh: Int32(RC_GELU_TANH)
    case .gelu: Int32(RC_GELU)
    case .relu: Int32(RC_RELU)
    case .reluSquared: Int32(RC_RELU_SQUARED)
    }
  }
}
