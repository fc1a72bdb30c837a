import Base
import Evaluation
import Models
import OrderedCollections
import Rotary

/// What `inspect` shows layer by layer: how each attends, in a model whose keys are its values.
extension Inspection {
  /// One line for each layer; none for other models.
  static func layerLines(_ plan: ModelPlan) -> [(String, String)] {
    guard plan.layers.contains(where: { $0.recipe.attention?.sharedVector != nil }) else {
      return []
    }
    return plan.layers.enumerated().map { index, layer in
      guard let attention = layer.recipe.attention else {
        return ("layer \(index)", "no attention")
      }
      let parts = [
        attention.rotation.score.map { rotation(of: $0, plan) } ?? "no rotation",
        attention.window > 0 ? "\(attention.window) tokens" : "all tokens",
        attention.compression.map(entries),
        "sites \(attention.rotation.sites.name)",
      ]
      return ("layer \(index)", parts.compactMap { $0 }.joined(separator: ", "))
    }
  }

  /// What a set of rotations is called, where there are several.
  static func name(of score: ScoreRotation, _ plan: ModelPlan) -> String {
    plan.architecture.block.rotationName(isLocal: score.isLocal)
  }

  private static func rotation(of score: ScoreRotation, _ plan: ModelPlan) -> String {
    "\(name(of: score, plan)) (base \(Format.general(score.base)), \(words(score.scaling, plan)))"
  }

  /// A scaling with its factor and the tokens that it stretches.
  static func words(_ scaling: FrequencyScaling, _ plan: ModelPlan) -> String {
    scaling.words(from: plan.shape.context)
  }

  /// A set of rotations of queries and keys as JSON.
  static func set(_ score: ScoreRotation, _ plan: ModelPlan) -> JSONValue {
    let original = score.scaling.stretched(from: plan.shape.context)
    return [
      "base": .number(score.base), "scaling": .string(score.scaling.name),
      "factor": .finite(score.scaling.factor),
      "original_context": original.map { JSONValue($0) } ?? .null,
    ]
  }

  private static func entries(_ compression: AttentionRecipe.Compression) -> String {
    let windows = "\(compression.overlaps ? "overlapping " : "")windows of \(compression.rate)"
    return compression.index.map { "the best \($0.kept) of \(windows)" } ?? "all \(windows)"
  }

  /// How each layer compresses windows of tokens, null for one that does not; nil for other models.
  static func compressions(_ plan: ModelPlan) -> JSONValue? {
    let compressions = plan.layers.map { $0.recipe.attention?.compression }
    guard compressions.contains(where: { $0 != nil }) else { return nil }
    return .array(
      compressions.map { compression in
        guard let compression else { return .null }
        return [
          "rate": JSONValue(compression.rate), "overlaps": .bool(compression.overlaps),
          "kept": compression.index.map { JSONValue($0.kept) } ?? .null,
        ]
      })
  }
}
