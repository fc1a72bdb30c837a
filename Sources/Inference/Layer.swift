import Architectures
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

  private var epsilon: Float { Float(shape.normEpsilon) }

  /// The unit's rows of the residual stream.
  func stream(_ unit: SequenceBatch.Unit) -> UnsafeMutablePointer<Float> {
    hidden.pointer + unit.firstRow * shape.width
  }

  /// The norm of this block's kind over whole rows.
  func norm(
    _ x: UnsafePointer<Float>, rows: Int, gain: Role, bias: Role,
    to y: UnsafeMutablePointer<Float>
  ) {
    switch block.norm {
    case .rms:
      Kernels.rmsNorm(
        x, xStride: shape.width, rows: rows, width: shape.width, gain: weights.vector(gain),
        epsilon: epsilon, to: y, yStride: shape.width)
    case .layer:
      Kernels.layerNorm(
        x, xStride: shape.width, rows: rows, width: shape.width, gain: weights.vector(gain),
        bias: weights.vector(bias), epsilon: epsilon, to: y, yStride: shape.width)
    }
  }

  /// The input of a sublayer: the normed stream, or the stream itself where norms come after.
  private func sublayerInput(
    _ unit: SequenceBatch.Unit, gain: Role, bias: Role, _ scratch: LayerScratch
  ) -> UnsafePointer<Float> {
    guard block.normPlacement != .after else { return UnsafePointer(stream(unit)) }
    norm(stream(unit), rows: unit.rows.count, gain: gain, bias: bias, to: scratch.normed.pointer)
    return UnsafePointer(scratch.normed.pointer)
  }

  /// Fills queries, keys and values of the unit's rows, normed and rotated.
  func project(_ unit: SequenceBatch.Unit, _ scratch: LayerScratch) {
    let rows = unit.rows.count
    let input = sublayerInput(unit, gain: .attentionNormGain, bias: .attentionNormBias, scratch)
    let queryStride = shape.heads * shape.keyWidth
    let keyStride = shape.keyValueHeads * shape.keyWidth
    let valueStride = shape.keyValueHeads * shape.valueWidth
    let queries = activations.queries.pointer + unit.firstRow * queryStride
    let keys = activations.keys.pointer + unit.firstRow * keyStride
    let values = activations.values.pointer + unit.firstRow * valueStride

    if block.attention == .latent {
      projectLatent(unit, input, queries: queries, keys: keys, values: values, scratch)
    } else {
      weights.multiply(
        .query, bias: .queryBias, input, xStride: shape.width, rows: rows, to: queries,
        yStride: queryStride)
      weights.multiply(
        .key, bias: .keyBias, input, xStride: shape.width, rows: rows, to: keys, yStride: keyStride)
      weights.multiply(
        .value, bias: rotation.addsBiasToAggregate ? nil : .valueBias, input, xStride: shape.width,
        rows: rows, to: values, yStride: valueStride)
      normHeads(queries, rows: rows, heads: shape.heads, gain: .queryNormGain)
      normHeads(keys, rows: rows, heads: shape.keyValueHeads, gain: .keyNormGain)
      if rotation.sites.contains(.key) {
        rotateScores(keys, stride: keyStride, unit: unit, heads: shape.keyValueHeads)
      }
    }
    if rotation.sites.contains(.query) {
      rotateScores(queries, stride: queryStride, unit: unit, heads: shape.heads)
    }
    if rotation.sites.contains(.value), let table = rotation.value {
      LayerRotation.rotate(
        values, stride: valueStride, rows: rows, heads: shape.keyValueHeads,
        headWidth: shape.valueWidth, table: table, positions: unit.positions,
        layout: rotation.valueLayout, inverse: false)
    }
  }

  private func rotateScores(
    _ x: UnsafeMutablePointer<Float>, stride: Int, unit: SequenceBatch.Unit, heads: Int
  ) {
    guard let table = rotation.score else { return }
    LayerRotation.rotate(
      x + rotation.scoreOffset, stride: stride, rows: unit.rows.count, heads: heads,
      headWidth: shape.keyWidth, table: table, positions: unit.positions,
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
    weights.multiply(
      .attentionOutput, bias: .attentionOutputBias, attended,
      xStride: shape.heads * shape.valueWidth, rows: rows, to: scratch.update.pointer,
      yStride: shape.width)
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

  private func feedForward(_ input: UnsafePointer<Float>, rows: Int, _ scratch: LayerScratch) {
    let up = scratch.up.pointer
    let count = rows * shape.feedForward
    weights.multiply(
      .up, bias: .upBias, input, xStride: shape.width, rows: rows, to: up,
      yStride: shape.feedForward)
    switch block.feedForward {
    case .gated:
      let gate = scratch.gate.pointer
      weights.multiply(
        .gate, input, xStride: shape.width, rows: rows, to: gate, yStride: shape.feedForward)
      Kernels.gate(block.activation, gate: gate, up: up, to: up, count: count)
    case .plain:
      Kernels.activate(block.activation, up, count: count)
    }
    weights.multiply(
      .down, bias: .downBias, up, xStride: shape.feedForward, rows: rows,
      to: scratch.update.pointer, yStride: shape.width)
  }
}
