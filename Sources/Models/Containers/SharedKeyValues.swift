import Checkpoints

/// Layers that use the keys and values of earlier ones, and what else such layers differ in.
enum SharedKeyValues {
  /// Channels of the dense networks, which layers with others' keys and values may have twice of.
  static let feedForward = PlainHyperparameter(
    parameter: .feedForward,
    read: { parameters, shape in
      let stated = try LayerSizes.read(.feedForward, parameters, windows: shape.windows)
      let width = shape.width
      shape.feedForward = stated ?? shape.windows.map { _ in 4 * width }
      guard parameters.side == .huggingface, parameters.flag(.sharedFeedForwardDoubled) == true
      else { return }
      for layer in try shared(parameters, layers: shape.layers) { shape.feedForward[layer] *= 2 }
    },
    value: { shape, _ in .ofLayers(shape.feedForward) })

  /// The last layers, as many as files state.
  private static func shared(_ parameters: Hyperparameters, layers: Int) throws -> Range<Int> {
    let count = try parameters.optionalInteger(.sharedKeyValueLayers, minimum: 0) ?? 0
    guard count < layers else {
      throw parameters.failure(
        .sharedKeyValueLayers, "is \(count) of \(layers) layers, which leaves none with keys")
    }
    return (layers - count)..<layers
  }

  /// For each layer the one whose keys and values it uses; nil: its own. It is the last of those
  /// that have some and see as far.
  static func sources(_ parameters: Hyperparameters, windows: [Int]) throws -> [Int?] {
    let shared = try shared(parameters, layers: windows.count)
    return try windows.indices.map { layer in
      guard shared.contains(layer) else { return nil }
      let own = 0..<shared.lowerBound
      guard let source = own.last(where: { windows[$0] == windows[layer] }) else {
        throw parameters.failure(
          .sharedKeyValueLayers,
          "is \(shared.count), but no layer with keys of its own sees as far as layer \(layer)")
      }
      return source
    }
  }

  /// Whether each layer's values are what its key matrix gives: of a family without value matrices
  /// always; of others config.json says so of all layers without a window, in GGUF such layers have no
  /// value matrix.
  static func valuesAreKeys(
    _ parameters: Hyperparameters, _ shape: StatedShape
  ) -> [Bool] {
    let architecture = parameters.architecture
    if architecture.block.attention == .grouped, architecture.weights[.value] == nil {
      return shape.windows.map { _ in true }
    }
    guard architecture.hyperparameters[.valueFromKey] != nil else {
      return shape.windows.map { _ in false }
    }
    return shape.windows.enumerated().map { layer, window in
      guard shape.keyValueSources[layer] == nil else { return false }
      return parameters.side == .gguf
        ? !parameters.hasTensor(.value, layer: layer)
        : window == 0 && parameters.flag(.valueFromKey) == true
    }
  }

  // MARK: - Writing

  static func write(
    _ shape: StatedShape, of plan: ModelPlan, to fields: inout some StatedFields, container: String
  ) throws {
    let side = type(of: fields).side
    let isShared = shape.keyValueSources.map { $0 != nil }
    let count = isShared.count { $0 }
    func refuse(_ what: String) -> ModelError {
      .notRepresentable(file: plan.checkpoint.path, what: what, container: container)
    }
    fields.set(.sharedKeyValueLayers, .whole(count))
    // The ecosystem's reader takes the last layer for those that see everything, the one before it
    // for the others.
    if side == .gguf, count > 0 {
      for (layer, source) in shape.keyValueSources.enumerated() {
        guard let source else { continue }
        let assumed = shape.layers - count - (shape.windows[layer] > 0 ? 2 : 1)
        guard source != assumed else { continue }
        throw refuse(
          "layer \(layer) with the keys and values of layer \(source) (readers of"
            + " \(plan.architecture.name) take those of layer \(assumed))")
      }
    }
    guard side == .huggingface else { return }
    if plan.architecture.key(of: .valueFromKey, on: side) != nil {
      let expected = zip(shape.windows, isShared).map { $0 == 0 && !$1 }
      let isNone = !shape.valuesAreKeys.contains(true)
      guard isNone || shape.valuesAreKeys == expected else {
        throw refuse("a model in which some layers without a window have a value matrix")
      }
      fields.set(.valueFromKey, .flag(!isNone))
    }
    guard plan.architecture.key(of: .sharedFeedForwardDoubled, on: side) != nil,
      let usual = zip(shape.feedForward, isShared).first(where: { !$1 })?.0
    else { return }
    let doubled = zip(shape.feedForward, isShared).contains { $1 && $0 != usual }
    guard zip(shape.feedForward, isShared).allSatisfy({ $0 == (doubled && $1 ? 2 : 1) * usual })
    else { throw refuse("layers that differ in the width of their feed-forward networks") }
    fields.set(.feedForward, .whole(usual))
    fields.set(.sharedFeedForwardDoubled, .flag(doubled))
  }
}
