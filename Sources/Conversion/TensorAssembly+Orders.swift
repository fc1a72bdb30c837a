import Models
import Rotary

/// Rows and columns that lie in another order in the output's container: pairs of dims in its
/// layout, value heads in its order.
extension TensorAssembly {
  /// The order of a weight's rows in the output, where it differs from the source's.
  func rowOrder(_ part: Part) -> [Int]? {
    guard let layer = part.layer else { return nil }
    let recipe = plan.layers[layer].recipe
    if let rule = recipe.deltaRule { return ruleRowOrder(part, rule) }
    guard let attention = recipe.attention else { return nil }
    let (from, to) = (rotation.from.layers[layer], rotation.to.layers[layer])
    if part.role == .latentDown, let latent = attention.latent {
      // The key that all heads share stands below the latent vector.
      let order = scoreOrder(from, to, offset: 0, width: latent.sharedKeyWidth)
      return order.map { Array(0..<latent.rank) + $0.map { latent.rank + $0 } }
    }
    guard let heads = part.role.heads else { return nil }
    let (order, width) =
      switch heads {
      case .queries, .keys:
        (
          scoreOrder(from, to, offset: scoreOffset(from), width: attention.keyWidth),
          attention.keyWidth
        )
      case .values: (valueOrder(from, to, width: attention.valueWidth), attention.valueWidth)
      }
    // A norm of single heads has one gain for all of them.
    return order.map { order in
      (0..<(part.source.rows / width)).flatMap { head in order.map { head * width + $0 } }
    }
  }

  /// The order of a delta rule's rows in the output, where its value heads lie otherwise there.
  private func ruleRowOrder(_ part: Part, _ rule: DeltaRuleRecipe) -> [Int]? {
    guard let heads = valueHeadOrder(rule) else { return nil }
    func rows(of width: Int) -> [Int] {
      heads.flatMap { head in (head * width)..<((head + 1) * width) }
    }
    switch part.role {
    case .ruleChannels, .ruleConvolution:
      let still = 2 * rule.keyRows
      return Array(0..<still) + rows(of: rule.valueWidth).map { still + $0 }
    case .ruleGate: return rows(of: rule.valueWidth)
    case .ruleRate, .ruleDecay, .ruleDecayBias, .ruleDecayFactor: return heads
    default: return nil
    }
  }

  /// The order of a matrix's columns in the output: that of value heads in what reads them.
  func columnOrder(_ part: Part) -> [Int]? {
    guard part.role == .ruleOutput, let layer = part.layer,
      let rule = plan.layers[layer].recipe.deltaRule, let heads = valueHeadOrder(rule)
    else { return nil }
    return heads.flatMap { head in (head * rule.valueWidth)..<((head + 1) * rule.valueWidth) }
  }

  /// The source's value heads in the order of the output's container; nil where they stay.
  private func valueHeadOrder(_ rule: DeltaRuleRecipe) -> [Int]? {
    guard let order = plan.architecture.block.valueHeadOrders?[target], order != rule.order
    else { return nil }
    let perKey = rule.valueHeads / rule.keyHeads
    return switch order {
    case .tiled: (0..<rule.valueHeads).map { $0 % rule.keyHeads * perKey + $0 / rule.keyHeads }
    case .grouped: (0..<rule.valueHeads).map { $0 % perKey * rule.keyHeads + $0 / perKey }
    }
  }

  /// The order of one head's dims where pairs of queries and keys move to another layout.
  private func scoreOrder(
    _ from: RotaryLayer, _ to: RotaryLayer, offset: Int, width: Int
  ) -> [Int]? {
    guard let source = from.score else { return orderOfStillHeads(offset: offset, width: width) }
    guard let target = to.score else { return nil }
    let swaps = target.direction != source.direction
    guard target.layout != source.layout || swaps else { return nil }
    return source.layout.order(
      for: target.layout, pairs: source.pairs, offset: offset, width: width, swapping: swaps)
  }

  /// The containers' layouts are those of every layer: rows of one without positions move as well,
  /// which changes no score.
  private func orderOfStillHeads(offset: Int, width: Int) -> [Int]? {
    let layouts = plan.pairLayouts
    guard let from = layouts[plan.side], let to = layouts[target], from != to,
      let pairs = plan.rotary.scores.first?.pairs
    else { return nil }
    return from.order(for: to, pairs: pairs, offset: offset, width: width)
  }

  /// The first dim of a head's pairs, in a layer without positions that of other layers.
  private func scoreOffset(_ layer: RotaryLayer) -> Int {
    (layer.score ?? plan.rotary.scores.first)?.offset ?? 0
  }

  /// The order of one head's dims where pairs of values do, or turn the other way.
  private func valueOrder(_ from: RotaryLayer, _ to: RotaryLayer, width: Int) -> [Int]? {
    guard let source = from.value, let target = to.value else { return nil }
    let swaps = target.frequencies != source.frequencies
    guard target.layout != source.layout || swaps else { return nil }
    return source.layout.order(
      for: target.layout, pairs: source.slots, offset: 0, width: width, swapping: swaps)
  }
}
