import Models

/// What a sequence costs to compute, by its length, in arbitrary units: a long one costs more for
/// each token, since each attends to all before it. Only for telling how much of a run is left.
struct UnitCost {
  /// Products of a token in all matrices.
  private let token: Double
  /// Products of a token with one before it.
  private let pair: Double

  init(_ plan: ModelPlan) {
    let width = Double(plan.shape.width)
    var (token, pair) = (width * Double(plan.shape.vocabulary), 0.0)
    for layer in plan.layers {
      let experts = Double(layer.recipe.experts?.router.used ?? 1)
      token += 3 * width * Double(layer.recipe.feedForward.width) * experts
      guard let attention = layer.recipe.attention else { continue }
      let heads = Double(attention.heads) * Double(attention.keyWidth + attention.valueWidth)
      token += 2 * width * heads
      pair += heads
    }
    self.token = token
    self.pair = pair
  }

  /// The cost of a sequence of so many tokens.
  func of(_ tokens: Int) -> Double {
    let count = Double(tokens)
    return max(count * token + count * count / 2 * pair, 1)
  }
}
