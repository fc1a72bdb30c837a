import Checkpoints
import OrderedCollections
import Rotary
import Tensors

/// The frequency scaling that a GGUF file states, by keys or as tensors of divisors.
struct GGUFScaling {
  /// Without the architecture's prefix; keys of our own, which other readers ignore, say what the
  /// ecosystem's do not.
  enum Key: String, CaseIterable {
    case type = "rope.scaling.type"
    case factor = "rope.scaling.factor"
    case olderFactor = "rope.scale_linear"
    case originalContext = "rope.scaling.original_context_length"
    case magnitude = "rope.scaling.attn_factor"
    case yarnMagnitude = "rope.scaling.yarn_attn_factor"
    case betaFast = "rope.scaling.yarn_beta_fast"
    case betaSlow = "rope.scaling.yarn_beta_slow"
    case logMultiplier = "rope.scaling.yarn_log_multiplier"
    /// GGUF has no key for dynamic NTK.
    case ownType = "ropeconv.rope.scaling.type"
    case ownFactor = "ropeconv.rope.scaling.factor"
    /// YaRN's two magnitudes, of which `logMultiplier` holds the one of all dims.
    case ownMscale = "ropeconv.rope.scaling.mscale"
    case ownMscaleAllDims = "ropeconv.rope.scaling.mscale_all_dim"
  }

  /// Values of `Key.type` and `Key.ownType`.
  private enum Kind: String { case none, linear, yarn, longrope, dynamic }

  let parameters: Hyperparameters
  let context: Int
  /// Rotary pairs of a head: what a tensor of divisors must match.
  let pairs: Int
}

// MARK: - Reading

extension GGUFScaling {
  private var checkpoint: Checkpoint { parameters.checkpoint }

  private func failure(_ key: Key, _ problem: String) -> ModelError {
    .hyperparameter(
      file: checkpoint.path, key: parameters.ggufKey(key.rawValue), problem: problem)
  }

  private func metadata(_ key: Key) -> MetadataValue? {
    checkpoint.metadata[parameters.ggufKey(key.rawValue)]
  }

  /// - Throws: `ModelError.hyperparameter` for a key that holds something else.
  private func number(_ key: Key) throws -> Double? {
    guard let stated = metadata(key) else { return nil }
    guard let number = stated.double, number.isFinite else {
      throw failure(key, "is not a finite number")
    }
    return number
  }

  private func positive(_ key: Key) throws -> Double? {
    guard let number = try number(key) else { return nil }
    guard number > 0 else { throw failure(key, "is \(number), expected a positive number") }
    return number
  }

  /// The factor of a stretch, by the first of its keys that the file has.
  private func factor() throws -> Double? {
    let keys: [Key] = [.ownFactor, .factor, .olderFactor]
    guard let key = keys.first(where: { metadata($0) != nil }) else { return nil }
    // Where no method is named, 0 stands for no stretch, as in llama.cpp, and a factor of 1 is none.
    if statedType == nil, let stated = try number(key), stated == 0 || stated == 1 { return nil }
    return try positive(key)
  }

  private func requiredFactor() throws -> Double {
    guard let factor = try factor() else { throw failure(.factor, "is missing") }
    return factor
  }

  /// The context before stretching; 0 stands for the model's context, as in llama.cpp.
  private func originalContext() throws -> Int? {
    guard let stated = metadata(.originalContext) else { return nil }
    guard let original = stated.int, (0...Hyperparameters.most).contains(original) else {
      throw failure(
        .originalContext, "is not a whole number from 0 to \(Hyperparameters.most)")
    }
    return original > 0 ? original : nil
  }

  /// The name of the method; nil where the file states none.
  private var statedType: String? { metadata(.ownType)?.string ?? metadata(.type)?.string }

  /// The method; linear where none is named, which is one if there is a factor, as in llama.cpp.
  /// - Throws: `ModelError.unsupportedValue` for an unknown one.
  private func kind() throws -> Kind {
    let type = statedType ?? Kind.linear.rawValue
    guard let kind = Kind(rawValue: type) else { throw unsupported(type) }
    return kind
  }

  private func unsupported(_ type: String) -> ModelError {
    .unsupportedValue(
      file: checkpoint.path, key: parameters.ggufKey(Key.type.rawValue), found: "'\(type)'",
      accepted: [Kind.none, .linear, .yarn].map(\.rawValue)
        + ["\(Kind.longrope) with its factor tensors"])
  }

  /// How frequencies are scaled.
  /// - Parameter windowed: in layers with a window that have frequencies of their own, which are not.
  /// - Returns: what llama.cpp makes of the file's keys and tensors.
  /// - Throws: `ModelError` for keys that hold something else, do not go together or ask for what is
  ///   not computed.
  func scaling(windowed: Bool) throws -> FrequencyScaling {
    let scaling: FrequencyScaling = windowed ? .none : try withoutMagnitude()
    guard let magnitude = try positive(.magnitude), magnitude != 1 else { return scaling }
    let hasOwn = parameters.architecture.hyperparameters[.rotaryBaseLocal] != nil
    func divided(by divisors: [Float]) -> FrequencyScaling {
      .longRoPE(
        .init(short: divisors, long: divisors, originalContext: context, magnitude: magnitude))
    }
    switch scaling {
    case .longRoPE: return scaling
    case .yarn(var yarn) where parameters.architecture.block.attention == .grouped && !hasOwn:
      yarn.attentionFactor = yarn.magnitude * magnitude
      return .yarn(yarn)
    case _ where parameters.architecture.block.attention != .grouped || hasOwn: break
    case .none: return divided(by: [Float](repeating: 1, count: pairs))
    case .linear(let factor): return divided(by: [Float](repeating: Float(factor), count: pairs))
    case .factors(let factors): return divided(by: factors)
    default: break
    }
    throw ModelError.unsupportedValue(
      file: checkpoint.path, key: parameters.ggufKey(Key.magnitude.rawValue),
      found: "\(magnitude)", accepted: ["1"])
  }

  /// What divides all frequencies beside the divisors of single pairs.
  private func stretch() throws -> Double {
    let kind = try kind()
    switch kind {
    case .none: return 1
    case .linear, .longrope: return try factor() ?? 1
    case .yarn, .dynamic:
      throw failure(
        metadata(.ownType) == nil ? .type : .ownType,
        "is '\(kind)', which is not computed beside tensors of divisors")
    }
  }

  private func withoutMagnitude() throws -> FrequencyScaling {
    if let factors = try divisors(.rotaryFactors) {
      let stretch = try stretch()
      if case .proportional(let turning, let factor)? = Self.proportional(factors) {
        return .proportional(turning: turning, factor: factor * stretch)
      }
      return .factors(Self.stretched(factors, by: stretch))
    }
    let original = try originalContext()
    if var long = try divisors(.rotaryFactorsLong), var short = try divisors(.rotaryFactorsShort) {
      let stretch = try stretch()
      (long, short) = (Self.stretched(long, by: stretch), Self.stretched(short, by: stretch))
      let original = original ?? context
      let magnitude =
        try positive(.magnitude)
        ?? FrequencyScaling.LongRoPE.magnitude(
          stretch: Double(context) / Double(original), original: original)
      guard magnitude.isFinite else {
        throw failure(.originalContext, "is \(original), from which nothing is stretched")
      }
      return .longRoPE(
        .init(short: short, long: long, originalContext: original, magnitude: magnitude))
    }
    let kind = try kind()
    switch kind {
    case .none: return .none
    case .linear: return try factor().map { .linear(factor: $0) } ?? .none
    case .dynamic:
      return .dynamic(factor: try requiredFactor(), originalContext: original ?? context)
    case .yarn: return .yarn(try yarn(original: original ?? context))
    case .longrope: throw unsupported(kind.rawValue)
    }
  }

  private static func stretched(_ divisors: [Float], by factor: Double) -> [Float] {
    factor == 1 ? divisors : divisors.map { Float(Double($0) * factor) }
  }

  /// What divides the frequency of a pair that stays still, as the ecosystem's converter writes it.
  private static let stillDivisor: Float = 1e30

  /// The scaling whose divisors are those of a few pairs that turn and of others that stay still.
  private static func proportional(_ divisors: [Float]) -> FrequencyScaling? {
    let turning = divisors.prefix { $0 < stillDivisor }
    guard turning.count < divisors.count,
      divisors.dropFirst(turning.count).allSatisfy({ $0 >= stillDivisor }),
      let factor = turning.isEmpty ? 1 : Array(turning).agreed
    else { return nil }
    return .proportional(turning: turning.count, factor: Double(factor))
  }

  private func yarn(original: Int) throws -> FrequencyScaling.YaRN {
    var yarn = FrequencyScaling.YaRN(factor: try requiredFactor(), originalContext: original)
    yarn.truncates = parameters.architecture.block.roundsRamp
    yarn.betaFast = try positive(.betaFast) ?? yarn.betaFast
    yarn.betaSlow = try positive(.betaSlow) ?? yarn.betaSlow
    let assumed: Double? = parameters.architecture.block.unitMagnitude ? 1 : nil
    yarn.attentionFactor = try positive(.yarnMagnitude) ?? assumed
    if let multiplier = try number(.logMultiplier) {
      (yarn.mscale, yarn.mscaleAllDims) = parameters.architecture.block.yarnMultiplier
        .magnitudes(of: multiplier)
    }
    let own = (mscale: try number(.ownMscale), allDims: try number(.ownMscaleAllDims))
    if own.mscale != nil || own.allDims != nil { (yarn.mscale, yarn.mscaleAllDims) = own }
    guard yarn.magnitude.isFinite, yarn.magnitude > 0 else {
      throw failure(
        own.mscale == nil ? .logMultiplier : .ownMscale,
        "makes a magnitude of \(yarn.magnitude), expected a positive one")
    }
    return yarn
  }

  /// A tensor of divisors, one per rotary pair; nil where the file has none.
  private func divisors(_ role: Role) throws -> [Float]? {
    if let planned = parameters.divisors[role] { return planned }
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

// MARK: - Writing

extension GGUFScaling {
  /// - Throws: `ModelError.notRepresentable` for a scaling that GGUF has no keys for.
  static func write(
    _ shape: StatedShape, of plan: ModelPlan, to fields: inout GGUFFields
  ) throws {
    func refuse(_ what: String) -> ModelError {
      .notRepresentable(file: plan.checkpoint.path, what: what, container: "GGUF")
    }
    if let local = shape.localScore, local.scaling != .none {
      throw refuse("frequency scaling of windowed layers")
    }
    func set(_ key: Key, _ value: StatedValue) { fields.set(key: key.rawValue, value) }
    func set(_ kind: Kind) { set(.type, .text(kind.rawValue)) }
    switch shape.score?.scaling ?? .none {
    case .none:
      // Phi 3's loaders want it though nothing is stretched.
      if let original = statedOriginalContext(plan) {
        fields.set(.originalContext, .whole(original))
      }
    case .llama3, .factors, .proportional: break
    case .linear(let factor):
      set(.linear)
      set(.factor, .number(factor))
    case .yarn(let yarn):
      guard yarn.truncates == plan.architecture.block.roundsRamp else {
        throw refuse("YaRN \(yarn.truncates ? "with" : "without") rounded ramp ends")
      }
      set(.yarn)
      let usual = FrequencyScaling.YaRN(
        factor: yarn.factor, originalContext: yarn.originalContext)
      set(.factor, .number(yarn.factor))
      set(.originalContext, .whole(yarn.originalContext))
      if let factor = yarn.attentionFactor, factor != 1 || !plan.architecture.block.unitMagnitude {
        set(.yarnMagnitude, .number(factor))
      }
      if yarn.betaFast != usual.betaFast { set(.betaFast, .number(yarn.betaFast)) }
      if yarn.betaSlow != usual.betaSlow { set(.betaSlow, .number(yarn.betaSlow)) }
      let meaning = plan.architecture.block.yarnMultiplier
      if let mscale = yarn.mscaleAllDims {
        set(.logMultiplier, .number(meaning.multiplier(allDims: mscale)))
      }
      if yarn.mscale != meaning.mscale(allDims: yarn.mscaleAllDims) {
        if let mscale = yarn.mscale { set(.ownMscale, .precise(mscale)) }
        if let mscale = yarn.mscaleAllDims { set(.ownMscaleAllDims, .precise(mscale)) }
      }
    case .dynamic(let factor, let original):
      set(.ownType, .text(Kind.dynamic.rawValue))
      set(.ownFactor, .number(factor))
      set(.originalContext, .whole(original))
    case .longRoPE(let long):
      guard sameDivisors(long, plan.architecture) == nil else { break }
      set(.longrope)
      set(.magnitude, .number(long.magnitude))
      set(.originalContext, .whole(long.originalContext))
    case .ntk: throw refuse("NTK scaling")
    }
  }

  private static func statedOriginalContext(_ plan: ModelPlan) -> Int? {
    plan.architecture.keys(of: .originalContext, on: .huggingface).lazy
      .compactMap { plan.checkpoint.configuration?[$0]?.int }.first
  }

  /// The divisors of LongRoPE with one list for every length and no magnitude, which is how a folder
  /// states those of a GGUF file; nil for others, and where the architecture has no tensor for them.
  private static func sameDivisors(
    _ long: FrequencyScaling.LongRoPE, _ architecture: Architecture
  ) -> [Float]? {
    long.short == long.long && long.magnitude == 1
      && architecture.weights[.rotaryFactors]?.names[.gguf] != nil ? long.short : nil
  }

  /// What the tensors of frequency factors hold: Llama 3's ramp and LongRoPE's lists have no keys.
  /// - Throws: `ModelError.notRepresentable` where readers of the architecture expect none.
  static func divisors(_ plan: ModelPlan) throws -> OrderedDictionary<Role, [Float]> {
    let architecture = plan.architecture
    func check(_ role: Role, _ what: String) throws {
      guard architecture.weights[role]?.names[.gguf] != nil else {
        throw ModelError.notRepresentable(
          file: plan.checkpoint.path, what: "\(what) of architecture '\(architecture.name)'",
          container: "GGUF")
      }
    }
    guard let score = plan.rotary.scores.first else { return [:] }
    switch score.scaling {
    case .llama3:
      try check(.rotaryFactors, "Llama 3's frequency scaling")
      let radians = try [FrequencyScaling.none, score.scaling].map {
        try RotaryFrequencies(
          dimensions: score.dimensions, base: score.base, scaling: $0, length: 0
        ).radians
      }
      return [.rotaryFactors: zip(radians[0], radians[1]).map { Float($0 / $1) }]
    case .proportional(let turning, let factor):
      try check(.rotaryFactors, "a rotation of the fastest pairs alone")
      return [
        .rotaryFactors: (0..<score.pairs).map { $0 < turning ? Float(factor) : stillDivisor }
      ]
    case .longRoPE(let long):
      if let divisors = sameDivisors(long, architecture) { return [.rotaryFactors: divisors] }
      try check(.rotaryFactorsLong, "LongRoPE")
      return [.rotaryFactorsLong: long.long, .rotaryFactorsShort: long.short]
    default: return [:]
    }
  }
}

extension BlockRecipe.YarnMultiplier {
  private static let unit = 0.1

  /// YaRN's two magnitudes as a reader of the key takes them.
  fileprivate func magnitudes(of multiplier: Double) -> (mscale: Double, allDims: Double) {
    switch self {
    case .tenthOfBoth: (multiplier / Self.unit, multiplier / Self.unit)
    case .allDims: (1, multiplier)
    }
  }

  fileprivate func multiplier(allDims: Double) -> Double {
    self == .tenthOfBoth ? Self.unit * allDims : allDims
  }

  /// The magnitude that goes with one of all dims.
  fileprivate func mscale(allDims: Double?) -> Double? {
    self == .tenthOfBoth ? allDims : allDims.map { _ in 1 }
  }
}
