import Inference
import Models
import Rotary
import Tensors

/// Applies identities to one layer's weights.
struct Absorption {
  let plan: ModelPlan
  /// The variant the output declares: an identity must hold for it.
  let target: RotaryConfiguration
  let identities: [AbsorptionIdentity]

  private var shape: ModelShape { plan.shape }
  private var isLatent: Bool { plan.architecture.block.attention == .latent }
  private var valueRole: Role { isLatent ? .latentValueUp : .value }
  private var keyRole: Role { isLatent ? .latentKeyUp : .key }
  private var queryRole: Role { isLatent && shape.queryRank > 0 ? .queryUp : .query }

  /// The matrices and vectors that read each norm, with the bias a norm's bias goes into.
  private var normReaders: [(gain: Role, bias: Role, readers: [(matrix: Role, bias: Role?)])] {
    var all: [(gain: Role, bias: Role, readers: [(matrix: Role, bias: Role?)])] = []
    if isLatent {
      let query: Role = shape.queryRank > 0 ? .queryDown : .query
      all.append((.attentionNormGain, .attentionNormBias, [(query, nil), (.latentDown, nil)]))
    } else {
      all.append(
        (
          .attentionNormGain, .attentionNormBias,
          [(.query, .queryBias), (.key, .keyBias), (.value, .valueBias)]
        ))
    }
    all.append(
      (.feedForwardNormGain, .feedForwardNormBias, [(.gate, nil), (.up, .upBias)]))
    return all
  }

  /// Roles whose weights change in every layer.
  func rewrittenRoles() -> Set<Role> {
    var roles: Set<Role> = []
    for identity in identities {
      switch identity {
      case .pairLayout:
        if target.sites.rotatesMessage { roles.insert(.attentionOutput) }
      case .valueBasis: roles.formUnion([valueRole, .valueBias, .attentionOutput])
      case .scoreBasis: roles.formUnion([queryRole, keyRole, .queryBias, .keyBias])
      case .valueBias:
        if !target.sites.rotatesMessage { roles.formUnion([.valueBias, .attentionOutputBias]) }
      case .normGain:
        for norm in normReaders {
          roles.formUnion([norm.gain, norm.bias])
          for reader in norm.readers {
            roles.insert(reader.matrix)
            if let bias = reader.bias { roles.insert(bias) }
          }
        }
      case .stillPairs: break
      }
    }
    let known = Set(plan.layers.first?.keys.map { $0 } ?? [])
    return roles.intersection(known)
  }

  /// Roles that must be decoded for the rewriting, changed or not.
  func neededRoles() -> Set<Role> {
    var roles = rewrittenRoles()
    if identities.contains(.valueBias) { roles.formUnion([.attentionOutput, .valueBias]) }
    return roles
  }

  /// Refuses identities that do not hold for this model and variant.
  func check() throws(ConversionError) {
    func refuse(_ identity: AbsorptionIdentity, _ reason: String) -> ConversionError {
      .identityDoesNotHold(
        file: plan.checkpoint.path, identity: identity.rawValue, reason: reason)
    }
    for identity in identities {
      switch identity {
      case .pairLayout, .valueBasis: break
      case .scoreBasis:
        if plan.architecture.block.queryKeyNorm != .none {
          throw refuse(identity, "a norm of queries and keys stands between the weights and scores")
        }
      case .valueBias:
        guard plan.layers.contains(where: { $0[.valueBias] != nil }) else {
          throw refuse(identity, "the model has no value bias")
        }
        if !target.sites.rotatesMessage, plan.rotary.sites.rotatesMessage {
          throw refuse(identity, "values or outputs rotate in the source")
        }
        if !target.sites.rotatesMessage,
          plan.layers.contains(where: { $0[.attentionOutputBias] == nil })
        {
          throw refuse(
            identity,
            "\(plan.architecture.name) has no output bias to take the value bias; with v or o rotated"
              + " it is declared unrotated instead")
        }
      case .normGain:
        if plan.architecture.block.normPlacement == .after {
          throw refuse(identity, "the norms stand after the sublayers")
        }
        if target.sites.rotatesMessage, target.value?.bias == .unrotated,
          plan.layers.contains(where: { $0[.attentionNormBias] != nil })
        {
          throw refuse(identity, "the norm's bias rotates with the values, a value bias would not")
        }
      case .stillPairs:
        if !target.sites.rotatesMessage { throw refuse(identity, "no value pair rotates") }
      }
    }
  }

  /// Applies the identities in an order in which each finds what it needs: gains and biases first,
  /// then bases, permutations last.
  func apply(to state: inout LayerState, layer: Int) throws {
    if identities.contains(.normGain) { foldNorms(&state) }
    if identities.contains(.valueBias), !target.sites.rotatesMessage { moveValueBias(&state) }
    if identities.contains(.valueBasis) { try changeValueBasis(&state, layer: layer) }
    if identities.contains(.scoreBasis) { try changeScoreBasis(&state) }
    if identities.contains(.pairLayout), target.sites.rotatesMessage { permuteOutput(&state) }
  }

  private func foldNorms(_ state: inout LayerState) {
    for norm in normReaders {
      guard let gain = state.weights[norm.gain] else { continue }
      let offset = state.weights[norm.bias]
      for reader in norm.readers {
        guard var matrix = state.weights[reader.matrix] else { continue }
        if let offset, let biasRole = reader.bias, var bias = state.weights[biasRole] {
          for row in 0..<matrix.rows {
            var sum = 0.0
            for column in 0..<matrix.columns {
              sum += matrix[row, column] * offset.values[column]
            }
            bias.values[row] += sum
          }
          state.weights[biasRole] = bias
        }
        for row in 0..<matrix.rows {
          for column in 0..<matrix.columns { matrix[row, column] *= gain.values[column] }
        }
        state.weights[reader.matrix] = matrix
      }
      state.weights[norm.gain]?.values = [Double](repeating: 1, count: gain.values.count)
      if let offset {
        state.weights[norm.bias]?.values = [Double](repeating: 0, count: offset.values.count)
      }
    }
  }

  /// `b_o += sum_h W_o^h b_v`, since attention weights sum to 1.
  private func moveValueBias(_ state: inout LayerState) {
    guard let output = state.weights[.attentionOutput],
      var target = state.weights[.attentionOutputBias],
      let bias = state.weights[.valueBias]
    else { return }
    for row in 0..<output.rows {
      var sum = 0.0
      for head in 0..<shape.heads {
        let group = head / shape.groupSize
        for dim in 0..<shape.valueWidth {
          sum +=
            output[row, head * shape.valueWidth + dim] * bias.values[group * shape.valueWidth + dim]
        }
      }
      target.values[row] += sum
    }
    state.weights[.attentionOutputBias] = target
    state.weights[.valueBias]?.values = [Double](repeating: 0, count: bias.values.count)
  }

  private func changeValueBasis(_ state: inout LayerState, layer: Int) throws {
    var turning: [(Int, Int)] = []
    if target.sites.rotatesMessage, let rotation = target.value {
      for (pair, frequency) in rotation.frequencies[layer].enumerated() where frequency != 0 {
        turning.append(valueSourceLayout.dims(ofPair: pair, pairs: rotation.slots))
      }
    }
    for group in 0..<shape.keyValueHeads {
      let first = group * shape.valueWidth
      let heads = (group * shape.groupSize)..<((group + 1) * shape.groupSize)
      guard let values = state.rows(valueRole, from: first, count: shape.valueWidth) else { return }
      let outputs = heads.compactMap { state.outputHead($0) }
      let change = try BasisChange.mixed(values, outputs, turning: turning)
      state.setRows(valueRole, from: first, to: change.forward * values)
      if let bias = state.rows(.valueBias, from: first, count: shape.valueWidth) {
        state.setRows(.valueBias, from: first, to: change.forward * bias)
      }
      for (head, output) in zip(heads, outputs) {
        state.setOutputHead(head, to: change.backward * output)
      }
    }
  }

  private func changeScoreBasis(_ state: inout LayerState) throws {
    // Latent attention shares its rotary key between heads: only the still dims may change.
    let still = target.score.offset
    let width = isLatent ? still : shape.keyWidth
    let keyStride = isLatent ? still : shape.keyWidth
    var turning: [(Int, Int)] = []
    if target.sites.rotatesScores, !isLatent {
      for pair in 0..<target.score.pairs {
        let dims = plan.rotary.score.layout.dims(ofPair: pair, pairs: target.score.pairs)
        turning.append((still + dims.0, still + dims.1))
      }
    }
    for group in 0..<shape.keyValueHeads {
      guard let keys = state.rows(keyRole, from: group * keyStride, count: width) else { return }
      let heads = (group * shape.groupSize)..<((group + 1) * shape.groupSize)
      let queries = heads.compactMap {
        state.rows(queryRole, from: $0 * shape.keyWidth, count: width)
      }
      let change = try BasisChange.mixed(keys, queries, turning: turning)
      state.setRows(keyRole, from: group * keyStride, to: change.forward * keys)
      if let bias = state.rows(.keyBias, from: group * keyStride, count: width) {
        state.setRows(.keyBias, from: group * keyStride, to: change.forward * bias)
      }
      for (head, query) in zip(heads, queries) {
        let first = head * shape.keyWidth
        state.setRows(queryRole, from: first, to: change.backward * query)
        if let bias = state.rows(.queryBias, from: first, count: width) {
          state.setRows(.queryBias, from: first, to: change.backward * bias)
        }
      }
    }
  }

  /// The layout of value pairs before A1 permutes them.
  private var valueSourceLayout: PairLayout {
    guard let layout = target.value?.layout else { return target.score.layout }
    return identities.contains(.pairLayout) ? layout.other : layout
  }

  private func permuteOutput(_ state: inout LayerState) {
    guard let rotation = target.value, let output = state.weights[.attentionOutput] else { return }
    let order = rotation.layout.other.order(
      for: rotation.layout, pairs: rotation.slots, offset: 0, width: shape.valueWidth)
    var result = output
    for row in 0..<output.rows {
      for head in 0..<shape.heads {
        let base = head * shape.valueWidth
        for (dim, source) in order.enumerated() {
          result[row, base + dim] = output[row, base + source]
        }
      }
    }
    state.weights[.attentionOutput] = result
  }
}
