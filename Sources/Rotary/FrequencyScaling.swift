import Foundation
import Tensors

/// How rotary frequencies are changed to reach contexts longer than the trained one.
///
/// `length` is the number of positions a pass covers: only `dynamic` and `longRoPE` depend on it.
public enum FrequencyScaling: Sendable, Equatable {
  /// Frequencies as they were trained.
  case none
  /// Position interpolation: every frequency divided by `factor` (arXiv:2306.15595).
  case linear(factor: Double)
  /// NTK-aware change of base by `factor`.
  case ntk(factor: Double)
  /// NTK-aware change of base that grows with the length beyond `originalContext`.
  case dynamic(factor: Double, originalContext: Int)
  /// YaRN (arXiv:2309.00071).
  case yarn(YaRN)
  /// Llama 3.1: slow pairs divided by `factor`, fast ones kept, a ramp between them.
  case llama3(factor: Double, lowFactor: Double, highFactor: Double, originalContext: Int)
  /// LongRoPE (arXiv:2402.13753): a divisor per pair, one list up to the original context and one
  /// beyond it, and a magnitude factor.
  case longRoPE(LongRoPE)
  /// A divisor per pair, as GGUF's `rope_freqs.weight` stores Llama 3's scaling.
  case factors([Float])
  /// The `turning` fastest pairs turn, at frequencies divided by `factor`; the others stay still.
  case proportional(turning: Int, factor: Double)

  /// The parameters of YaRN.
  public struct YaRN: Sendable, Equatable {
    /// How many times the original context is stretched.
    public var factor: Double
    /// Positions the model was trained on before the stretch.
    public var originalContext: Int
    /// Pairs that turn more often than this over the original context keep their frequency.
    public var betaFast: Double
    /// Pairs that turn less often than this over the original context are divided by `factor`.
    public var betaSlow: Double
    /// Multiplies the rotated dims of q and of k; nil: 0.1 ln(factor) + 1.
    public var attentionFactor: Double?
    /// With `mscaleAllDims`, the numerator of the factor on q and k (DeepSeek).
    public var mscale: Double?
    /// With `mscale`, the denominator of the factor on q and k (DeepSeek).
    public var mscaleAllDims: Double?
    /// Whether the ramp's ends are rounded to whole dims, as the paper's code does.
    public var truncates: Bool

    /// YaRN with these parameters; the defaults are those of the paper.
    public init(
      factor: Double, originalContext: Int, betaFast: Double = 32, betaSlow: Double = 1,
      attentionFactor: Double? = nil, mscale: Double? = nil, mscaleAllDims: Double? = nil,
      truncates: Bool = true
    ) {
      self.factor = factor
      self.originalContext = originalContext
      self.betaFast = betaFast
      self.betaSlow = betaSlow
      self.attentionFactor = attentionFactor
      self.mscale = mscale
      self.mscaleAllDims = mscaleAllDims
      self.truncates = truncates
    }

    /// `0.1 mscale ln(factor) + 1`, the paper's magnitude of a stretch by `factor`.
    public static func magnitude(stretch factor: Double, mscale: Double = 1) -> Double {
      factor <= 1 ? 1 : 0.1 * mscale * log(factor) + 1
    }

    /// The factor on the rotated dims of q and k.
    public var magnitude: Double {
      if let attentionFactor { return attentionFactor }
      if let mscale, let mscaleAllDims, mscale != 0, mscaleAllDims != 0 {
        return Self.magnitude(stretch: factor, mscale: mscale)
          / Self.magnitude(stretch: factor, mscale: mscaleAllDims)
      }
      return Self.magnitude(stretch: factor)
    }
  }

  /// The parameters of LongRoPE.
  public struct LongRoPE: Sendable, Equatable {
    /// Each pair's divisor up to the original context.
    public var short: [Float]
    /// Each pair's divisor beyond the original context.
    public var long: [Float]
    /// Positions the model was trained on before the stretch.
    public var originalContext: Int
    /// Multiplies the rotated dims of q and of k.
    public var magnitude: Double

    /// LongRoPE with these parameters.
    public init(short: [Float], long: [Float], originalContext: Int, magnitude: Double) {
      self.short = short
      self.long = long
      self.originalContext = originalContext
      self.magnitude = magnitude
    }

    /// The magnitude factor of the paper for a model whose context is `stretch` times the `original`
    /// one; not finite for one that is stretched from a single position.
    public static func magnitude(stretch: Double, original: Int) -> Double {
      stretch <= 1 ? 1 : (1 + log(stretch) / log(Double(original))).squareRoot()
    }
  }

  /// Positions that a model was trained on before this stretched them; nil where it does not say.
  package var originalContext: Int? {
    switch self {
    case .dynamic(_, let original), .llama3(_, _, _, let original): original
    case .yarn(let yarn): yarn.originalContext
    case .longRoPE(let long): long.originalContext
    case .none, .linear, .ntk, .factors, .proportional: nil
    }
  }

  /// The method's name in lower case, `llama3` for a list of factors too.
  public var name: String {
    switch self {
    case .none: "none"
    case .linear: "linear"
    case .ntk: "ntk"
    case .dynamic: "dynamic"
    case .yarn: "yarn"
    case .llama3, .factors: "llama3"
    case .longRoPE: "longrope"
    case .proportional: "proportional"
    }
  }
}

/// The frequencies of one set of rotary pairs and the factor on rotated queries and keys.
public struct RotaryFrequencies: Sendable, Equatable {
  /// Radians per position of each pair, fastest first; 0: the pair stays still.
  public var radians: [Double]
  /// Multiplies the rotated dims of q and of k (YaRN, LongRoPE); values never use it.
  public var magnitude: Double

  /// Frequencies that are known already.
  public init(radians: [Double], magnitude: Double = 1) {
    self.radians = radians
    self.magnitude = magnitude
  }

  /// `theta_p = base^(-2p / dimensions)` for `p` in `0 ..< dimensions / 2`, scaled.
  /// - Parameters:
  ///   - dimensions: rotated dims of a head, even.
  ///   - base: the frequency base, positive.
  ///   - scaling: how the frequencies are changed.
  ///   - length: positions the pass covers, counted from 0.
  /// - Throws: `RotaryError` for a base or factor that is not positive, factors that do not match,
  ///   or frequencies that are not finite.
  public init(
    dimensions: Int, base: Double, scaling: FrequencyScaling, length: Int
  ) throws(RotaryError) {
    guard base.isFinite, base > 0 else { throw .notPositive(what: "the rotary base", value: base) }
    let size = Double(dimensions)
    let pairs = dimensions / 2
    func frequencies(_ base: Double) -> [Double] {
      (0..<pairs).map { pow(base, -2 * Double($0) / size) }
    }
    func checked(_ factor: Double) throws(RotaryError) {
      guard factor.isFinite, factor > 0 else {
        throw .notPositive(what: "the rotary scaling factor", value: factor)
      }
    }
    func divided(_ factors: [Float]) throws(RotaryError) -> [Double] {
      guard factors.count == pairs else {
        throw .factorCount(found: factors.count, expected: pairs)
      }
      for factor in factors { try checked(Double(factor)) }
      return zip(frequencies(base), factors).map { $0 / Double($1) }
    }
    func stretched(by factor: Double) -> Double {
      Self.stretched(base, by: factor, dimensions: dimensions)
    }

    magnitude = 1
    switch scaling {
    case .none:
      radians = frequencies(base)
    case .linear(let factor):
      try checked(factor)
      radians = frequencies(base).map { $0 / factor }
    case .ntk(let factor):
      try checked(factor)
      radians = frequencies(stretched(by: factor))
    case .dynamic(let factor, let original):
      try checked(factor)
      let reach = Double(max(length, original))
      radians = frequencies(stretched(by: factor * reach / Double(original) - (factor - 1)))
    case .yarn(let yarn):
      try checked(yarn.factor)
      radians = Self.yarn(frequencies(base), yarn, base: base, size: size)
      magnitude = yarn.magnitude
    case .llama3(let factor, let low, let high, let original):
      try checked(factor)
      radians = frequencies(base).map { frequency in
        let turns = Double(original) * frequency / (2 * .pi)
        if turns > high { return frequency }
        if turns < low { return frequency / factor }
        let smooth = (turns - low) / (high - low)
        return (1 - smooth) * frequency / factor + smooth * frequency
      }
    case .longRoPE(let long):
      radians = try divided(length > long.originalContext ? long.long : long.short)
      magnitude = long.magnitude
    case .factors(let factors):
      radians = try divided(factors)
    case .proportional(let turning, let factor):
      try checked(factor)
      radians = frequencies(base).enumerated().map { $0.offset < turning ? $0.element / factor : 0 }
    }
    guard magnitude.isFinite, radians.allSatisfy(\.isFinite) else {
      throw .notFinite(method: scaling.name)
    }
  }

  /// Frequencies that a checkpoint states itself, scaled.
  /// - Throws: `RotaryError.needsBase` for a scaling of those that follow from a base.
  init(stated: [Double], scaling: FrequencyScaling) throws(RotaryError) {
    magnitude = 1
    switch scaling {
    case .none:
      radians = stated
    case .linear(let factor):
      guard factor.isFinite, factor > 0 else {
        throw .notPositive(what: "the rotary scaling factor", value: factor)
      }
      radians = stated.map { $0 / factor }
    default:
      throw .needsBase(method: scaling.name)
    }
  }

  /// The base after an NTK-aware stretch; a single pair has no room to change it.
  package static func stretched(_ base: Double, by factor: Double, dimensions: Int) -> Double {
    let size = Double(dimensions)
    return dimensions > 2 ? base * pow(factor, size / (size - 2)) : base
  }

  /// The base whose slowest pair turns by the inverse of this one; a single pair turns by 1 anyway.
  package static func reaching(_ base: Double, dimensions: Int) -> Double {
    let size = Double(dimensions)
    return dimensions > 2 ? pow(base, size / (size - 2)) : base
  }

  private static func yarn(
    _ frequencies: [Double], _ yarn: FrequencyScaling.YaRN, base: Double, size: Double
  ) -> [Double] {
    func dimension(turning turns: Double) -> Double {
      size * log(Double(yarn.originalContext) / (turns * 2 * .pi)) / (2 * log(base))
    }
    var low = dimension(turning: yarn.betaFast)
    var high = dimension(turning: yarn.betaSlow)
    if yarn.truncates {
      low.round(.down)
      high.round(.up)
    }
    low = max(low, 0)
    high = min(high, size - 1)
    let span = max(high - low, 1e-3)
    return frequencies.enumerated().map { pair, frequency in
      let ramp = min(max((Double(pair) - low) / span, 0), 1)
      return frequency / yarn.factor * ramp + frequency * (1 - ramp)
    }
  }
}
