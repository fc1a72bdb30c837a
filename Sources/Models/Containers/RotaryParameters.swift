import Checkpoints
import Rotary
import Tensors

/// Reads a checkpoint's rotary facts: dims, bases, scaling, and the sites and value table of a
/// converted file.
struct RotaryParameters {
  let parameters: Hyperparameters

  /// Rotated dims of a head; a model with learned positions counts the whole head, for variants.
  func dimensions() throws -> Int {
    if let stated = try parameters.optionalInteger(.rotaryDimensions, minimum: 0), stated > 0 {
      return stated
    }
    let heads = try parameters.integer(.heads)
    let width = try parameters.optionalInteger(.keyWidth) ?? parameters.integer(.width) / heads
    let stated = try scope(ofWindowed: false)["partial_rotary_factor"]?.double
    let fraction = try stated ?? parameters.optionalNumber(.rotaryFraction) ?? 1
    guard fraction > 0, fraction <= 1 else {
      throw parameters.failure(.rotaryFraction, "is \(fraction), expected a number in (0, 1]")
    }
    return Int(Double(width) * fraction)
  }

  /// The rotation of queries and keys, checked against the head's width.
  func score(shape: ModelShape, dimensions: Int) throws -> ScoreRotation {
    guard dimensions >= 2, dimensions % 2 == 0, dimensions <= shape.keyWidth else {
      throw parameters.failure(
        .rotaryDimensions,
        "is \(dimensions), expected an even number from 2 to the head width \(shape.keyWidth)")
    }
    let layout = parameters.architecture.pairLayouts[parameters.side] ?? .half
    var sets = [
      RotarySet(
        base: try base(.rotaryBase, windowed: false),
        scaling: try scaling(windowed: false, dimensions: dimensions, shape: shape))
    ]
    var setOfLayer = [Int](repeating: 0, count: shape.layers)
    if parameters.architecture.hyperparameters[.rotaryBaseLocal] != nil {
      sets.append(
        RotarySet(
          base: try base(.rotaryBaseLocal, windowed: true),
          scaling: try scaling(windowed: true, dimensions: dimensions, shape: shape)))
      setOfLayer = shape.windows.map { $0 > 0 ? 1 : 0 }
    }
    return ScoreRotation(
      dimensions: dimensions,
      offset: parameters.architecture.block.attention == .latent ? shape.keyWidth - dimensions : 0,
      layout: layout, sets: sets, setOfLayer: setOfLayer)
  }

  /// What config.json says of windowed or of global layers; nothing for a GGUF file.
  private func scope(ofWindowed windowed: Bool) throws -> HuggingFaceRotaryScope {
    guard parameters.side == .huggingface else { return .empty }
    return try HuggingFaceRotaryScope(
      parameters, windowed: windowed,
      hasLocalBase: parameters.architecture.hyperparameters[.rotaryBaseLocal] != nil)
  }

  private func base(_ parameter: Hyperparameter, windowed: Bool) throws -> Double {
    if let stated = try scope(ofWindowed: windowed)["rope_theta"] {
      guard let base = stated.double, Float(base).isFinite, Float(base) > 0 else {
        throw parameters.failure(parameter, "is not a positive finite number")
      }
      return base
    }
    return try parameters.positive(parameter, default: 10_000)
  }

  private func scaling(
    windowed: Bool, dimensions: Int, shape: ModelShape
  ) throws -> FrequencyScaling {
    switch parameters.side {
    case .huggingface:
      try HuggingFaceScaling(
        scope: scope(ofWindowed: windowed), parameters: parameters, context: shape.context,
        pairs: dimensions / 2
      ).scaling()
    case .gguf:
      windowed
        ? .none
        : try GGUFScaling(parameters: parameters, context: shape.context, pairs: dimensions / 2)
          .scaling()
    }
  }
}
