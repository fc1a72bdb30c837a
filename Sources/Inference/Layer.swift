import Base
import Models
import Tensors

/// One layer at work on units of rows: `project` fills queries, keys and values of the batch, and
/// when all are there `finish` attends and applies the feed-forward network.
struct Layer: Sendable {
  /// Channels of the residual stream.
  let width: Int
  /// Channels of all residual streams, which may be several.
  let streamWidth: Int
  let recipe: LayerRecipe
  /// The recipe's.
  let mixer: TokenMixer
  /// The recipe's; one without heads where the layer is not attention.
  let attention: AttentionRecipe
  let weights: LayerWeights
  let rotation: LayerRotation
  let activations: LayerActivations
  let hidden: FloatBuffer
  let tokens: Int32Buffer
  /// What tokens give to the layer, of rows as in `hidden`; nil where it takes nothing.
  let inputs: LayerInputs?
  /// Its number in the model.
  let index: Int
  let times: PhaseTimes
  let failure: FirstFailure
  /// How decay attention is computed.
  var form = MixerForm.attention

  /// A layer at work on `hidden`, the residual stream, [rows, width], of `tokens`; `memory` is for
  /// queries, keys and values of as many rows.
  init(
    _ recipe: LayerRecipe, index: Int, width: Int, weights: LayerWeights, rotation: LayerRotation,
    memory: ActivationMemory, hidden: FloatBuffer, tokens: Int32Buffer, inputs: LayerInputs?,
    times: PhaseTimes
  ) {
    self.index = index
    self.inputs = recipe.inputWidth > 0 ? inputs : nil
    failure = FirstFailure()
    self.width = width
    streamWidth = width * (recipe.residual.hyperConnections?.streams ?? 1)
    self.recipe = recipe
    mixer = TokenMixer(recipe)
    attention = recipe.attention ?? .headless
    self.weights = weights
    self.rotation = rotation
    activations = LayerActivations(memory, of: attention)
    self.hidden = hidden
    self.tokens = tokens
    self.times = times
  }

  /// The same layer at work on other rows.
  func working(
    on hidden: FloatBuffer, _ tokens: Int32Buffer, _ inputs: LayerInputs?,
    in memory: ActivationMemory
  ) -> Layer {
    Layer(
      recipe, index: index, width: width, weights: weights, rotation: rotation, memory: memory,
      hidden: hidden, tokens: tokens, inputs: inputs, times: times)
  }

  var epsilon: Float { Float(recipe.norm.epsilon) }

  /// The unit's rows of the residual stream.
  func stream(_ unit: SequenceBatch.Unit) -> UnsafeMutablePointer<Float> {
    hidden.pointer + unit.firstRow * streamWidth
  }

  /// `y = x W^T (+ b)`; does nothing where the layer has no such matrix. The bias is the matrix'
  /// own, added where there is one and `addsBias` is true. Of matrices that stand one below
  /// another, `block` is the one to multiply.
  func multiply(
    _ role: Role, block: Int = 0, _ x: Factors, to y: UnsafeMutablePointer<Float>, yStride: Int,
    addsBias: Bool = true
  ) {
    let began = times.now
    weights.multiply(
      role, block: block, bias: addsBias ? role.bias : nil, x, to: y, yStride: yStride)
    times.add(.linear, since: began)
  }

  /// The input of a sublayer: the normed stream, or the stream itself where norms come after.
  func sublayerInput(
    _ unit: SequenceBatch.Unit, _ connection: ConnectionRoles, gain: Role, _ scratch: LayerScratch
  ) -> Factors {
    let (stream, rows) = (read(unit, connection, scratch), unit.rows.count)
    guard recipe.normPlacement != .after else {
      return scratch.factors.factors(stream, stride: width, rows: rows, width: width)
    }
    return streamNorm(gain).apply(stream, rows: rows, to: scratch.normed)
  }

  /// The norm of the residual stream whose weights are this gain and its bias.
  func streamNorm(_ gain: Role) -> Norm {
    Norm(
      recipe.norm, width: width, gain: weights.vector(gain),
      bias: gain.bias.flatMap(weights.vector))
  }

  /// Fills what the unit's rows are projected to: queries, keys and values, normed and rotated, or the
  /// channels and rates of a delta rule.
  func project(_ unit: SequenceBatch.Unit, _ scratch: LayerScratch) {
    let input = sublayerInput(unit, .attention, gain: .attentionNormGain, scratch)
    switch mixer {
    case .heads, .decay: project(unit, input, latent: nil, scratch)
    case .latent(let sizes): project(unit, input, latent: sizes, scratch)
    case .sharedVector(let sizes): project(sizes, unit, input, scratch)
    case .deltaRule(let rule): project(rule, unit, input)
    }
  }

  /// Attention and feed-forward of the unit's rows, added to the residual stream; of experts, all
  /// that comes before them.
  func finish(
    _ unit: SequenceBatch.Unit, _ scratch: LayerScratch, experts: ExpertBatch.Rows? = nil,
    record: AttentionRecord? = nil
  ) {
    let attended = scratch.attended.pointer
    switch mixer {
    case .decay where form == .recurrent:
      gatherDecayed(unit, to: attended)
      gateOutputs(unit, attended, scratch)
    case .heads, .latent, .sharedVector, .decay:
      attend(unit, to: attended, scratch)
      gateOutputs(unit, attended, scratch)
    case .deltaRule(let rule): gatherHeads(rule, unit, scratch)
    }
    update(unit, attended: attended, scratch, experts: experts, record: record)
  }

  /// Adds what comes of the heads' outputs to the residual stream: output matrix, feed-forward.
  /// - Parameters:
  ///   - unit: the rows to compute.
  ///   - attended: the unit's heads' outputs, [rows, heads * valueWidth].
  ///   - scratch: working memory of the calling thread.
  ///   - experts: where the rows wait for the experts of a layer that has some; what those give is
  ///     added when each has had its turn (`ExpertBatch.apply`).
  ///   - record: receives what a fit needs to know of the unit's attention.
  func update(
    _ unit: SequenceBatch.Unit, attended: UnsafePointer<Float>, _ scratch: LayerScratch,
    experts: ExpertBatch.Rows? = nil, record: AttentionRecord? = nil
  ) {
    let rows = unit.rows.count
    let stream = stream(unit)
    takeOut(attended, rows: rows, to: scratch.update.pointer, scratch)
    record?.keep(output: scratch.update.pointer, of: unit)
    if recipe.residual.isParallel {
      // The feed-forward network reads the stream as it was before attention.
      let gain =
        recipe.residual.sharesNorm ? Role.attentionNormGain : .feedForwardNormGain
      feedForward(unit, scratch, experts, norm: gain) {
        add(scratch.update.pointer, to: unit, .attention, scratch)
        record?.keep(stream: stream, of: unit)
      }
      return
    }
    normAfter(scratch.update.pointer, rows: rows, gain: .attentionPostNormGain)
    add(scratch.update.pointer, to: unit, .attention, scratch)
    record?.keep(stream: stream, of: unit)
    feedForward(unit, scratch, experts)
  }

  /// Takes the unit's rows through the feed-forward network, or to its experts; `whenRead` is
  /// called when the stream has been read.
  private func feedForward(
    _ unit: SequenceBatch.Unit, _ scratch: LayerScratch, _ rows: ExpertBatch.Rows?,
    norm: Role = .feedForwardNormGain, whenRead: () -> Void = {}
  ) {
    let input = sublayerInput(unit, .feedForward, gain: norm, scratch)
    switch recipe.channelMixer {
    case .dense(let network):
      whenRead()
      apply(network, .dense, weights, input, to: scratch.update.pointer, scratch)
      close(unit, scratch)
    case .denseBesideExperts(let network, let experts):
      let own = rows?.beside
      apply(network, .dense, weights, input, to: own ?? scratch.update.pointer, scratch)
      if let rows, let own {
        self.norm(own, gain: .densePostNormGain, rows: unit.rows.count)
        let routed = routerInput(unit, input, scratch)
        let input = sublayerInput(unit, .feedForward, gain: .expertNormGain, scratch)
        route(experts, unit, input, routed: routed, to: rows, scratch)
      }
      whenRead()
    case .experts(let experts):
      let routed = routerInput(unit, input, scratch)
      if let rows { route(experts, unit, input, routed: routed, to: rows, scratch) }
      whenRead()
    }
  }

  /// Adds what the feed-forward network gave to the residual stream.
  func close(_ unit: SequenceBatch.Unit, _ scratch: LayerScratch) {
    let rows = unit.rows.count
    if !recipe.residual.isParallel {
      normAfter(scratch.update.pointer, rows: rows, gain: .feedForwardPostNormGain)
    }
    add(scratch.update.pointer, to: unit, .feedForward, scratch)
    if let inputs { takeIn(inputs, unit, scratch) }
    if let gain = weights.vector(.layerGain) {
      Kernels.scale(stream(unit), by: gain[0], count: rows * width)
    }
  }

  /// Adds what the tokens themselves give to the layer, as far as the stream lets it in.
  private func takeIn(_ inputs: LayerInputs, _ unit: SequenceBatch.Unit, _ scratch: LayerScratch) {
    let (rows, size) = (unit.rows.count, inputs.inputWidth)
    let (gate, input) = (scratch.gate.pointer, scratch.up.pointer)
    func factors(_ x: UnsafePointer<Float>, width: Int) -> Factors {
      scratch.factors.factors(x, stride: width, rows: rows, width: width)
    }
    multiply(
      .layerInputGate, factors(stream(unit), width: width), to: gate, yStride: size)
    let embedded = inputs.embeddings(row: unit.firstRow, count: rows)
    multiply(.layerInputProjection, factors(embedded, width: width), to: input, yStride: size)
    do {
      try inputs.complete(input, layer: index, row: unit.firstRow, count: rows)
    } catch { failure.record(error) }
    let taken = Kernels.gate(
      recipe.feedForward.activation, gate: gate, up: input, rows: rows, width: size,
      to: scratch.activated)
    let update = scratch.update.pointer
    multiply(.layerInputOutput, taken, to: update, yStride: width)
    norm(update, gain: .layerInputPostNormGain, rows: rows)
    Kernels.add(update, to: stream(unit), count: rows * width)
  }

  private func normAfter(_ x: UnsafeMutablePointer<Float>, rows: Int, gain: Role) {
    guard recipe.normPlacement != .before else { return }
    norm(x, gain: gain, rows: rows)
  }

  /// A norm of rows in place, where the layer has its gain.
  func norm(_ x: UnsafeMutablePointer<Float>, gain: Role, rows: Int) {
    guard let gain = weights.vector(gain) else { return }
    Kernels.rmsNorm(
      x, xStride: width, rows: rows, width: width, gain: gain, epsilon: epsilon, to: x,
      yStride: width)
  }

  private func add(
    _ update: UnsafeMutablePointer<Float>, to unit: SequenceBatch.Unit,
    _ connection: ConnectionRoles, _ scratch: LayerScratch
  ) {
    let (rows, multiplier) = (unit.rows.count, recipe.residual.multiplier)
    if multiplier != 1 { Kernels.scale(update, by: Float(multiplier), count: rows * width) }
    if let connections = recipe.residual.hyperConnections {
      join(update, connections, unit, connection, scratch)
    } else {
      Kernels.add(update, to: stream(unit), count: rows * width)
    }
  }

  /// Takes rows through a feed-forward network, whose weights are in `weights` under `roles`.
  func apply(
    _ network: FeedForwardRecipe, _ roles: NetworkRoles, _ weights: LayerWeights,
    _ input: Factors, to output: UnsafeMutablePointer<Float>, _ scratch: LayerScratch
  ) {
    let (up, channels, rows) = (scratch.up.pointer, network.width, input.rows)
    func multiply(
      _ role: Role, _ x: Factors, to y: UnsafeMutablePointer<Float>, yStride: Int
    ) {
      let began = times.now
      weights.multiply(role, bias: role.bias, x, to: y, yStride: yStride)
      times.add(.linear, since: began)
    }
    multiply(roles.up, input, to: up, yStride: channels)
    let activated: Factors
    switch network.form {
    case .gated:
      let gate = scratch.gate.pointer
      multiply(roles.gate, input, to: gate, yStride: channels)
      if let clamp = network.clamp, clamp.slope == nil {
        Kernels.bound(gate: gate, up: up, limit: Float(clamp.limit), count: rows * channels)
      }
      activated =
        if let clamp = network.clamp, let slope = clamp.slope {
          Kernels.clampedGate(
            slope: Float(slope), limit: Float(clamp.limit), gate: gate, up: up, rows: rows,
            width: channels, to: scratch.activated)
        } else {
          Kernels.gate(
            network.activation, gate: gate, up: up, rows: rows, width: channels,
            to: scratch.activated)
        }
    case .plain:
      activated = Kernels.activate(
        network.activation, up, rows: rows, width: channels, to: scratch.activated)
    }
    multiply(roles.down, activated, to: output, yStride: width)
  }
}

/// The matrices of a feed-forward network.
struct NetworkRoles: Sendable {
  let gate: Role
  let up: Role
  let down: Role

  static let dense = NetworkRoles(gate: .gate, up: .up, down: .down)
  static let experts = NetworkRoles(gate: .expertGate, up: .expertUp, down: .expertDown)
  static let shared = NetworkRoles(gate: .sharedGate, up: .sharedUp, down: .sharedDown)
}
