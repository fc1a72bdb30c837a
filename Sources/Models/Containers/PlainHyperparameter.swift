/// A hyper-parameter that a model keeps as its files state it. One row of a table here says how it is
/// read from either container and how it is written to either.
struct PlainHyperparameter: Sendable {
  let parameter: Hyperparameter
  /// Reads it into the shape, which holds what earlier rows have read.
  let read: @Sendable (Hyperparameters, inout StatedShape) throws -> Void
  /// What there is to write of a model of such blocks; nil: nothing.
  let value: @Sendable (StatedShape, BlockRecipe) -> StatedValue?

  /// A model's sizes.
  static let sizes: [Self] = [
    .whole(.layers, \.layers),
    .whole(.context, \.context),
    .whole(.width, \.width),
    .whole(.feedForward, \.feedForward, unstated: { 4 * $0.width }),
    .whole(.heads, \.heads),
    .whole(.keyValueHeads, \.keyValueHeads, unstated: \.heads),
  ]

  /// The vocabulary is the embedding's: what a file states is checked against that.
  static let vocabularyAndNorm: [Self] = [
    .init(
      parameter: .vocabulary, read: { _, _ in }, value: { shape, _ in .whole(shape.vocabulary) }),
    .positive(.normEpsilon, \.normEpsilon, unstated: 1e-5),
  ]

  /// Soft caps, which only a model that has them states, and multipliers.
  static let scales: [Self] = [
    .number(.logitSoftcap, \.logitSoftcap, unstated: 0, isWritten: { $0 != 0 }),
    .number(.attentionSoftcap, \.attentionSoftcap, unstated: 0, isWritten: { $0 != 0 }),
    .number(.embeddingMultiplier, \.embeddingMultiplier, unstated: 1),
    .number(.residualMultiplier, \.residualMultiplier, unstated: 1),
    AttentionScale.multiplier,
    .number(.logitDivisor, \.logitDivisor, unstated: 1),
  ]

  /// Whether a block of the parallel kind really is parallel (GPT-NeoX).
  static let residual: [Self] = [
    .init(
      parameter: .parallelResidual,
      read: { parameters, shape in
        shape.parallelResidual =
          parameters.architecture.block.residual == .parallel
          && (parameters.flag(.parallelResidual) ?? true)
      },
      value: { shape, block in
        block.residual == .parallel ? .flag(shape.parallelResidual) : nil
      })
  ]

  /// A whole number; `unstated` is the value where a file states none, nil where it must state it.
  private static func whole(
    _ parameter: Hyperparameter, _ path: WritableKeyPath<StatedShape, Int> & Sendable,
    unstated: (@Sendable (StatedShape) -> Int)? = nil
  ) -> Self {
    .init(
      parameter: parameter,
      read: { parameters, shape in
        let stated = try parameters.optionalInteger(parameter)
        shape[keyPath: path] =
          try stated ?? unstated?(shape) ?? parameters.integer(parameter)
      },
      value: { shape, _ in .whole(shape[keyPath: path]) })
  }

  private static func number(
    _ parameter: Hyperparameter, _ path: WritableKeyPath<StatedShape, Double> & Sendable,
    unstated: Double, isWritten: @escaping @Sendable (Double) -> Bool = { _ in true }
  ) -> Self {
    .init(
      parameter: parameter,
      read: { parameters, shape in
        shape[keyPath: path] = try parameters.optionalNumber(parameter) ?? unstated
      },
      value: { shape, _ in
        let value = shape[keyPath: path]
        return isWritten(value) ? .number(value) : nil
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
