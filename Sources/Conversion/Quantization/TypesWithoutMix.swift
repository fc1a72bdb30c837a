import Models
import Tensors

extension TensorAssembly {
  /// The type of a tensor that no mix speaks of.
  func chooseType(_ source: ElementType, role: Role, changed: Bool) -> ElementType {
    if role.holdsWholeNumbers {
      if plan.side == target { return source }
      return target == .gguf ? .i32 : .i64
    }
    if role.isVector || role.isFloat32InGGUF && target == .gguf {
      if plan.side == target, !changed { return source }
      if target == .gguf { return .f32 }
      return source.isFloat ? source : .f32
    }
    if case .type(let type) = type { return type }
    switch target {
    case .gguf:
      if source.isQuantized { return changed ? .f16 : source }
      switch source {
      case .f64: return .f32
      case .f8e4m3, .f8e5m2: return .f16
      default: return source
      }
    case .huggingface:
      return source.isQuantized ? .f16 : source
    }
  }
}
