import Checkpoints

/// The sizes and scalar facts of a model.
package struct ModelShape: Sendable, Equatable {
  package var layers: Int
  package var width: Int
  package var heads: Int
  /// Heads of K and V; each serves `heads / keyValueHeads` query heads.
  package var keyValueHeads: Int
  /// Dims of a query or key head.
  package var keyWidth: Int
  /// Dims of a value head.
  package var valueWidth: Int
  package var feedForward: Int
  package var vocabulary: Int
  /// Positions the model was trained for.
  package var context: Int
  package var normEpsilon: Double
  /// Multiplies q . k.
  package var attentionScale: Double
  /// The width of the sliding window of each layer; 0: the layer sees everything before it.
  package var windows: [Int]
  package var parallelResidual: Bool
  package var attentionSoftcap: Double
  package var logitSoftcap: Double
  package var embeddingMultiplier: Double
  package var residualMultiplier: Double
  /// Logits are divided by this.
  package var logitDivisor: Double
  /// Ranks of multi-head latent attention; 0 elsewhere, and `queryRank` 0 where q is one matrix.
  package var latentRank: Int
  package var queryRank: Int

  /// Query heads that share one key and value head.
  package var groupSize: Int { heads / keyValueHeads }
}

extension ModelShape {
  init(_ parameters: Hyperparameters, rotaryDimensions: Int) throws {
    let block = parameters.architecture.block
    layers = try parameters.integer(.layers)
    width = try parameters.integer(.width)
    heads = try parameters.integer(.heads)
    guard layers <= 65_536 else {
      throw parameters.failure(.layers, "is \(layers), which no model has")
    }
    if block.attention == .latent {
      keyValueHeads = heads
      latentRank = try parameters.integer(.latentRank)
      queryRank = try parameters.optionalInteger(.queryRank) ?? 0
      let still = try parameters.optionalInteger(.stillKeyWidth)
      if let still {
        keyWidth = still + rotaryDimensions
      } else {
        keyWidth = try parameters.integer(.keyWidth)
      }
      valueWidth = try parameters.integer(.valueWidth)
    } else {
      keyValueHeads = try parameters.optionalInteger(.keyValueHeads) ?? heads
      latentRank = 0
      queryRank = 0
      if let stated = try parameters.optionalInteger(.keyWidth) {
        keyWidth = stated
      } else {
        guard width % heads == 0 else {
          throw parameters.failure(.heads, "is \(heads), which does not divide the width \(width)")
        }
        keyWidth = width / heads
      }
      valueWidth = try parameters.optionalInteger(.valueWidth) ?? keyWidth
    }
    guard heads % keyValueHeads == 0 else {
      throw parameters.failure(
        .keyValueHeads, "is \(keyValueHeads), which does not divide the \(heads) heads")
    }
    feedForward = try parameters.optionalInteger(.feedForward) ?? 4 * width
    vocabulary = 0
    context = try parameters.integer(.context)
    normEpsilon = try parameters.positive(.normEpsilon, default: 1e-5)
    let scalar = try parameters.optionalNumber(.queryScalar)
    if parameters.side == .huggingface, let scalar, scalar > 0 {
      attentionScale = 1 / scalar.squareRoot()
    } else if parameters.side == .gguf, block.widthScaledLayers.contains(layers) {
      attentionScale = 1 / Double(width / heads).squareRoot()
    } else {
      attentionScale = 1 / Double(keyWidth).squareRoot()
    }
    if let multiplier = try parameters.optionalNumber(.attentionMultiplier), multiplier != 0 {
      attentionScale = multiplier
    }
    parallelResidual =
      block.residual == .parallel && (parameters.flag(.parallelResidual) ?? true)
    attentionSoftcap = try parameters.optionalNumber(.attentionSoftcap) ?? 0
    logitSoftcap = try parameters.optionalNumber(.logitSoftcap) ?? 0
    embeddingMultiplier = try parameters.optionalNumber(.embeddingMultiplier) ?? 1
    if block.embeddingScale == .widthRoot {
      // The reference rounds the factor to the activations' type, which here is float32.
      embeddingMultiplier *= Double(Float(Double(width).squareRoot()))
    }
    residualMultiplier = try parameters.optionalNumber(.residualMultiplier) ?? 1
    logitDivisor = try parameters.optionalNumber(.logitDivisor) ?? 1
    windows = try Self.windows(parameters, layers: layers)
  }

  /// The factors an architecture may state; one that states none ignores them.
  package var multipliers: [(Hyperparameter, Double)] {
    [
      (.embeddingMultiplier, embeddingMultiplier), (.residualMultiplier, residualMultiplier),
      (.attentionMultiplier, attentionScale), (.logitDivisor, logitDivisor),
    ]
  }

  private static func windows(_ parameters: Hyperparameters, layers: Int) throws -> [Int] {
    let everywhere = [Int](repeating: 0, count: layers)
    guard parameters.flag(.windowEnabled) ?? true,
      let window = try parameters.optionalInteger(.window, minimum: 0), window > 0
    else { return everywhere }
    if let types = parameters.value(.layerTypes)?.array {
      guard types.count == layers else {
        throw parameters.failure(.layerTypes, "has \(types.count) entries for \(layers) layers")
      }
      return try types.map { type in
        switch type.string {
        case "sliding_attention": window
        case "full_attention": 0
        default:
          throw parameters.failure(
            .layerTypes, "holds an unknown type (known: sliding_attention, full_attention)")
        }
      }
    }
    let every = parameters.architecture.block.globalEvery
    guard every > 0 else {
      if parameters.architecture.hyperparameters[.windowEnabled] != nil,
        parameters.side == .huggingface
      {
        throw parameters.failure(.layerTypes, "is missing, though use_sliding_window is true")
      }
      return everywhere.map { _ in window }
    }
    return (0..<layers).map { ($0 + 1) % every == 0 ? 0 : window }
  }
}
