import Base
import Checkpoints
import OrderedCollections
import Rotary

/// The frequency scaling that a config.json states, read in the spelling of transformers 4
/// (`rope_scaling`, `type` or `rope_type`) or 5 (`rope_parameters`).
struct HuggingFaceScaling {
  /// Members of the object that says how layers rotate.
  enum Member: String, CaseIterable {
    case type = "rope_type"
    case olderType = "type"
    case base = "rope_theta"
    case fraction = "partial_rotary_factor"
    case factor
    case originalContext = "original_max_position_embeddings"
    case magnitude = "attention_factor"
    case betaFast = "beta_fast"
    case betaSlow = "beta_slow"
    case mscale
    case mscaleAllDims = "mscale_all_dim"
    case truncates = "truncate"
    case lowFactor = "low_freq_factor"
    case highFactor = "high_freq_factor"
    case shortFactors = "short_factor"
    case longFactors = "long_factor"
    case alpha
  }

  typealias Members = OrderedDictionary<String, JSONValue>

  /// Values of `Member.type`.
  enum Kind: String {
    case plain = "default"
    case linear, dynamic, yarn, llama3, longrope, proportional
    /// Other spellings of `plain` and `longrope`. The several positions of `mrope` are one in a
    /// text.
    case none, mrope, su

    static let documented: [Kind] = [
      .plain, .linear, .dynamic, .yarn, .llama3, .longrope, .proportional,
    ]
  }

  let scope: HuggingFaceRotaryScope
  let parameters: Hyperparameters
  let context: Int
  /// Rotary pairs of a head: what a list of factors must match.
  let pairs: Int
}

// MARK: - Reading

extension HuggingFaceScaling {
  private func failure(_ member: Member, _ problem: String) -> ModelError {
    .hyperparameter(
      file: parameters.checkpoint.path, key: "\(scope.name).\(member.rawValue)", problem: problem)
  }

  private func number(_ member: Member) throws -> Double? {
    guard let stated = scope[member], stated != .null else { return nil }
    guard let number = stated.double, Float(number).isFinite else {
      throw failure(member, "is not a finite number")
    }
    return number
  }

  /// Positive in float32 too, which GGUF keeps it in.
  private func positive(_ member: Member) throws -> Double? {
    guard let number = try number(member) else { return nil }
    guard Float(number) > 0 else {
      throw failure(member, "is \(number), expected a positive number")
    }
    return number
  }

  private func factor() throws -> Double {
    guard let factor = try positive(.factor) else { throw failure(.factor, "is missing") }
    return factor
  }

  /// The context before stretching: stated at the top level (Phi 3), which the reference takes
  /// first, or here, or else the model's context.
  private func originalContext() throws -> Int {
    let member = Member.originalContext
    let top = parameters.checkpoint.configuration?[member.rawValue]
    let stated = scope.isNested ? [scope[member]] : [top, scope[member]]
    guard let found = stated.lazy.compactMap({ $0 }).first(where: { $0 != .null }) else {
      return context
    }
    guard let original = found.int else {
      throw failure(member, "is \(found.serialized(pretty: false)), expected a whole number")
    }
    guard original > 0 else { throw failure(member, "is \(original), expected at least 1") }
    guard original <= Hyperparameters.most else {
      throw failure(member, "is \(original), which no model has")
    }
    return original
  }

  private func factors(_ member: Member) throws -> [Float] {
    guard let list = scope[member]?.array else { throw failure(member, "is missing") }
    guard list.count == pairs else {
      throw failure(member, "has \(list.count) factors, expected \(pairs), one per rotary pair")
    }
    return try list.enumerated().map { index, value in
      guard let number = value.double, Float(number).isFinite, Float(number) > 0 else {
        throw failure(
          member,
          "holds \(value.serialized(pretty: false)) at index \(index), expected positive numbers")
      }
      return Float(number)
    }
  }

  private func type() throws -> String {
    let named = [scope[.type], scope[.olderType]].lazy.compactMap { $0 }.first { $0 != .null }
    guard let type = named == nil ? Kind.plain.rawValue : named?.string else {
      throw failure(.type, "is not a string")
    }
    return type
  }

  /// How many times the context is stretched by a change of the base alone, which some families
  /// state as a dynamic scaling with a fixed `alpha`; nil where nothing says so. 0 is as good as
  /// none.
  func baseStretch() throws -> Double? {
    guard parameters.architecture.block.stretchesBase, try type() == Kind.dynamic.rawValue,
      try number(.alpha) != 0
    else { return nil }
    return try positive(.alpha)
  }

  func scaling() throws -> FrequencyScaling {
    if try baseStretch() != nil { return .none }
    let type = try type()
    switch Kind(rawValue: type) {
    case .plain, .mrope, .some(.none): return .none
    case .linear: return .linear(factor: try factor())
    case .dynamic:
      guard parameters.architecture.block.compression == nil else {
        throw failure(.type, "is \(type), which is not known of layers that compress")
      }
      return .dynamic(factor: try factor(), originalContext: context)
    case .yarn: return .yarn(try yarn())
    case .llama3:
      let low = try positive(.lowFactor) ?? 1
      let high = try positive(.highFactor) ?? 4
      guard high > low else {
        throw failure(.highFactor, "is not above \(Member.lowFactor.rawValue)")
      }
      return .llama3(
        factor: try factor(), lowFactor: low, highFactor: high,
        originalContext: try originalContext())
    case .proportional:
      let share = try number(.fraction) ?? 1
      guard (0...1).contains(share) else {
        throw failure(.fraction, "is \(share), expected a number in [0, 1]")
      }
      return .proportional(
        turning: Int(share * Double(2 * pairs)) / 2, factor: try positive(.factor) ?? 1)
    case .longrope, .su:
      let original = try originalContext()
      let stretch = try positive(.factor) ?? Double(context) / Double(original)
      let magnitude =
        try positive(.magnitude)
        ?? FrequencyScaling.LongRoPE.magnitude(stretch: stretch, original: original)
      guard magnitude.isFinite else {
        throw failure(.originalContext, "is \(original), from which nothing is stretched")
      }
      return .longRoPE(
        .init(
          short: try factors(.shortFactors), long: try factors(.longFactors),
          originalContext: original, magnitude: magnitude))
    case nil:
      throw ModelError.unsupportedValue(
        file: parameters.checkpoint.path, key: Member.type.rawValue, found: "'\(type)'",
        accepted: Kind.documented.map(\.rawValue))
    }
  }

  private func yarn() throws -> FrequencyScaling.YaRN {
    var yarn = FrequencyScaling.YaRN(
      factor: try factor(), originalContext: try originalContext())
    yarn.betaFast = try positive(.betaFast) ?? yarn.betaFast
    yarn.betaSlow = try positive(.betaSlow) ?? yarn.betaSlow
    yarn.attentionFactor = try positive(.magnitude)
    yarn.mscale = try number(.mscale)
    yarn.mscaleAllDims = try number(.mscaleAllDims)
    // Of several kinds of layers the reference looks for it beside their objects, where it cannot
    // be.
    yarn.truncates = scope.isNested ? true : scope[.truncates]?.bool ?? true
    guard yarn.magnitude.isFinite, yarn.magnitude > 0 else {
      throw failure(.mscale, "makes a magnitude of \(yarn.magnitude), expected a positive one")
    }
    return yarn
  }
}

// MARK: - Writing

extension HuggingFaceScaling {
  /// The object of some layers: their base and scaling.
  /// - Throws: `ModelError.notRepresentable` for a scaling that transformers has no name for.
  static func members(of score: ScoreRotation, _ plan: ModelPlan) throws -> Members {
    var members: Members = [:]
    func put(_ member: Member, _ value: StatedValue) { members[member.rawValue] = value.json }
    func put(_ kind: Kind) { put(.type, .text(kind.rawValue)) }
    func refuse(_ what: String) -> ModelError {
      .notRepresentable(
        file: plan.checkpoint.path, what: what, container: ModelFolder.configuration)
    }
    func putLongRoPE(short: [Float], long: [Float], original: Int, magnitude: Double) {
      put(.longrope)
      put(.shortFactors, .numbers(short))
      put(.longFactors, .numbers(long))
      put(.originalContext, .whole(original))
      put(.magnitude, .number(magnitude))
    }
    put(.base, .number(score.base))
    switch score.scaling {
    case .none: put(.plain)
    case .linear(let factor):
      put(.linear)
      put(.factor, .number(factor))
    case .dynamic(let factor, let original):
      guard original == plan.shape.context else {
        throw refuse(
          "dynamic scaling from a context of \(original), with one of"
            + " \(plan.shape.context) trained,")
      }
      put(.dynamic)
      put(.factor, .number(factor))
    case .yarn(let yarn):
      put(.yarn)
      put(.factor, .number(yarn.factor))
      put(.originalContext, .whole(yarn.originalContext))
      put(.betaFast, .number(yarn.betaFast))
      put(.betaSlow, .number(yarn.betaSlow))
      if let factor = yarn.attentionFactor { put(.magnitude, .number(factor)) }
      if let mscale = yarn.mscale { put(.mscale, .number(mscale)) }
      if let mscale = yarn.mscaleAllDims { put(.mscaleAllDims, .number(mscale)) }
      if !yarn.truncates { put(.truncates, .flag(false)) }
    case .longRoPE(let long):
      putLongRoPE(
        short: long.short, long: long.long, original: long.originalContext,
        magnitude: long.magnitude)
    case .factors(let factors):
      // A list of divisors is LongRoPE with one list for every length and no magnitude.
      putLongRoPE(
        short: factors, long: factors, original: plan.shape.context, magnitude: 1)
    case .llama3(let factor, let low, let high, let original):
      put(.llama3)
      put(.factor, .number(factor))
      put(.lowFactor, .number(low))
      put(.highFactor, .number(high))
      put(.originalContext, .whole(original))
    case .proportional(let turning, let factor):
      put(.proportional)
      put(.fraction, .number(RotaryParameters.fraction(2 * turning, of: score.dimensions)))
      if factor != 1 { put(.factor, .number(factor)) }
    case .ntk: throw refuse("NTK scaling")
    }
    return members
  }
}
