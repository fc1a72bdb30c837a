import Base
import Checkpoints
import Rotary
import Tensors

/// A checkpoint's rotary facts: how many dims of a head turn, from which base, by which scaling.
struct RotaryParameters {
  let parameters: Hyperparameters
  /// The checkpoint declares its rotation itself: it is computed by code of ours.
  let isVariant: Bool

  /// Rotated dims of a head of each layer; a model with learned positions counts the whole head,
  /// for variants. `shape` has its windows, width and heads.
  func dimensions(_ shape: StatedShape) throws -> [Int] {
    let windows = shape.windows
    let stated = try LayerSizes.read(.rotaryDimensions, parameters, windows: windows, minimum: 0)
    let widths =
      try LayerSizes.read(.keyWidth, parameters, windows: windows)
      ?? shape.heads.map { shape.width / $0 }
    if let stated, stated.allSatisfy({ $0 > 0 }) {
      try checkShare(of: stated, in: widths)
      return stated
    }
    let fraction = try fraction()
    return turnsWholeHeads ? widths : widths.map { Int(Double($0) * fraction) }
  }

  /// Where config.json states both the dims and the share of a head that turn, the reference goes
  /// by the share (DeepSeek-V4).
  private func checkShare(of dimensions: [Int], in widths: [Int]) throws {
    guard parameters.side == .huggingface,
      !parameters.architecture.keys(of: .rotaryDimensions, on: .huggingface).isEmpty
    else { return }
    let keys = parameters.architecture.keys(of: .rotaryFraction, on: .huggingface)
    let beside = keys.lazy.compactMap { parameters.checkpoint.configuration?[$0]?.double }.first
    for windowed in [false, true] {
      let inside = try scope(ofWindowed: windowed)[.fraction]?.double
      guard !keys.isEmpty, let share = try (inside ?? beside).map(checkedShare) else { continue }
      for (width, turning) in zip(widths, dimensions) where Int(Double(width) * share) != turning {
        throw parameters.failure(
          .rotaryFraction, "is \(share), but \(turning) of \(width) dims of a head are to turn")
      }
    }
  }

  /// The share of a head that the checkpoint says to rotate.
  private func fraction() throws -> Double {
    let scope = try scope(ofWindowed: false)
    // A share of the pairs, of which whole heads have all.
    guard !scope.isProportional else { return 1 }
    let stated = scope[.fraction]?.double
    return try checkedShare(stated ?? parameters.optionalNumber(.rotaryFraction) ?? 1)
  }

  /// A share of a head, which a head's width can be multiplied by.
  private func checkedShare(_ share: Double) throws -> Double {
    guard share > 0, share <= 1 else {
      throw parameters.failure(.rotaryFraction, "is \(share), expected a number in (0, 1]")
    }
    return share
  }

  /// The reference implementation turns whole heads of this folder, whatever share it states.
  private var turnsWholeHeads: Bool {
    let block = parameters.architecture.block
    return parameters.side == .huggingface && !isVariant && block.positions == .rotary
      && block.attention != .latent && !block.rotatesPartially
  }

  /// What the checkpoint states of its rotation and the reference implementation does not do.
  func ignored() throws -> String? {
    guard turnsWholeHeads, try fraction() != 1 else { return nil }
    let (key, name) = (HuggingFaceScaling.Member.fraction.rawValue, parameters.architecture.name)
    return "\(key) is \(try fraction()), which \(name) models ignore, as in transformers: "
      + "whole heads turn"
  }

  /// With scaled frequencies, the reference makes a table for the share and fails to turn whole
  /// heads by it.
  private func checkFraction(_ scaling: FrequencyScaling) throws {
    guard turnsWholeHeads, scaling != .none, try fraction() != 1 else { return }
    throw parameters.failure(
      .rotaryFraction,
      "is \(try fraction()), but \(parameters.architecture.name) models turn whole heads, by"
        + " frequencies that cannot be scaled with it")
  }

  /// The rotation of each layer's queries and keys, checked against the head's width; nil for a
  /// layer without positions.
  func scores(_ shape: StatedShape) throws -> [ScoreRotation?] {
    for (dimensions, width) in zip(shape.rotaryDimensions, shape.keyWidth) {
      guard dimensions >= 2, dimensions % 2 == 0, dimensions <= width else {
        throw parameters.failure(
          .rotaryDimensions,
          "is \(dimensions), expected an even number from 2 to the head width \(width)")
      }
    }
    let hasLocalBase = try hasLocalBase
    try checkWindowedBase(shape)
    // Most models have one or two kinds of layers.
    var known: [[Int]: ScoreRotation] = [:]
    func score(dimensions: Int, offset: Int, windowed: Bool) throws -> ScoreRotation {
      let key = [dimensions, offset, windowed ? 1 : 0]
      if let score = known[key] { return score }
      let score = ScoreRotation(
        dimensions: dimensions, offset: offset,
        layout: parameters.pairLayouts[parameters.side] ?? .half,
        base: try base(
          windowed ? .rotaryBaseLocal : .rotaryBase, windowed: windowed, dimensions: dimensions),
        scaling: try scaling(windowed: windowed, dimensions: dimensions, context: shape.context),
        isLocal: windowed)
      known[key] = score
      return score
    }
    let isLocal = shape.windows.indices.map { hasLocalBase && looksNear($0, shape) }
    if isLocal.allSatisfy({ $0 }), let dimensions = shape.rotaryDimensions.first {
      // What is said of layers that look far is checked though there is none.
      try checkFraction(score(dimensions: dimensions, offset: 0, windowed: false).scaling)
    }
    let rotatesLastDims = parameters.architecture.block.rotatesLastDims
    return try shape.windows.indices.map { layer in
      let dimensions = shape.rotaryDimensions[layer]
      let offset = rotatesLastDims ? shape.keyWidth[layer] - dimensions : 0
      let score = try score(dimensions: dimensions, offset: offset, windowed: isLocal[layer])
      if !isLocal[layer] { try checkFraction(score.scaling) }
      return shape.rotates[layer] ? score : nil
    }
  }

  /// A GGUF file may state a base of windowed layers that nothing here turns them by.
  /// - Throws: `ModelError.hyperparameter` for another one than that of the others.
  private func checkWindowedBase(_ shape: StatedShape) throws {
    guard shape.windows.contains(where: { $0 > 0 }),
      let windowed = try parameters.optionalNumber(.rotaryBaseWindowed)
    else { return }
    let base = try statedBase(.rotaryBase, windowed: false, dimensions: 2)
    guard Float(windowed) != Float(base) else { return }
    throw parameters.failure(
      .rotaryBaseWindowed, "is \(windowed), but windowed layers turn by the base \(base) here")
  }

  /// Whether a layer has the frequencies of those that look near, where there are such.
  private func looksNear(_ layer: Int, _ shape: StatedShape) -> Bool {
    parameters.architecture.block.compression == nil
      ? shape.windows[layer] > 0 : shape.compressions[layer] == nil
  }

  /// What queries are multiplied by, by their positions; nil: nothing.
  func temperature(_ scores: [ScoreRotation?]) throws -> AttentionTemperature? {
    let scope = try scope(ofWindowed: false)
    let nested = parameters.architecture.keys(of: .attentionTemperature, on: .huggingface).lazy
      .compactMap { scope[$0] }.first { $0 != .null }
    guard
      let strength = try nested.map(strength) ?? parameters.optionalNumber(.attentionTemperature),
      strength != 0
    else { return nil }
    if parameters.architecture.key(of: .attentionTemperatureLength, on: parameters.side) != nil {
      return AttentionTemperature(
        strength: strength, period: try parameters.integer(.attentionTemperatureLength))
    }
    guard case .yarn(let yarn) = scores.lazy.compactMap({ $0 }).first?.scaling else {
      throw parameters.failure(
        .attentionTemperature, "is stated without YaRN, whose original context it counts in")
    }
    return AttentionTemperature(strength: strength, period: max(yarn.originalContext, 1))
  }

  private func strength(_ stated: JSONValue) throws -> Double {
    guard let number = stated.double, Float(number).isFinite else {
      throw parameters.failure(.attentionTemperature, "is not a finite number")
    }
    return number
  }

  /// Windowed layers of the model have frequencies of their own.
  private var hasLocalBase: Bool {
    get throws {
      guard parameters.architecture.hyperparameters[.rotaryBaseLocal] != nil else { return false }
      return try parameters.architecture.block.compression != nil
        || SlidingWindows.width(parameters) > 0
    }
  }

  /// What config.json says of windowed or of global layers; nothing for a GGUF file.
  private func scope(ofWindowed windowed: Bool) throws -> HuggingFaceRotaryScope {
    guard parameters.side == .huggingface else { return .empty }
    return try HuggingFaceRotaryScope(
      parameters, windowed: windowed, hasLocalBase: hasLocalBase)
  }

  /// The base of the frequencies, stretched where config.json says by how much.
  private func base(
    _ parameter: Hyperparameter, windowed: Bool, dimensions: Int
  ) throws -> Double {
    let base = try statedBase(parameter, windowed: windowed, dimensions: dimensions)
    let stated =
      switch parameters.side {
      case .huggingface:
        try HuggingFaceScaling(
          scope: scope(ofWindowed: windowed), parameters: parameters, context: 0,
          pairs: dimensions / 2
        ).baseStretch()
      case .gguf: try parameters.optionalNumber(.rotaryBaseStretch)
      }
    guard let stretch = stated, stretch > 0 else { return base }
    return RotaryFrequencies.stretched(base, by: stretch, dimensions: dimensions)
  }

  private func statedBase(
    _ parameter: Hyperparameter, windowed: Bool, dimensions: Int
  ) throws -> Double {
    if let stated = try scope(ofWindowed: windowed)[.base] {
      guard let base = stated.double, Float(base).isFinite, Float(base) > 0 else {
        throw parameters.failure(parameter, "is not a positive finite number")
      }
      return base
    }
    var usual = 10_000.0
    if windowed {
      usual = try statedBase(.rotaryBase, windowed: false, dimensions: dimensions)
    } else if parameters.architecture.block.reachesBase {
      // theta_p = base^(-p / (pairs - 1)) is RoPE's form of another base.
      usual = RotaryFrequencies.reaching(usual, dimensions: dimensions)
    }
    return try parameters.positive(parameter, default: usual)
  }

  private func scaling(
    windowed: Bool, dimensions: Int, context: Int
  ) throws -> FrequencyScaling {
    switch parameters.side {
    case .huggingface:
      try HuggingFaceScaling(
        scope: scope(ofWindowed: windowed), parameters: parameters, context: context,
        pairs: dimensions / 2
      ).scaling()
    case .gguf:
      try GGUFScaling(parameters: parameters, context: context, pairs: dimensions / 2)
        .scaling(windowed: windowed)
    }
  }
}

// MARK: - Writing

extension RotaryParameters {
  static func write(
    _ shape: StatedShape, of plan: ModelPlan, to fields: inout GGUFFields
  ) throws {
    fields.set(.rotaryDimensions, shape.rotaryDimensions, windows: shape.windows)
    if let score = shape.score { fields.set(.rotaryBase, .number(score.base)) }
    if let local = shape.localScore {
      let stated = plan.architecture.hyperparameters[.rotaryBaseLocal]
      // Without a key readers take the base of the other layers.
      guard stated?.names[.gguf]?.isEmpty == false || local.base == shape.score?.base else {
        throw ModelError.notRepresentable(
          file: plan.checkpoint.path, what: "windowed layers with a rotary base of their own",
          container: "GGUF")
      }
      fields.set(.rotaryBaseLocal, .number(local.base))
    }
    if let temperature = shape.temperature {
      fields.set(.attentionTemperature, .number(temperature.strength))
      fields.set(.attentionTemperatureLength, .whole(temperature.period))
    }
    try GGUFScaling.write(shape, of: plan, to: &fields)
  }

  /// The share of a head that rotates, where config.json must say it.
  /// - Throws: `ModelError.notRepresentable` for layers in which other shares do.
  static func fraction(_ shape: StatedShape, of plan: ModelPlan) throws -> Double? {
    let compresses = plan.architecture.block.compression != nil
    guard plan.architecture.key(of: .rotaryDimensions, on: .huggingface) == nil || compresses else {
      return nil
    }
    let fractions = zip(shape.rotaryDimensions, shape.keyWidth).map(Self.fraction)
    guard let fraction = fractions.agreed else {
      throw ModelError.notRepresentable(
        file: plan.checkpoint.path, what: "layers that differ in the share of a head that rotates",
        container: ModelFolder.configuration)
    }
    let assumed = plan.architecture.hyperparameters[.rotaryFraction]?.fallback?.double ?? 1
    return fraction == assumed && !compresses ? nil : fraction
  }

  /// A share of `width` of which a reader, who multiplies and rounds down, makes `dimensions`.
  static func fraction(_ dimensions: Int, of width: Int) -> Double {
    let fraction = Double(dimensions) / Double(width)
    return Int(Double(width) * fraction) < dimensions ? fraction.nextUp : fraction
  }

  /// Takes the share of a head away, wherever config.json may hold it.
  static func removeFraction(from fields: inout ConfigurationFields) {
    let fraction = HuggingFaceScaling.Member.fraction.rawValue
    fields.values[fraction] = nil
    for key in HuggingFaceRotaryScope.Key.allCases.map(\.rawValue) {
      guard var members = fields.values[key]?.object else { continue }
      members[fraction] = nil
      for (kind, value) in members {
        guard var nested = value.object else { continue }
        nested[fraction] = nil
        members[kind] = .object(nested)
      }
      fields.values[key] = .object(members)
    }
  }
}
