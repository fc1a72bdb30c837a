/// A hyper-parameter that a model keeps as its files state it. One row of a table here says how it is
/// read from either container and how it is written to either.
struct PlainHyperparameter: Sendable {
  let parameter: Hyperparameter
  /// Reads it into the shape, which holds what earlier rows have read.
  let read: @Sendable (Hyperparameters, inout StatedShape) throws -> Void
  /// What there is to write of a model of such blocks; nil: nothing.
  let value: @Sendable (StatedShape, BlockRecipe) -> StatedValue?

  static let count: [Self] = [.whole(.layers, \.layers)]

  /// A model's sizes.
  static let sizes: [Self] = [
    .whole(.context, \.context),
    .whole(.width, \.width),
    SharedKeyValues.feedForward,
    .sizes(.heads, \.heads),
    .init(
      parameter: .keyValueHeads,
      read: { parameters, shape in
        let stated = try LayerSizes.read(.keyValueHeads, parameters, windows: shape.windows)
        shape.keyValueHeads =
          parameters.hasOneKeyValueHead ? shape.heads.map { _ in 1 } : stated ?? shape.heads
      },
      value: { shape, _ in .ofLayers(shape.keyValueHeads) }),
    .whole(.layerInputWidth, \.layerInputWidth, minimum: 0, unstated: { _ in 0 }),
    .init(parameter: .groupedQuery, read: { _, _ in }, value: { _, _ in .flag(true) }),
  ]

  /// The vocabulary is the embedding's: what a file states is checked against that.
  static let vocabularyAndNorm: [Self] = [
    .init(
      parameter: .vocabulary, read: { _, _ in }, value: { shape, _ in .whole(shape.vocabulary) }),
    .init(
      parameter: .layerInputVocabulary, read: { _, _ in },
      value: { shape, _ in .whole(shape.vocabulary) }),
    .positive(.normEpsilon, \.normEpsilon, unstated: 1e-5),
  ]

  /// Soft caps, which only a model that has them states, and multipliers.
  static let scales: [Self] = [
    .softcap(.logitSoftcap, \.logitSoftcap),
    .softcap(.attentionSoftcap, \.attentionSoftcap),
    .number(.embeddingMultiplier, \.embeddingMultiplier, unstated: 1),
    .number(.residualMultiplier, \.residualMultiplier, unstated: 1),
    AttentionScale.multiplier,
    .number(.logitDivisor, \.logitDivisor, unstated: 1),
    .init(
      parameter: .logitMultiplier,
      read: { parameters, shape in
        guard parameters.architecture.hyperparameters[.logitMultiplier] != nil else { return }
        shape.logitDivisor = 1 / (try parameters.positive(.logitMultiplier, default: 1))
      },
      // The number that was read: both reciprocals are exact to float32.
      value: { shape, _ in .number(Double(Float(1 / shape.logitDivisor))) }),
  ]

  /// Whether a block of the parallel kind really is parallel (GPT-NeoX), and how many norms it has.
  static let residual: [Self] = [
    .init(
      parameter: .parallelResidual,
      read: { parameters, shape in
        let stated = parameters.flag(.parallelResidual)
        shape.parallelResidual =
          switch parameters.architecture.block.residual {
          case .sequential: false
          case .parallel: stated ?? true
          case .parallelUnlessNormed where parameters.side == .gguf:
            // The ecosystem's converter writes true where config.json states nothing.
            !parameters.hasTensor(.feedForwardNormGain)
          case .parallelUnlessNormed: stated ?? false
          }
      },
      value: { shape, block in
        block.residual == .sequential ? nil : .flag(shape.parallelResidual)
      }),
    .init(
      parameter: .parallelNorms, read: { _, _ in },
      value: { shape, _ in .whole(shape.sharesNorm ? 1 : 2) }),
    .init(
      parameter: .residualStreams,
      read: { parameters, shape in shape.hyperConnections = try HyperConnections(parameters) },
      value: { shape, _ in shape.hyperConnections.map { .whole($0.streams) } }),
    .init(
      parameter: .streamIterations, read: { _, _ in },
      value: { shape, _ in shape.hyperConnections.map { .whole($0.iterations) } }),
    .init(
      parameter: .streamEpsilon, read: { _, _ in },
      value: { shape, _ in shape.hyperConnections.map { .number($0.epsilon) } }),
  ]

  /// A whole number; `unstated` is the value where a file states none, nil where it must state it.
  private static func whole(
    _ parameter: Hyperparameter, _ path: WritableKeyPath<StatedShape, Int> & Sendable,
    minimum: Int = 1, unstated: (@Sendable (StatedShape) -> Int)? = nil
  ) -> Self {
    .init(
      parameter: parameter,
      read: { parameters, shape in
        let stated = try parameters.optionalInteger(parameter, minimum: minimum)
        shape[keyPath: path] =
          try stated ?? unstated?(shape) ?? parameters.integer(parameter)
      },
      value: { shape, _ in .whole(shape[keyPath: path]) })
  }

  /// A size of each layer, which files must state.
  private static func sizes(
    _ parameter: Hyperparameter, _ path: WritableKeyPath<StatedShape, [Int]> & Sendable
  ) -> Self {
    .init(
      parameter: parameter,
      read: { parameters, shape in
        guard let sizes = try LayerSizes.read(parameter, parameters, windows: shape.windows) else {
          throw parameters.failure(parameter, "is missing")
        }
        shape[keyPath: path] = sizes
      },
      value: { shape, _ in .ofLayers(shape[keyPath: path]) })
  }

  private static func number(
    _ parameter: Hyperparameter, _ path: WritableKeyPath<StatedShape, Double> & Sendable,
    unstated: Double
  ) -> Self {
    .init(
      parameter: parameter,
      read: { parameters, shape in
        shape[keyPath: path] = try parameters.optionalNumber(parameter) ?? unstated
      },
      value: { shape, _ in .number(shape[keyPath: path]) })
  }

  /// A soft cap; that of a model without one is null in config.json and missing in GGUF,
  /// or 0 there, where readers assume one.
  private static func softcap(
    _ parameter: Hyperparameter, _ path: WritableKeyPath<StatedShape, Double> & Sendable
  ) -> Self {
    .init(
      parameter: parameter,
      read: { parameters, shape in
        let isDenied = parameters.isDenied(parameter)
        shape[keyPath: path] = isDenied ? 0 : try parameters.optionalNumber(parameter) ?? 0
      },
      value: { shape, _ in
        let cap = shape[keyPath: path]
        return cap != 0 ? .number(cap) : .nothing
      })
  }

  private static func positive(
    _ parameter: Hyperparameter, _ path: WritableKeyPath<StatedShape, Double> & Sendable,
    unstated: Double
  ) -> Self {
    .init(
      parameter: parameter,
      read: { parameters, shape in
        shape[keyPath: path] = try parameters.positive(parameter, default: unstated)
      },
      value: { shape, _ in .number(shape[keyPath: path]) })
  }
}
