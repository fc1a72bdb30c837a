/// How the weights of a layer, or those of the whole model, lie in the tensors of one container.
package struct WeightLayout: Sendable {
  private let shape: ModelShape
  private let attention: AttentionRecipe?
  private let rule: DeltaRuleRecipe?
  private let feedForward: Int
  private let inputWidth: Int
  private let layer: Int
  private let experts: ExpertsRecipe?
  private let rotaryPairs: Int
  private let side: Architecture.Side

  /// The layout of the weights of a layer with its number, or of the whole model where `recipe` is
  /// nil; a list of frequency factors has one for each of `rotaryPairs`.
  package init(
    shape: ModelShape, recipe: LayerRecipe?, layer: Int = 0, side: Architecture.Side,
    rotaryPairs: Int = 0
  ) {
    self.layer = layer
    inputWidth = recipe?.inputWidth ?? 0
    self.shape = shape
    self.rotaryPairs = rotaryPairs
    attention = recipe?.attention
    rule = recipe?.deltaRule
    feedForward = recipe?.feedForward.width ?? 0
    experts = recipe?.experts
    self.side = side
  }

  /// Channels of each expert.
  private var expertWidth: Int { experts?.network.width ?? 0 }

  /// Rows and columns of a weight as the model uses it; 0 where the layer has no such weight.
  package func size(of role: Role) -> (rows: Int, columns: Int) {
    switch role {
    case .embedding, .output: (shape.vocabulary, shape.width)
    case .outputBias: (shape.vocabulary, 1)
    case .outputStreams: (streams, shape.streamWidth)
    case .outputStreamsScale: (1, 1)
    case .outputStreamsBias: (streams, 1)
    case .attentionStreams, .feedForwardStreams: (coefficients, shape.streamWidth)
    case .attentionStreamsScale, .feedForwardStreamsScale: (3, 1)
    case .attentionStreamsBias, .feedForwardStreamsBias: (coefficients, 1)
    case .positions: (shape.context, shape.width)
    case .gate, .up: (feedForward, shape.width)
    case .gateBias, .upBias: (feedForward, 1)
    case .down: (shape.width, feedForward)
    case .attentionNormGain, .attentionNormBias, .attentionOutputBias, .attentionPostNormGain,
      .feedForwardNormGain, .feedForwardNormBias, .feedForwardPostNormGain, .downBias,
      .outputNormGain, .outputNormBias:
      (shape.width, 1)
    case .rotaryFactors, .rotaryFactorsShort, .rotaryFactorsLong: (rotaryPairs, 1)
    case .router: (experts?.count ?? 0, shape.width)
    case .routerTable: (shape.vocabulary, experts?.router.used ?? 0)
    case .routerBias, .routerCorrection: (experts?.count ?? 0, 1)
    case .routerNormGain, .expertNormGain, .densePostNormGain, .expertPostNormGain,
      .layerInputPostNormGain:
      (shape.width, 1)
    case .expertGain: (experts?.count ?? 0, 1)
    case .layerGain: (1, 1)
    case .layerInputEmbedding: (shape.vocabulary, shape.layers * shape.layerInputWidth)
    case .layerInputNormGain: (shape.layerInputWidth, 1)
    case .layerInputProjection, .layerInputGate: (inputWidth, shape.width)
    case .layerInputOutput: (shape.width, inputWidth)
    case .expertGate, .expertUp: (expertWidth, shape.width)
    case .expertGateBias, .expertUpBias: (expertWidth, 1)
    case .expertDown: (shape.width, expertWidth)
    case .expertDownBias: (shape.width, 1)
    case .sharedRouter: (1, shape.width)
    case .sharedGate, .sharedUp: (experts?.shared?.network.width ?? 0, shape.width)
    case .sharedDown: (shape.width, experts?.shared?.network.width ?? 0)
    default:
      attention.map { size(of: role, in: $0) } ?? rule.map { size(of: role, in: $0) } ?? (0, 0)
    }
  }

  private func size(
    of role: Role, in rule: DeltaRuleRecipe
  ) -> (rows: Int, columns: Int) {
    switch role {
    case .ruleChannels: (rule.channels, shape.width)
    case .ruleConvolution: (rule.channels, rule.kernel)
    case .ruleGate: (rule.valueRows, shape.width)
    case .ruleRate, .ruleDecay: (rule.valueHeads, shape.width)
    case .ruleDecayBias, .ruleDecayFactor: (rule.valueHeads, 1)
    case .ruleNormGain: (rule.valueWidth, 1)
    case .ruleOutput: (shape.width, rule.valueRows)
    default: (0, 0)
    }
  }

  private var streams: Int { shape.hyperConnections?.streams ?? 0 }
  /// Weights of a connection to them: one to read, one to write, one for each scale to mix.
  private var coefficients: Int { shape.hyperConnections?.coefficients ?? 0 }

  private func size(
    of role: Role, in attention: AttentionRecipe
  ) -> (rows: Int, columns: Int) {
    let isNormedWhole = attention.headNorm == .full
    switch role {
    case .query: return (attention.queryRows, shape.width)
    case .key: return (attention.keyRows, shape.width)
    case .value: return (attention.valueRows, shape.width)
    case .attentionGate: return (attention.outputColumns, shape.width)
    case .queryBias: return (attention.queryRows, 1)
    case .keyBias: return (attention.keyRows, 1)
    case .valueBias: return (attention.valueRows, 1)
    case .attentionOutput: return (shape.width, attention.outputColumns)
    case .attentionSinks: return (attention.heads, 1)
    case .headNormGain: return (attention.valueWidth, 1)
    case .queryNormGain: return (isNormedWhole ? attention.queryRows : attention.keyWidth, 1)
    case .keyNormGain: return (isNormedWhole ? attention.keyRows : attention.keyWidth, 1)
    default: break
    }
    if let shared = attention.sharedVector { return size(of: role, in: shared, of: attention) }
    guard let latent = attention.latent else { return (0, 0) }
    let queryRank = latent.queryRank ?? 0
    return switch role {
    case .queryDown: (queryRank, shape.width)
    case .queryDownNormGain: (queryRank, 1)
    case .queryUp: (attention.queryRows, queryRank)
    case .latentDown: (latent.rank + latent.sharedKeyWidth, shape.width)
    case .latentNormGain: (latent.rank, 1)
    case .latentKeyUp: (attention.heads * attention.stillKeyWidth, latent.rank)
    case .latentValueUp: (attention.valueRows, latent.rank)
    default: (0, 0)
    }
  }

  private func size(
    of role: Role, in shared: AttentionRecipe.SharedVector, of attention: AttentionRecipe
  ) -> (rows: Int, columns: Int) {
    let outputs = shared.outputGroups * shared.outputRank
    let rate = shared.compression?.rate ?? 0
    let series = shared.compression?.series ?? 0
    let index = shared.compression?.index
    let (compressed, indexed) = (series * attention.keyWidth, series * (index?.width ?? 0))
    return switch role {
    case .queryDown: (shared.queryRank, shape.width)
    case .queryDownNormGain: (shared.queryRank, 1)
    case .queryUp: (attention.queryRows, shared.queryRank)
    case .sharedVector: (attention.keyWidth, shape.width)
    case .sharedVectorNormGain, .compressedNormGain: (attention.keyWidth, 1)
    case .outputDown: (outputs, attention.outputColumns / shared.outputGroups)
    case .outputUp: (shape.width, outputs)
    case .compressed, .compressedGate: (compressed, shape.width)
    case .compressedPlaces: (rate, compressed)
    case .indexQuery: ((index?.heads ?? 0) * (index?.width ?? 0), shared.queryRank)
    case .indexHeads: (index?.heads ?? 0, shape.width)
    case .indexCompressed, .indexGate: (indexed, shape.width)
    case .indexPlaces: (rate, indexed)
    case .indexNormGain: (index?.width ?? 0, 1)
    default: (0, 0)
    }
  }

  /// Matrices that stand one below another in a weight, each for inputs of its own: those of groups
  /// of heads, or one.
  package func blocks(of role: Role) -> Int {
    role == .outputDown ? attention?.sharedVector?.outputGroups ?? 1 : 1
  }

  /// How many matrices or vectors a tensor holds: those of all experts, or one.
  package func stackHeight(_ role: Role, _ name: WeightName) -> Int? {
    role.isOfExperts && name.isStack ? experts?.count : nil
  }

  /// The shape of the tensor that holds the weight, fused partners and other experts included.
  package func storedShape(
    _ role: Role, _ name: WeightName, rows: Int, columns: Int
  ) -> [Int] {
    let one = shapeOfOne(role, name, rows: rows, columns: columns)
    return stackHeight(role, name).map { [$0] + one } ?? one
  }

  /// Rows that a weight and its fused partners have together.
  package func storedRows(_ part: WeightName.Part?, rows: Int) -> Int {
    switch part {
    case .query, .key, .value, .queryOfHead, .keyOfHead, .valueOfHead, .queryOfGroup, .keyOfGroup,
      .valueOfGroup:
      attention.map { $0.queryRows + $0.keyRows + $0.valueRows } ?? rows
    case .latentKey, .latentValue:
      attention.map { $0.heads * ($0.stillKeyWidth + $0.valueWidth) } ?? rows
    case .queryOfGated, .gateOfQuery:
      attention.map { $0.queryRows + $0.outputColumns } ?? rows
    case .channelsOfKeyHead, .gateOfKeyHead: rule.map { $0.channels + $0.valueRows } ?? rows
    case .rateOfKeyHead, .decayOfKeyHead: 2 * rows
    case .gate, .up, .even, .odd: 2 * rows
    case .ofLayer: shape.layers * rows
    case nil: rows
    }
  }

  private func shapeOfOne(
    _ role: Role, _ name: WeightName, rows: Int, columns: Int
  ) -> [Int] {
    let storedRows = storedRows(name.part, rows: rows)
    if role.isVector { return name.form == .row ? [1, storedRows] : [storedRows] }
    // A matrix of one row is a vector in GGUF.
    if role == .sharedRouter, side == .gguf { return [columns] }
    let heads = attention?.heads ?? 1
    switch name.form {
    case .transposed: return [columns, storedRows]
    case .transposedPerHead: return [heads, columns, rows / heads]
    case .plain, .row, .gainMinusOne, .negativeLogarithm:
      // DeepSeek's GGUF files keep the value half of kv_b as a stack of one matrix per head.
      if role == .latentValueUp, side == .gguf { return [heads, rows / heads, columns] }
      // PyTorch keeps a convolution of each channel by itself as one of a single input channel.
      if role == .ruleConvolution, side == .huggingface { return [storedRows, 1, columns] }
      return [storedRows, columns]
    }
  }

  /// The stored rows that belong to a part of a fused tensor, in the order of the weight's rows.
  package func ranges(_ part: WeightName.Part?, rows: Int) -> [Range<Int>] {
    switch part {
    case nil, .query, .gate: return [0..<rows]
    case .up: return [rows..<(2 * rows)]
    case .even: return (0..<rows).map { (2 * $0)..<(2 * $0 + 1) }
    case .odd: return (0..<rows).map { (2 * $0 + 1)..<(2 * $0 + 2) }
    case .ofLayer: return [(layer * rows)..<((layer + 1) * rows)]
    default: break
    }
    if let rule { return ranges(part, of: rule) }
    guard let attention else { return [0..<rows] }
    func perHead(offset: Int, width: Int, stride: Int) -> [Range<Int>] {
      (0..<attention.heads).map { head in
        let start = head * stride + offset
        return start..<(start + width)
      }
    }
    let (queries, keys) = (attention.queryRows, attention.keyRows)
    let (keyWidth, valueWidth) = (attention.keyWidth, attention.valueWidth)
    func perGroup(offset: Int, width: Int) -> [Range<Int>] {
      let stride = attention.groupSize * keyWidth + keyWidth + valueWidth
      return (0..<attention.keyValueHeads).map { group in
        let start = group * stride + offset
        return start..<(start + width)
      }
    }
    let still = attention.stillKeyWidth
    return switch part {
    case .key: [queries..<(queries + rows)]
    case .value: [(queries + keys)..<(queries + keys + rows)]
    case .queryOfHead: perHead(offset: 0, width: keyWidth, stride: 3 * keyWidth)
    case .keyOfHead: perHead(offset: keyWidth, width: keyWidth, stride: 3 * keyWidth)
    case .valueOfHead: perHead(offset: 2 * keyWidth, width: keyWidth, stride: 3 * keyWidth)
    case .queryOfGroup: perGroup(offset: 0, width: attention.groupSize * keyWidth)
    case .keyOfGroup: perGroup(offset: attention.groupSize * keyWidth, width: keyWidth)
    case .valueOfGroup: perGroup(offset: (attention.groupSize + 1) * keyWidth, width: valueWidth)
    case .queryOfGated: perHead(offset: 0, width: keyWidth, stride: keyWidth + valueWidth)
    case .gateOfQuery: perHead(offset: keyWidth, width: valueWidth, stride: keyWidth + valueWidth)
    case .latentKey: perHead(offset: 0, width: still, stride: still + valueWidth)
    case .latentValue: perHead(offset: still, width: valueWidth, stride: still + valueWidth)
    default: [0..<rows]
    }
  }

  /// The same for parts that a delta rule's key head keeps together.
  private func ranges(_ part: WeightName.Part?, of rule: DeltaRuleRecipe) -> [Range<Int>] {
    let perKey = rule.valueHeads / rule.keyHeads
    let values = perKey * rule.valueWidth
    func perHead(offset: Int, width: Int, stride: Int) -> [Range<Int>] {
      (0..<rule.keyHeads).map { head in
        let start = head * stride + offset
        return start..<(start + width)
      }
    }
    let stride = 2 * rule.keyWidth + 2 * values
    return switch part {
    case .channelsOfKeyHead:
      perHead(offset: 0, width: rule.keyWidth, stride: stride)
        + perHead(offset: rule.keyWidth, width: rule.keyWidth, stride: stride)
        + perHead(offset: 2 * rule.keyWidth, width: values, stride: stride)
    case .gateOfKeyHead:
      perHead(offset: 2 * rule.keyWidth + values, width: values, stride: stride)
    case .rateOfKeyHead: perHead(offset: 0, width: perKey, stride: 2 * perKey)
    case .decayOfKeyHead: perHead(offset: perKey, width: perKey, stride: 2 * perKey)
    default: []
    }
  }
}
