import Architectures
import Checkpoints
import Rotary

/// Reads the frequency scaling that a config.json states, in the spelling of transformers 4
/// (`rope_scaling`, `type` or `rope_type`) or 5 (`rope_parameters`).
struct HuggingFaceScaling {
  let scope: JSONValue
  let parameters: Hyperparameters
  let context: Int

  private func failure(_ key: String, _ problem: String) -> ModelError {
    .hyperparameter(file: parameters.checkpoint.path, key: "rope_scaling.\(key)", problem: problem)
  }

  private func number(_ key: String) throws -> Double? {
    guard let stated = scope[key], stated != .null else { return nil }
    guard let number = stated.double, Float(number).isFinite else {
      throw failure(key, "is not a finite number")
    }
    return number
  }

  private func factor() throws -> Double {
    guard let factor = try number("factor") else { throw failure("factor", "is missing") }
    guard Float(factor) > 0 else {
      throw failure("factor", "is \(factor), expected a positive number")
    }
    return factor
  }

  /// The context before stretching: stated here, at the top level, or the model's context.
  private func originalContext() throws -> Int {
    let stated =
      scope["original_max_position_embeddings"]?.int
      ?? parameters.checkpoint.configuration?["original_max_position_embeddings"]?.int
    guard let original = stated else { return context }
    guard original > 0 else {
      throw failure("original_max_position_embeddings", "is \(original), expected at least 1")
    }
    return original
  }

  private func factors(_ key: String) throws -> [Float] {
    guard let list = scope[key]?.array else { throw failure(key, "is missing") }
    return try list.map {
      guard let number = $0.double else { throw failure(key, "holds something not a number") }
      return Float(number)
    }
  }

  func scaling() throws -> FrequencyScaling {
    let type = scope["rope_type"]?.string ?? scope["type"]?.string ?? "default"
    switch type {
    case "default", "none": return .none
    case "linear": return .linear(factor: try factor())
    case "dynamic":
      return .dynamic(factor: try factor(), originalContext: context)
    case "yarn":
      var yarn = FrequencyScaling.YaRN(
        factor: try factor(), originalContext: try originalContext())
      yarn.betaFast = try number("beta_fast") ?? yarn.betaFast
      yarn.betaSlow = try number("beta_slow") ?? yarn.betaSlow
      yarn.attentionFactor = try number("attention_factor")
      yarn.mscale = try number("mscale")
      yarn.mscaleAllDims = try number("mscale_all_dim")
      yarn.truncates = scope["truncate"]?.bool ?? true
      return .yarn(yarn)
    case "llama3":
      let low = try number("low_freq_factor") ?? 1
      let high = try number("high_freq_factor") ?? 4
      guard high > low else { throw failure("high_freq_factor", "is not above low_freq_factor") }
      return .llama3(
        factor: try factor(), lowFactor: low, highFactor: high,
        originalContext: try originalContext())
    case "longrope", "su":
      let original = try originalContext()
      let stretch = try number("factor") ?? Double(context) / Double(original)
      let magnitude = FrequencyScaling.LongRoPE.magnitude(
        context: Int(stretch * Double(original)), original: original)
      return .longRoPE(
        .init(
          short: try factors("short_factor"), long: try factors("long_factor"),
          originalContext: original, magnitude: try number("attention_factor") ?? magnitude))
    default:
      throw ModelError.unsupportedValue(
        file: parameters.checkpoint.path, key: "rope_type", found: "'\(type)'",
        accepted: ["default", "linear", "dynamic", "yarn", "llama3", "longrope"])
    }
  }
}
