import Checkpoints
import Rotary

/// Reads the frequency scaling that a config.json states, in the spelling of transformers 4
/// (`rope_scaling`, `type` or `rope_type`) or 5 (`rope_parameters`).
struct HuggingFaceScaling {
  let scope: HuggingFaceRotaryScope
  let parameters: Hyperparameters
  let context: Int
  /// Rotary pairs of a head: what a list of factors must match.
  let pairs: Int

  private func failure(_ key: String, _ problem: String) -> ModelError {
    .hyperparameter(
      file: parameters.checkpoint.path, key: "\(scope.name).\(key)", problem: problem)
  }

  private func number(_ key: String) throws -> Double? {
    guard let stated = scope[key], stated != .null else { return nil }
    guard let number = stated.double, Float(number).isFinite else {
      throw failure(key, "is not a finite number")
    }
    return number
  }

  /// Positive in float32 too, which GGUF keeps it in.
  private func positive(_ key: String) throws -> Double? {
    guard let number = try number(key) else { return nil }
    guard Float(number) > 0 else {
      throw failure(key, "is \(number), expected a positive number")
    }
    return number
  }

  private func factor() throws -> Double {
    guard let factor = try positive("factor") else { throw failure("factor", "is missing") }
    return factor
  }

  /// The context before stretching: stated at the top level (Phi 3), which the reference takes
  /// first, or here, or else the model's context.
  private func originalContext() throws -> Int {
    let key = "original_max_position_embeddings"
    let top = parameters.checkpoint.configuration?[key]
    let found = (scope.isNested ? [scope[key]] : [top, scope[key]]).lazy.compactMap { $0 }.first {
      $0 != .null
    }
    guard let found else { return context }
    guard let original = found.int else {
      throw failure(key, "is \(found.serialized(pretty: false)), expected a whole number")
    }
    guard original > 0 else {
      throw failure(key, "is \(original), expected at least 1")
    }
    return original
  }

  private func factors(_ key: String) throws -> [Float] {
    guard let list = scope[key]?.array else { throw failure(key, "is missing") }
    guard list.count == pairs else {
      throw failure(key, "has \(list.count) factors, expected \(pairs), one per rotary pair")
    }
    return try list.enumerated().map { index, value in
      guard let number = value.double, Float(number).isFinite, Float(number) > 0 else {
        throw failure(
          key,
          "holds \(value.serialized(pretty: false)) at index \(index), expected positive numbers")
      }
      return Float(number)
    }
  }

  func scaling() throws -> FrequencyScaling {
    let named = [scope["rope_type"], scope["type"]].lazy.compactMap { $0 }.first { $0 != .null }
    guard let type = named == nil ? "default" : named?.string else {
      throw failure("rope_type", "is not a string")
    }
    switch type {
    case "default", "none": return .none
    case "linear": return .linear(factor: try factor())
    case "dynamic":
      return .dynamic(factor: try factor(), originalContext: context)
    case "yarn":
      var yarn = FrequencyScaling.YaRN(
        factor: try factor(), originalContext: try originalContext())
      yarn.betaFast = try positive("beta_fast") ?? yarn.betaFast
      yarn.betaSlow = try positive("beta_slow") ?? yarn.betaSlow
      yarn.attentionFactor = try positive("attention_factor")
      yarn.mscale = try number("mscale")
      yarn.mscaleAllDims = try number("mscale_all_dim")
      yarn.truncates = scope["truncate"]?.bool ?? true
      guard yarn.magnitude.isFinite, yarn.magnitude > 0 else {
        throw failure("mscale", "makes a magnitude of \(yarn.magnitude), expected a positive one")
      }
      return .yarn(yarn)
    case "llama3":
      let low = try positive("low_freq_factor") ?? 1
      let high = try positive("high_freq_factor") ?? 4
      guard high > low else { throw failure("high_freq_factor", "is not above low_freq_factor") }
      return .llama3(
        factor: try factor(), lowFactor: low, highFactor: high,
        originalContext: try originalContext())
    case "longrope", "su":
      let original = try originalContext()
      let stretch = try positive("factor") ?? Double(context) / Double(original)
      let magnitude = FrequencyScaling.LongRoPE.magnitude(
        context: Int(stretch * Double(original)), original: original)
      return .longRoPE(
        .init(
          short: try factors("short_factor"), long: try factors("long_factor"),
          originalContext: original, magnitude: try positive("attention_factor") ?? magnitude))
    default:
      throw ModelError.unsupportedValue(
        file: parameters.checkpoint.path, key: "rope_type", found: "'\(type)'",
        accepted: ["default", "linear", "dynamic", "yarn", "llama3", "longrope"])
    }
  }
}
