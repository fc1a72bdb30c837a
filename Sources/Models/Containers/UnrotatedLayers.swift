import Base
import Checkpoints

/// Which layers rotate queries and keys; the others know no positions, and no variant gives them any.
enum UnrotatedLayers {
  /// Whether each layer rotates.
  static func read(_ parameters: Hyperparameters, windows: [Int]) throws -> [Bool] {
    guard rotates(parameters) else { return windows.map { _ in false } }
    if let stated = parameters.value(.rotatedLayers) {
      guard let list = stated.array else {
        throw parameters.failure(.rotatedLayers, "is not a list")
      }
      try parameters.check(.rotatedLayers, list, hasOneFor: windows.count)
      return try parameters.switches(.rotatedLayers, list)
    }
    let block = parameters.architecture.block
    let width = try SlidingWindows.width(parameters)
    if block.rotation == .windowed, width == 0 {
      throw parameters.failure(.window, "is missing: only layers with a window rotate")
    }
    return assumed(
      block, windows: windows, hasWindow: width > 0,
      every: try parameters.optionalInteger(.unrotatedEvery, minimum: 0) ?? 0)
  }

  /// What config.json calls rotation, in a text that names how a model knows positions.
  private static let rotary = "rope"

  /// Whether any layer rotates. A GGUF file has a truth value, config.json a text, of which a null or
  /// any other than the rotation's name means that none does.
  private static func rotates(_ parameters: Hyperparameters) -> Bool {
    switch parameters.side {
    case .gguf: return parameters.flag(.rotates) ?? true
    case .huggingface:
      guard !parameters.isDenied(.rotates) else { return false }
      return parameters.value(.rotates).map { $0.string == rotary } ?? true
    }
  }

  /// The layers of a model that states no list.
  private static func assumed(
    _ block: BlockRecipe, windows: [Int], hasWindow: Bool, every: Int
  ) -> [Bool] {
    switch block.rotation {
    case .everywhere: windows.indices.map { every == 0 || ($0 + 1) % every != 0 }
    case .windowed: windows.map { $0 > 0 }
    case .windowedOrAll: windows.map { $0 > 0 || !hasWindow }
    }
  }

  /// States the layers where there is a key for a list.
  /// - Throws: `ModelError.notRepresentable` where there is none and readers take other layers.
  static func write(
    _ shape: StatedShape, of plan: ModelPlan, to fields: inout some StatedFields, container: String
  ) throws {
    guard fields.architecture.key(of: .rotatedLayers, on: type(of: fields).side) == nil else {
      fields.set(.rotatedLayers, .wholes(shape.rotates.map { $0 ? 1 : 0 }))
      return
    }
    let assumed = assumed(
      plan.architecture.block, windows: shape.windows,
      hasWindow: shape.windows.contains { $0 > 0 },
      every: plan.architecture.hyperparameters[.unrotatedEvery]?.fallback?.int ?? 0)
    guard assumed != shape.rotates, plan.architecture.block.positions == .rotary else { return }
    if type(of: fields).side == .gguf, !shape.rotates.contains(true),
      plan.architecture.key(of: .rotates, on: .gguf) != nil
    {
      fields.set(.rotates, .flag(false))
      return
    }
    throw ModelError.notRepresentable(
      file: plan.checkpoint.path,
      what: "a model \(list(shape.rotates)) (readers of \(plan.architecture.name) take one"
        + " \(list(assumed)))",
      container: container)
  }

  private static func list(_ rotates: [Bool]) -> String {
    let still = rotates.indices.filter { !rotates[$0] }.map(String.init)
    return still.isEmpty
      ? "that rotates in every layer"
      : "without rotation in layer\(still.count == 1 ? "" : "s") \(still.joined(separator: ", "))"
  }
}
