import Base
import Checkpoints

/// How config.json names the kinds of layers.
enum LayerKind: String, Sendable, CaseIterable {
  case windowed = "sliding_attention"
  case full = "full_attention"
}

/// The width of the sliding window of each layer; 0: the layer sees everything before it.
enum SlidingWindows {
  static func read(_ parameters: Hyperparameters, layers: Int) throws -> [Int] {
    let everywhere = [Int](repeating: 0, count: layers)
    guard parameters.flag(.windowEnabled) ?? true,
      let window = try parameters.optionalInteger(.window, minimum: 0), window > 0
    else { return everywhere }
    if let types = parameters.value(.layerTypes)?.array {
      guard types.count == layers else {
        throw parameters.failure(.layerTypes, "has \(types.count) entries for \(layers) layers")
      }
      return try types.map { type in
        guard let kind = type.string.flatMap(LayerKind.init) else {
          let known = LayerKind.allCases.map(\.rawValue).joined(separator: ", ")
          throw parameters.failure(.layerTypes, "holds an unknown type (known: \(known))")
        }
        return kind == .windowed ? window : 0
      }
    }
    let architecture = parameters.architecture
    if architecture.block.globalEvery == 0, parameters.side == .huggingface,
      architecture.key(of: .windowEnabled, on: .huggingface) != nil
    {
      throw parameters.failure(
        .layerTypes, "is missing, though \(parameters.name(.windowEnabled)) is true")
    }
    return regular(window, layers: layers, of: architecture)
  }

  /// The windows of layers that nothing is said of: every n-th attends globally, or none.
  private static func regular(_ window: Int, layers: Int, of architecture: Architecture) -> [Int] {
    let every = architecture.block.globalEvery
    return (0..<layers).map { every > 0 && ($0 + 1) % every == 0 ? 0 : window }
  }

  private static func types(_ windows: [Int]) -> StatedValue {
    .texts(windows.map { ($0 > 0 ? LayerKind.windowed : .full).rawValue })
  }

  /// - Throws: `ModelError.notRepresentable` where the layers are not those that readers assume and
  ///   the architecture has no key to say so.
  static func write(
    _ windows: [Int], of plan: ModelPlan, to fields: inout GGUFFields
  ) throws {
    let width = windows.max() ?? 0
    guard width > 0 else {
      // Phi 3's loaders tell its variants apart by a window of 0.
      if plan.architecture.hyperparameters[.window]?.isAlwaysWritten == true {
        fields.set(.window, .whole(0))
      }
      return
    }
    fields.set(.window, .whole(width))
    guard windows != regular(width, layers: windows.count, of: plan.architecture) else { return }
    guard plan.architecture.key(of: .layerTypes, on: .gguf) != nil else {
      throw ModelError.notRepresentable(
        file: plan.checkpoint.path, what: "its mixture of windowed and global layers",
        container: "GGUF")
    }
    fields.set(.layerTypes, types(windows))
  }

  static func write(_ windows: [Int], to fields: inout ConfigurationFields) {
    guard let width = windows.max(), width > 0 else { return }
    fields.set(.window, .whole(width))
    fields.set(.windowEnabled, .flag(true))
    fields.set(.layerTypes, types(windows))
  }
}
