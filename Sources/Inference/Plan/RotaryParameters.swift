import Architectures
import Checkpoints
import Rotary
import Tensors

/// Reads a checkpoint's rotary facts: dims, bases, scaling, and the sites and value table of a
/// converted file.
struct RotaryParameters {
  let parameters: Hyperparameters

  private var checkpoint: Checkpoint { parameters.checkpoint }
  private var file: String { parameters.checkpoint.path }

  /// Rotated dims of a head; a model with learned positions counts the whole head, for variants.
  func dimensions() throws -> Int {
    if let stated = try parameters.optionalInteger(.rotaryDimensions, minimum: 0), stated > 0 {
      return stated
    }
    let heads = try parameters.integer(.heads)
    let width = try parameters.optionalInteger(.keyWidth) ?? parameters.integer(.width) / heads
    let stated = scope(ofWindowed: false)["partial_rotary_factor"]?.double
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

  /// The `rope_parameters` (transformers 5, by layer type where nested) or `rope_scaling`
  /// (transformers 4) that apply to windowed or to global layers.
  private func scope(ofWindowed windowed: Bool) -> JSONValue {
    let empty = JSONValue.object([:])
    guard parameters.side == .huggingface, let configuration = checkpoint.configuration else {
      return empty
    }
    if let stated = configuration["rope_parameters"], stated != .null {
      let nested = stated[windowed ? "sliding_attention" : "full_attention"]
      if let nested { return nested }
      // A nested object without an entry for this kind of layer says nothing about it.
      if stated["full_attention"] != nil || stated["sliding_attention"] != nil { return empty }
      return stated
    }
    if windowed { return empty }
    guard let scaling = configuration["rope_scaling"], scaling != .null else { return empty }
    return scaling
  }

  private func base(_ parameter: Hyperparameter, windowed: Bool) throws -> Double {
    if let stated = scope(ofWindowed: windowed)["rope_theta"] {
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
        scope: scope(ofWindowed: windowed), parameters: parameters, context: shape.context
      ).scaling()
    case .gguf: windowed ? .none : try ggufScaling(shape: shape)
    }
  }

  private func metadata(_ key: String) -> MetadataValue? {
    checkpoint.metadata[parameters.ggufKey(key)]
  }

  /// - Throws: `ModelError.hyperparameter` for a key that holds something else.
  private func number(_ key: String) throws -> Double? {
    let key = parameters.ggufKey(key)
    guard let stated = checkpoint.metadata[key] else { return nil }
    guard let number = stated.double, number.isFinite else {
      throw ModelError.hyperparameter(file: file, key: key, problem: "is not a finite number")
    }
    return number
  }

  private func ggufScaling(shape: ModelShape) throws -> FrequencyScaling {
    if let factors = try vector(.rotaryFactors) { return .factors(factors) }
    // 0 stands for the model's context, as in llama.cpp.
    let original = metadata("rope.scaling.original_context_length")?.int.flatMap {
      $0 > 0 ? $0 : nil
    }
    if let long = try vector(.rotaryFactorsLong), let short = try vector(.rotaryFactorsShort) {
      let original = original ?? shape.context
      return .longRoPE(
        .init(
          short: short, long: long, originalContext: original,
          magnitude: try number("rope.scaling.attn_factor")
            ?? FrequencyScaling.LongRoPE.magnitude(context: shape.context, original: original)))
    }
    let own = checkpoint.metadata["ropeconv.rope.scaling.type"]?.string
    let type = own ?? metadata("rope.scaling.type")?.string ?? "none"
    let factor =
      try number("ropeconv.rope.scaling.factor") ?? number("rope.scaling.factor")
      ?? number("rope.scale_linear")
    switch type {
    case "none": return .none
    case "linear": return factor.map { .linear(factor: $0) } ?? .none
    case "dynamic":
      return .dynamic(
        factor: try required(factor, "rope.scaling.factor"),
        originalContext: original ?? shape.context)
    case "yarn":
      var yarn = FrequencyScaling.YaRN(
        factor: try required(factor, "rope.scaling.factor"),
        originalContext: original ?? shape.context)
      yarn.betaFast = try number("rope.scaling.yarn_beta_fast") ?? yarn.betaFast
      yarn.betaSlow = try number("rope.scaling.yarn_beta_slow") ?? yarn.betaSlow
      yarn.attentionFactor = try number("rope.scaling.yarn_attn_factor")
      if let multiplier = try number("rope.scaling.yarn_log_multiplier") {
        yarn.mscaleAllDims = multiplier / 0.1
        yarn.mscale = multiplier / 0.1
      }
      return .yarn(yarn)
    default:
      throw ModelError.unsupportedValue(
        file: file, key: parameters.ggufKey("rope.scaling.type"), found: "'\(type)'",
        accepted: ["none", "linear", "yarn", "longrope with its factor tensors"])
    }
  }

  private func required(_ factor: Double?, _ key: String) throws -> Double {
    guard let factor, factor.isFinite, factor > 0 else {
      throw ModelError.hyperparameter(
        file: file, key: parameters.ggufKey(key), problem: "is missing or not a positive number")
    }
    return factor
  }

  private func vector(_ role: Role) throws -> [Float]? {
    guard let name = parameters.architecture.weights[role]?.names[parameters.side]?.tensor,
      let tensor = checkpoint.tensors[name]
    else { return nil }
    return try tensor.decoded()
  }
}
