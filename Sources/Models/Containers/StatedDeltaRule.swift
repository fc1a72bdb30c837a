import Base
import Checkpoints

/// Which layers of a model are delta rules, and their sizes.
enum StatedDeltaRule {
  /// How config.json names the kinds of layers.
  private enum Kind: CaseIterable {
    case attention, deltaRule

    var name: String {
      switch self {
      case .attention: LayerKind.full.rawValue
      case .deltaRule: "linear_attention"
      }
    }

    init?(_ name: String) {
      guard let kind = Self.allCases.first(where: { $0.name == name }) else { return nil }
      self = kind
    }
  }

  /// A recipe for each layer that is one; nil for the others.
  static func read(_ parameters: Hyperparameters, layers: Int) throws -> [DeltaRuleRecipe?] {
    let block = parameters.architecture.block
    guard let order = block.valueHeadOrders?[parameters.side] else {
      return [DeltaRuleRecipe?](repeating: nil, count: layers)
    }
    let attends = try attending(parameters, layers: layers)
    guard attends.contains(true) else {
      throw parameters.failure(.attentionEvery, "leaves no layer that attends")
    }
    let rule = try sizes(parameters, order: order)
    return attends.map { $0 ? nil : rule }
  }

  /// Whether each layer attends: what a list says, else every n-th.
  private static func attending(_ parameters: Hyperparameters, layers: Int) throws -> [Bool] {
    if let stated = parameters.value(.ruleLayers) {
      guard let list = stated.array else { throw parameters.failure(.ruleLayers, "is not a list") }
      try parameters.check(.ruleLayers, list, hasOneFor: layers)
      return try parameters.switches(.ruleLayers, list).map { !$0 }
    }
    if let types = parameters.value(.layerTypes)?.array {
      try parameters.check(.layerTypes, types, hasOneFor: layers)
      return try types.map { type in
        guard let kind = type.string.flatMap({ Kind($0) }) else {
          let known = Kind.allCases.map(\.name).joined(separator: ", ")
          throw parameters.failure(.layerTypes, "holds an unknown type (known: \(known))")
        }
        return kind == .attention
      }
    }
    let every = try parameters.integer(.attentionEvery)
    return (0..<layers).map { ($0 + 1) % every == 0 }
  }

  private static func sizes(
    _ parameters: Hyperparameters, order: DeltaRuleRecipe.ValueHeadOrder
  ) throws -> DeltaRuleRecipe {
    func size(_ parameter: Hyperparameter) throws -> Int {
      let size = try parameters.integer(parameter)
      guard size <= 1 << 20 else {
        throw parameters.failure(parameter, "is \(size), which no model has")
      }
      return size
    }
    let (keyHeads, valueHeads) = (try size(.ruleKeyHeads), try size(.ruleValueHeads))
    guard valueHeads % keyHeads == 0 else {
      throw parameters.failure(
        .ruleValueHeads, "is \(valueHeads), no multiple of the \(keyHeads) key heads")
    }
    let valueWidth: Int
    if let rows = try parameters.optionalInteger(.ruleValueRows) {
      guard rows % valueHeads == 0 else {
        throw parameters.failure(
          .ruleValueRows, "is \(rows), no multiple of the \(valueHeads) value heads")
      }
      valueWidth = rows / valueHeads
    } else {
      valueWidth = try size(.ruleValueWidth)
    }
    let rule = DeltaRuleRecipe(
      keyHeads: keyHeads, valueHeads: valueHeads, keyWidth: try size(.ruleKeyWidth),
      valueWidth: valueWidth, kernel: try size(.ruleKernel), order: order)
    guard rule.kernel <= 1 << 10 else {
      throw parameters.failure(.ruleKernel, "is \(rule.kernel), which no model has")
    }
    return rule
  }

  /// States the sizes and which layers they are of.
  static func write(_ plan: ModelPlan, to fields: inout some StatedFields) {
    guard let rule = plan.layers.lazy.compactMap(\.recipe.deltaRule).first else { return }
    fields.set(.ruleKeyHeads, .whole(rule.keyHeads))
    fields.set(.ruleValueHeads, .whole(rule.valueHeads))
    fields.set(.ruleKeyWidth, .whole(rule.keyWidth))
    fields.set(.ruleValueWidth, .whole(rule.valueWidth))
    fields.set(.ruleValueRows, .whole(rule.valueRows))
    fields.set(.ruleKernel, .whole(rule.kernel))
    let rules = plan.layers.map { $0.recipe.deltaRule != nil }
    fields.set(.ruleLayers, .flags(rules))
    fields.set(.layerTypes, .texts(rules.map { ($0 ? Kind.deltaRule : .attention).name }))
    if let every = rules.firstIndex(of: false).map({ $0 + 1 }),
      rules == rules.indices.map({ ($0 + 1) % every != 0 })
    {
      fields.set(.attentionEvery, .whole(every))
    }
  }
}
