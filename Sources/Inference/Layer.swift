import Models
import Tensors

/// One layer at work on units of rows: `project` fills queries, keys and values of the batch, and
/// when all are there `finish` attends and applies the feed-forward network.
struct Layer: Sendable {
  let shape: ModelShape
  let block: BlockRecipe
  let window: Int
  let weights: LayerWeights
  let rotation: LayerRotation
  let activations: LayerActivations
  let hidden: FloatBuffer
  let times: PhaseTimes

  var epsilon: Float { Float(shape.normEpsilon) }

  /// The unit's rows of the residual stream.
  func stream(_ unit: SequenceBatch.Unit) -> UnsafeMutablePointer<Float> {
    hidden.pointer + unit.firstRow * shape.width
  }

  /// `y = x W^T (+ b)`; does nothing where the layer has no such matrix.
  func multiply(
    _ role: Role, bias: Role? = nil, _ x: Factors, to y: UnsafeMutablePointer<Float>, yStride: Int
  ) {
    let began = times.now
    weights.multiply(role, bias: bias, x, to: y, yStride: yStride)
    times.add(.linear, since: began)
  }

  /// The input of a sublayer: the normed stream, or the stream itself where norms come after.
  private func sublayerInput(
    _ unit: SequenceBatch.Unit, gain: Role, bias: Role, _ scratch: LayerScratch
  ) -> Factors {
    let (stream, rows, width) = (stream(unit), unit.rows.count, shape.width)
    guard block.normPlacement != .after else {
      return scratch.factors.factors(stream, stride: width, rows: rows, width: width)
    }
    switch block.norm {
    case .rms:
      return Kernels.rmsNorm(
        stream, xStride: width, rows: rows, width: width, gain: weights.vector(gain),
        epsilon: epsilon, to: scratch.normed)
    case .layer:
      return Kernels.layerNorm(
        stream, xStride: width, rows: rows, width: width, gain: weights.vector(gain),
        bias: weights.vector(bias), epsilon: epsilon, to: scratch.normed)
    }
  }

  /// Fills queries, keys and values of the unit's rows, normed and rotated.
  func project(_ unit: SequenceBatch.Unit, _ scratch: LayerScratch) {
    let rows = unit.rows.count
    let input = sublayerInput(unit, gain: .attentionNormGain, bias: .attentionNormBias, scratch)
    let queryStride = shape.heads * shape.keyWidth
    let keyStride = shape.keyValueHeads * shape.keyWidth
    let valueStride = shape.keyValueHeads * shape.valueWidth
    let queries = activations.queries.pointer + unit.firstRow * queryStride
    let (keys, values) = activations.target(row: unit.firstRow, scratch)

    if block.attention == .latent {
      projectLatent(unit, input, queries: queries, keys: keys, values: values, scratch)
    } else {
      multiply(.query, bias: .queryBias, input, to: queries, yStride: queryStride)
      multiply(.key, bias: .keyBias, input, to: keys, yStride: keyStride)
      multiply(
        .value, bias: rotation.addsBiasToAggregate ? nil : .valueBias, input, to: values,
        yStride: valueStride)
      normHeads(queries, rows: rows, heads: shape.heads, gain: .queryNormGain)
      normHeads(keys, rows: rows, heads: shape.keyValueHeads, gain: .keyNormGain)
      if rotation.sites.contains(.key) {
        rotateScores(keys, stride: keyStride, unit: unit, heads: shape.keyValueHeads)
      }
    }
    if rotation.sites.contains(.query) {
      rotateScores(queries, stride: queryStride, unit: unit, heads: shape.heads)
    }
    if rotation.sites.contains(.value), let tables = rotation.value {
      LayerRotation.rotate(
        values, stride: valueStride, rows: rows, heads: shape.keyValueHeads,
        headWidth: shape.valueWidth, tables: tables, positions: unit.positions,
        layout: rotation.valueLayout, inverse: false)
    }
    activations.round(row: unit.firstRow, count: rows, scratch)
  }

  private func rotateScores(
    _ x: UnsafeMutablePointer<Float>, stride: Int, unit: SequenceBatch.Unit, heads: Int
  ) {
    guard let tables = rotation.score else { return }
    LayerRotation.rotate(
      x + rotation.scoreOffset, stride: stride, rows: unit.rows.count, heads: heads,
      headWidth: shape.keyWidth, tables: tables, positions: unit.positions,
      layout: rotation.scoreLayout, inverse: false)
  }

  /// QK norm: every head alone, or all heads of a row together.
  private func normHeads(
    _ x: UnsafeMutablePointer<Float>, rows: Int, heads: Int, gain: Role
  ) {
    guard let gain = weights.vector(gain) else { return }
    let together = block.queryKeyNorm == .full
    let width = together ? heads * shape.keyWidth : shape.keyWidth
    Kernels.rmsNorm(
      x, xStride: width, rows: together ? rows : rows * heads, width: width, gain: gain,
      epsilon: epsilon, to: x, yStride: width)
  }

  /// Attention and feed-forward of the unit's rows, added to the residual stream.
  func finish(_ unit: SequenceBatch.Unit, _ scratch: LayerScratch) {
    attend(unit, to: scratch.attended.pointer, scratch)
    update(unit, attended: scratch.attended.pointer, scratch)
  }

  /// Adds what comes of the heads' outputs to the residual stream: output matrix, feed-forward.
  /// - Parameters:
  ///   - attended: the unit's heads' outputs, [rows, heads * valueWidth].
  ///   - record: receives what a fit needs to know of the unit's attention.
  func update(
    _ unit: SequenceBatch.Unit, attended: UnsafePointer<Float>, _ scratch: LayerScratch,
    record: AttentionRecord? = nil
  ) {
    let rows = unit.rows.count
    let stream = stream(unit)
    let headsWidth = shape.heads * shape.valueWidth
    multiply(
      .attentionOutput, bias: .attentionOutputBias,
      scratch.factors.factors(attended, stride: headsWidth, rows: rows, width: headsWidth),
      to: scratch.update.pointer, yStride: shape.width)
    record?.keep(output: scratch.update.pointer, of: unit)
    if shape.parallelResidual {
      // The feed-forward network reads the stream as it was before attention.
      let input = sublayerInput(
        unit, gain: .feedForwardNormGain, bias: .feedForwardNormBias, scratch)
      add(scratch.update.pointer, to: stream, rows: rows)
      record?.keep(stream: stream, of: unit)
      feedForward(input, rows: rows, scratch)
      add(scratch.update.pointer, to: stream, rows: rows)
      return
    }
    normAfter(scratch.update.pointer, rows: rows, gain: .attentionPostNormGain)
    add(scratch.update.pointer, to: stream, rows: rows)
    record?.keep(stream: stream, of: unit)
    let input = sublayerInput(
      unit, gain: .feedForwardNormGain, bias: .feedForwardNormBias, scratch)
    feedForward(input, rows: rows, scratch)
    normAfter(scratch.update.pointer, rows: rows, gain: .feedForwardPostNormGain)
    add(scratch.update.pointer, to: stream, rows: rows)
  }

  private func normAfter(_ x: UnsafeMutablePointer<Float>, rows: Int, gain: Role) {
    guard block.normPlacement != .before, let gain = weights.vector(gain) else { return }
    Kernels.rmsNorm(
      x, xStride: shape.width, rows: rows, width: shape.width, gain: gain, epsilon: epsilon, to: x,
      yStride: shape.width)
  }

  private func add(
    _ update: UnsafeMutablePointer<Float>, to stream: UnsafeMutablePointer<Float>, rows: Int
  ) {
    if shape.residualMultiplier != 1 {
      Kernels.scale(update, by: Float(shape.residualMultiplier), count: rows * shape.width)
    }
    Kernels.add(update, to: stream, count: rows * shape.width)
  }

  private func feedForward(_ input: Factors, rows: Int, _ scratch: LayerScratch) {
    let (up, width) = (scratch.up.pointer, shape.feedForward)
    multiply(.up, bias: .upBias, input, to: up, yStride: width)
    let activated: Factors
    switch block.feedForward {
    case .gated:
      let gate = scratch.gate.pointer
      multiply(.gate, input, to: gate, yStride: width)
      activated = Kernels.gate(
        block.activation, gate: gate, up: up, rows: rows, width: width, to: scratch.activated)
    case .plain:
      activated = Kernels.activate(
        block.activation, up, rows: rows, width: width, to: scratch.activated)
    }
    multiply(.down, bias: .downBias, activated, to: scratch.update.pointer, yStride: shape.width)
  }
}
