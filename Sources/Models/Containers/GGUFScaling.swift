import Checkpoints
import Rotary
import Tensors

/// GGUF keys of our own for what the ecosystem's do not tell apart: YaRN's two magnitudes, of which
/// `rope.scaling.yarn_log_multiplier` holds the one of all dims.
package enum GGUFKeys {
  package static let mscale = "ropeconv.rope.scaling.mscale"
  package static let mscaleAllDims = "ropeconv.rope.scaling.mscale_all_dim"
}

/// Reads the frequency scaling that a GGUF file states, by keys or as tensors of divisors.
struct GGUFScaling {
  let parameters: Hyperparameters
  let context: Int
  /// Rotary pairs of a head: what a tensor of divisors must match.
  let pairs: Int

  private var checkpoint: Checkpoint { parameters.checkpoint }

  private func failure(_ key: String, _ problem: String) -> ModelError {
    .hyperparameter(
      file: checkpoint.path, key: parameters.ggufKey(key), problem: problem)
  }

  private func metadata(_ key: String) -> MetadataValue? {
    checkpoint.metadata[parameters.ggufKey(key)]
  }

  /// - Throws: `ModelError.hyperparameter` for a key that holds something else.
  private func number(_ key: String) throws -> Double? {
    guard let stated = metadata(key) else { return nil }
    guard let number = stated.double, number.isFinite else {
      throw failure(key, "is not a finite number")
    }
    return number
  }

  private func positive(_ key: String) throws -> Double? {
    guard let number = try number(key) else { return nil }
    guard number > 0 else { throw failure(key, "is \(number), expected a positive number") }
    return number
  }

  /// The factor of a stretch, by the first of its keys that the file has.
  private func factor() throws -> Double? {
    try positive("ropeconv.rope.scaling.factor") ?? positive("rope.scaling.factor")
      ?? positive("rope.scale_linear")
  }

  private func requiredFactor() throws -> Double {
    guard let factor = try factor() else {
      throw failure("rope.scaling.factor", "is missing")
    }
    return factor
  }

  /// The context before stretching; 0 stands for the model's context, as in llama.cpp.
  private func originalContext() throws -> Int? {
    let key = "rope.scaling.original_context_length"
    guard let stated = metadata(key) else { return nil }
    guard let original = stated.int, original >= 0 else {
      throw failure(key, "is not a whole number of at least 0")
    }
    return original > 0 ? original : nil
  }

  func scaling() throws -> FrequencyScaling {
    if let factors = try divisors(.rotaryFactors) { return .factors(factors) }
    let original = try originalContext()
    if let long = try divisors(.rotaryFactorsLong), let short = try divisors(.rotaryFactorsShort) {
      let original = original ?? context
      return .longRoPE(
        .init(
          short: short, long: long, originalContext: original,
          magnitude: try positive("rope.scaling.attn_factor")
            ?? FrequencyScaling.LongRoPE.magnitude(context: context, original: original)))
    }
    let own = checkpoint.metadata["ropeconv.rope.scaling.type"]?.string
    let type = own ?? metadata("rope.scaling.type")?.string ?? "none"
    switch type {
    case "none": return .none
    case "linear": return try factor().map { .linear(factor: $0) } ?? .none
    case "dynamic":
      return .dynamic(factor: try requiredFactor(), originalContext: original ?? context)
    case "yarn": return .yarn(try yarn(original: original ?? context))
    default:
      throw ModelError.unsupportedValue(
        file: checkpoint.path, key: parameters.ggufKey("rope.scaling.type"), found: "'\(type)'",
        accepted: ["none", "linear", "yarn", "longrope with its factor tensors"])
    }
  }

  private func yarn(original: Int) throws -> FrequencyScaling.YaRN {
    var yarn = FrequencyScaling.YaRN(factor: try requiredFactor(), originalContext: original)
    yarn.betaFast = try positive("rope.scaling.yarn_beta_fast") ?? yarn.betaFast
    yarn.betaSlow = try positive("rope.scaling.yarn_beta_slow") ?? yarn.betaSlow
    yarn.attentionFactor = try positive("rope.scaling.yarn_attn_factor")
    if let multiplier = try number("rope.scaling.yarn_log_multiplier") {
      yarn.mscaleAllDims = multiplier / 0.1
      yarn.mscale = multiplier / 0.1
    }
    let own = (mscale: try number(GGUFKeys.mscale), allDims: try number(GGUFKeys.mscaleAllDims))
    if own.mscale != nil || own.allDims != nil { (yarn.mscale, yarn.mscaleAllDims) = own }
    guard yarn.magnitude.isFinite, yarn.magnitude > 0 else {
      throw failure(
        own.mscale == nil ? "rope.scaling.yarn_log_multiplier" : GGUFKeys.mscale,
        "makes a magnitude of \(yarn.magnitude), expected a positive one")
    }
    return yarn
  }

  /// A tensor of divisors, one per rotary pair; nil where the file has none.
  private func divisors(_ role: Role) throws -> [Float]? {
    guard let name = parameters.architecture.weights[role]?.names[parameters.side]?.tensor,
      let tensor = checkpoint.tensors[name]
    else { return nil }
    let values = try tensor.decoded()
    guard values.count == pairs else {
      throw ModelError.shape(
        file: checkpoint.path, tensor: name, found: tensor.shape, expected: [pairs])
    }
    guard let wrong = values.firstIndex(where: { !($0.isFinite && $0 > 0) }) else { return values }
    throw ModelError.factor(
      file: checkpoint.path, tensor: name, value: Double(values[wrong]), index: wrong)
  }
}
