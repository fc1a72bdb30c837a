import Rotary

/// One layer of a model: what it computes and where its weights come from.
package struct ModelLayer: Sendable {
  package let recipe: LayerRecipe
  /// All but those of experts.
  package let weights: [Role: WeightSource]
  /// The weights of each expert.
  package let experts: [[Role: WeightSource]]

  package init(
    recipe: LayerRecipe, weights: [Role: WeightSource], experts: [[Role: WeightSource]] = []
  ) {
    self.recipe = recipe
    self.weights = weights
    self.experts = experts
  }

  package subscript(role: Role) -> WeightSource? { weights[role] }

  /// Elements of all weights.
  package var elementCount: Int {
    Self.elements(weights) + experts.reduce(0) { $0 + Self.elements($1) }
  }

  /// Elements of all weights but those of experts.
  package var elementsBesideExperts: Int { Self.elements(weights) }

  /// Elements of one expert's weights; 0 in a dense layer.
  package var elementsOfExpert: Int { experts.first.map(Self.elements) ?? 0 }

  private static func elements(_ weights: [Role: WeightSource]) -> Int {
    weights.values.reduce(0) { $0 + $1.count }
  }

  /// The matrices that read what a norm gives, in the order of the roles.
  package func readers(ofNorm gain: Role) -> [Role] {
    Role.allCases.filter { norm(of: $0) == gain && weights[$0] != nil }
  }

  /// The gain of the norm whose output a matrix reads in this layer.
  private func norm(of role: Role) -> Role? {
    if recipe.hasDenseBesideExperts {
      if role == .router { return .routerNormGain }
      if role.isOfExperts { return .expertNormGain }
    }
    return recipe.residual.sharesNorm && role.norm == .feedForwardNormGain
      ? .attentionNormGain : role.norm
  }

  /// Whether part of every head's attention goes to a sink: the weights of tokens sum to less than 1.
  package var hasSinks: Bool { weights[.attentionSinks] != nil }

  /// Why neither an identity nor a fit can change keys or values of this layer by themselves; nil where
  /// they can.
  package var boundKeys: String? {
    if recipe.attention?.sharedVector != nil {
      return "its keys are its values, which one vector makes"
    }
    return recipe.attention?.isAbsorbed == true
      ? "its latent attention is absorbed: one vector is key and value of all heads" : nil
  }

  /// Why how far the layer's heads look cannot be told, which analyses and fits ask; nil where it can.
  package var unweighted: String? {
    recipe.attention?.decay == nil ? nil : "it attends by decay, whose weights do not sum to 1"
  }

  /// The matrix whose rows are the query heads.
  package var queryMatrix: Role {
    let attention = recipe.attention
    return attention?.sharedVector == nil && attention?.latent?.queryRank == nil
      ? .query : .queryUp
  }

  /// The matrix whose rows are the key heads; of latent attention, their still dims.
  package var keyMatrix: Role {
    switch recipe.attention?.kind {
    case .grouped, nil: .key
    case .latent: .latentKeyUp
    case .shared: .sharedVector
    }
  }

  /// The matrix whose rows are the value heads.
  package var valueMatrix: Role {
    switch recipe.attention?.kind {
    case .grouped, nil: .value
    case .latent: .latentValueUp
    case .shared: .sharedVector
    }
  }
}

/// The largest sizes that layers need: of memory that they use in turn.
package struct LayerCapacity: Sendable, Equatable {
  /// Elements of a row of queries, of keys, of values and of the heads' outputs; a delta rule keeps all
  /// of its channels where queries stand.
  package private(set) var queries = 0
  package private(set) var keys = 0
  package private(set) var values = 0
  package private(set) var outputs = 0
  /// Elements of one key and of one value head.
  package private(set) var keyWidth = 0
  package private(set) var valueWidth = 0
  /// Of a delta rule, value heads, elements of the matrices that a sequence keeps and of the rows before
  /// them, dims of a key and of a value head, and rows of the convolution; 0 where no layer has one.
  package private(set) var ruleHeads = 0
  package private(set) var ruleState = 0
  package private(set) var ruleTail = 0
  package private(set) var ruleKeyWidth = 0
  package private(set) var ruleValueWidth = 0
  package private(set) var ruleKernel = 0
  /// Elements of a row of gates that outputs are multiplied by.
  package private(set) var gates = 0
  /// Channels of a feed-forward network.
  package private(set) var feedForward = 0
  /// Experts, and those of them that a token goes through; 0 where no layer has any.
  package private(set) var experts = 0
  package private(set) var expertsUsed = 0
  /// Elements of the matrices that decay attention keeps of a sequence; 0 where no layer has it.
  package private(set) var decayState = 0
  /// Of latent attention: the latent vector, the shared key beside it, the still dims of all keys,
  /// and the vector that queries come from; 0 where no layer has it.
  package private(set) var latentRank = 0
  package private(set) var latentRow = 0
  package private(set) var stillKeys = 0
  package private(set) var queryRank = 0
  /// Of attention to shared vectors.
  package private(set) var shared = SharedVectorCapacity()

  /// The same without keys and values.
  package var withoutKeys: LayerCapacity {
    var capacity = self
    (capacity.keys, capacity.values) = (0, 0)
    return capacity
  }

  package init(_ recipes: some Sequence<LayerRecipe>) {
    for recipe in recipes {
      feedForward = max(
        feedForward, recipe.feedForward.width, recipe.experts?.network.width ?? 0,
        recipe.experts?.shared?.network.width ?? 0, recipe.inputWidth)
      experts = max(experts, recipe.experts?.count ?? 0)
      expertsUsed = max(expertsUsed, recipe.experts?.router.used ?? 0)
      if let rule = recipe.deltaRule {
        queries = max(queries, rule.channels)
        outputs = max(outputs, rule.valueRows)
        gates = max(gates, rule.valueRows)
        ruleHeads = max(ruleHeads, rule.valueHeads)
        ruleState = max(ruleState, rule.stateCount)
        ruleTail = max(ruleTail, (rule.kernel - 1) * rule.channels)
        ruleKeyWidth = max(ruleKeyWidth, rule.keyWidth)
        ruleValueWidth = max(ruleValueWidth, rule.valueWidth)
        ruleKernel = max(ruleKernel, rule.kernel)
      }
      guard let attention = recipe.attention else { continue }
      queries = max(queries, attention.queryRows)
      if let shared = attention.sharedVector {
        self.shared.include(shared, width: attention.keyWidth)
        queryRank = max(queryRank, shared.queryRank)
      } else {
        keys = max(keys, attention.keyRows)
        values = max(values, attention.valueRows)
      }
      outputs = max(outputs, attention.outputColumns)
      if attention.isGated { gates = max(gates, attention.outputColumns) }
      decayState = max(decayState, attention.stateCount)
      keyWidth = max(keyWidth, attention.keyWidth)
      valueWidth = max(valueWidth, attention.valueWidth)
      guard let latent = attention.latent else { continue }
      latentRank = max(latentRank, latent.rank)
      latentRow = max(latentRow, latent.rank + latent.sharedKeyWidth)
      if !attention.isAbsorbed {
        stillKeys = max(stillKeys, attention.heads * attention.stillKeyWidth)
      }
      queryRank = max(queryRank, latent.queryRank ?? 0)
    }
  }
}
