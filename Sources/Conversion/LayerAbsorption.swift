import Models
import Rotary
import Tensors

/// Applies identities to one layer's weights.
struct LayerAbsorption {
  let layer: ModelLayer
  /// How the layer rotates in the output.
  let target: RotaryLayer
  let identities: [AbsorptionIdentity]
  /// A value bias goes into the output's (A4). Where any layer rotates its message, the biases of all
  /// stay where they are and are declared unrotated.
  let movesValueBias: Bool

  private var attention: AttentionRecipe { layer.recipe.attention ?? .headless }

  /// The norms whose gain goes into what reads them (A5): those before the sublayers. Norms within
  /// latent attention keep theirs, and those before experts, which stay as they are.
  static func foldedNorms(of layer: ModelLayer) -> [Role] {
    guard layer.recipe.experts != nil else { return [.attentionNormGain, .feedForwardNormGain] }
    return layer.recipe.residual.sharesNorm ? [] : [.attentionNormGain]
  }

  private var foldedNorms: [Role] { Self.foldedNorms(of: layer) }

  /// Dims of pairs change their places.
  private var movesPairs: Bool {
    identities.contains(.pairLayout) || identities.contains(.direction)
  }

  /// The layout of value pairs before A1 permutes them.
  private func layoutBefore(_ rotation: ValueRotation) -> PairLayout {
    identities.contains(.pairLayout) ? rotation.layout.other : rotation.layout
  }

  /// Roles whose weights change.
  func rewrittenRoles() -> Set<Role> {
    // What is not attention stays as it is.
    guard layer.recipe.attention != nil else { return [] }
    var roles: Set<Role> = []
    func insert(_ changed: Role?...) { roles.formUnion(changed.compactMap { $0 }) }
    for identity in identities {
      switch identity {
      case .pairLayout, .direction:
        if target.sites.rotatesMessage { insert(.attentionOutput) }
      case .valueBasis: insert(layer.valueMatrix, .valueBias, .attentionOutput)
      case .scoreBasis: insert(layer.queryMatrix, layer.keyMatrix, .queryBias, .keyBias)
      case .valueBias:
        if movesValueBias { insert(.valueBias, .attentionOutputBias) }
      case .normGain:
        for gain in foldedNorms {
          insert(gain, gain.bias)
          for reader in layer.readers(ofNorm: gain) { insert(reader, reader.bias) }
        }
      case .latent: insert(layer.queryMatrix, .attentionOutput)
      case .stillPairs: break
      }
    }
    return roles.filter { layer[$0] != nil }
  }

  /// Roles that must be decoded for the rewriting, changed or not.
  func neededRoles() -> Set<Role> {
    var roles = rewrittenRoles()
    if identities.contains(.latent) { roles.formUnion([.latentKeyUp, .latentValueUp]) }
    return layer.recipe.attention != nil && identities.contains(.valueBias)
      ? roles.union([.attentionOutput, .valueBias]) : roles
  }

  /// Applies the identities in an order in which each finds what it needs: gains and biases first,
  /// then bases, permutations last.
  func apply(to state: inout LayerState) throws {
    if identities.contains(.normGain) { foldNorms(&state) }
    if identities.contains(.valueBias), movesValueBias { moveValueBias(&state) }
    if identities.contains(.valueBasis) { try changeValueBasis(&state) }
    if identities.contains(.scoreBasis) { try changeScoreBasis(&state) }
    if movesPairs, target.sites.rotatesMessage { permuteOutput(&state) }
    if identities.contains(.latent) { absorbLatent(&state) }
  }

  /// Scores `(W_UK c)^T q = c^T (W_UK^T q)` and outputs `W_o (W_UV c)` read the latent vector itself.
  private func absorbLatent(_ state: inout LayerState) {
    guard let absorbed = attention.absorbed, let latent = attention.latent,
      let queries = state.weights[layer.queryMatrix], let output = state.weights[.attentionOutput]
    else { return }
    let (still, rotary) = (attention.stillKeyWidth, latent.sharedKeyWidth)
    var newQueries = DoubleMatrix(rows: absorbed.queryRows, columns: queries.columns)
    var newOutput = DoubleMatrix(rows: output.rows, columns: absorbed.outputColumns)
    for head in 0..<attention.heads {
      let first = head * attention.keyWidth
      guard let keyUp = state.rows(.latentKeyUp, from: head * still, count: still),
        let query = state.rows(layer.queryMatrix, from: first, count: still),
        let turning = state.rows(layer.queryMatrix, from: first + still, count: rotary),
        let valueUp = state.rows(
          .latentValueUp, from: head * attention.valueWidth, count: attention.valueWidth),
        let outputHead = state.outputHead(head)
      else { return }
      let rows = (keyUp.transposed() * query).values + turning.values
      let start = head * absorbed.keyWidth * queries.columns
      newQueries.values.replaceSubrange(start..<(start + rows.count), with: rows)
      let columns = valueUp.transposed() * outputHead
      for row in 0..<output.rows {
        for dim in 0..<latent.rank {
          newOutput[row, head * latent.rank + dim] = columns[dim, row]
        }
      }
    }
    state.weights[layer.queryMatrix] = newQueries
    state.weights[.attentionOutput] = newOutput
  }

  private func foldNorms(_ state: inout LayerState) {
    for norm in foldedNorms {
      guard let gain = state.weights[norm] else { continue }
      let offset = norm.bias.flatMap { state.weights[$0] }
      for reader in layer.readers(ofNorm: norm) {
        guard var matrix = state.weights[reader] else { continue }
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
        state.weights[reader] = matrix
      }
      state.weights[norm]?.values = [Double](repeating: 1, count: gain.values.count)
      if let offset, let biasRole = norm.bias {
        state.weights[biasRole]?.values = [Double](repeating: 0, count: offset.values.count)
      }
    }
  }

  /// `b_o += sum_h W_o^h b_v`, since attention weights sum to 1.
  private func moveValueBias(_ state: inout LayerState) {
    guard let output = state.weights[.attentionOutput],
      var moved = state.weights[.attentionOutputBias],
      let bias = state.weights[.valueBias]
    else { return }
    let width = attention.valueWidth
    for row in 0..<output.rows {
      var sum = 0.0
      for head in 0..<attention.heads {
        let group = head / attention.groupSize
        for dim in 0..<width {
          sum += output[row, head * width + dim] * bias.values[group * width + dim]
        }
      }
      moved.values[row] += sum
    }
    state.weights[.attentionOutputBias] = moved
    state.weights[.valueBias]?.values = [Double](repeating: 0, count: bias.values.count)
  }

  private func changeValueBasis(_ state: inout LayerState) throws {
    var turning: [(Int, Int)] = []
    if target.sites.rotatesMessage, let rotation = target.value {
      let layout = layoutBefore(rotation)
      for (pair, frequency) in rotation.frequencies.enumerated() where frequency != 0 {
        turning.append(layout.dims(ofPair: pair, pairs: rotation.slots))
      }
    }
    let (matrix, width) = (layer.valueMatrix, attention.valueWidth)
    for group in 0..<attention.keyValueHeads {
      let first = group * width
      let heads = attention.members(ofGroup: group)
      guard let values = state.rows(matrix, from: first, count: width) else { return }
      let outputs = heads.compactMap { state.outputHead($0) }
      let change = try BasisChange.mixed(values, outputs, turning: turning)
      state.setRows(matrix, from: first, to: change.forward * values)
      if let bias = state.rows(.valueBias, from: first, count: width) {
        state.setRows(.valueBias, from: first, to: change.forward * bias)
      }
      for (head, output) in zip(heads, outputs) {
        state.setOutputHead(head, to: change.backward * output)
      }
    }
  }

  private func changeScoreBasis(_ state: inout LayerState) throws {
    // Latent attention shares its rotary key between heads: only the still dims may change.
    let width = attention.stillKeyWidth
    var turning: [(Int, Int)] = []
    if target.sites.rotatesScores, attention.latent == nil, let score = attention.rotation.score {
      for pair in 0..<score.pairs {
        let dims = score.layout.dims(ofPair: pair, pairs: score.pairs)
        turning.append((score.offset + dims.0, score.offset + dims.1))
      }
    }
    let (keyMatrix, queryMatrix) = (layer.keyMatrix, layer.queryMatrix)
    for group in 0..<attention.keyValueHeads {
      guard let keys = state.rows(keyMatrix, from: group * width, count: width) else { return }
      let heads = attention.members(ofGroup: group)
      let queries = heads.compactMap {
        state.rows(queryMatrix, from: $0 * attention.keyWidth, count: width)
      }
      let change = try BasisChange.mixed(keys, queries, turning: turning)
      state.setRows(keyMatrix, from: group * width, to: change.forward * keys)
      if let bias = state.rows(.keyBias, from: group * width, count: width) {
        state.setRows(.keyBias, from: group * width, to: change.forward * bias)
      }
      for (head, query) in zip(heads, queries) {
        let first = head * attention.keyWidth
        state.setRows(queryMatrix, from: first, to: change.backward * query)
        if let bias = state.rows(.queryBias, from: first, count: width) {
          state.setRows(.queryBias, from: first, to: change.backward * bias)
        }
      }
    }
  }

  private func permuteOutput(_ state: inout LayerState) {
    guard let rotation = target.value, let output = state.weights[.attentionOutput] else { return }
    let width = attention.valueWidth
    let order = layoutBefore(rotation).order(
      for: rotation.layout, pairs: rotation.slots, offset: 0, width: width,
      swapping: identities.contains(.direction))
    var result = output
    for row in 0..<output.rows {
      for head in 0..<attention.heads {
        let base = head * width
        for (dim, source) in order.enumerated() {
          result[row, base + dim] = output[row, base + source]
        }
      }
    }
    state.weights[.attentionOutput] = result
  }
}
