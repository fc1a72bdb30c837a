import Architectures
import Tensors

extension Layer {
  /// Blocked causal attention of the unit's rows over their sequence, all heads, with the outputs
  /// turned back where the variant says so.
  ///
  /// Tiles of queries run over tiles of keys with a running maximum and sum (arXiv:2112.05682), so
  /// memory does not grow with length; tiles above the diagonal or before the window are skipped.
  /// - Parameter attended: receives the heads' outputs, [rows, heads * valueWidth].
  func attend(
    _ unit: SequenceBatch.Unit, to attended: UnsafeMutablePointer<Float>, _ scratch: LayerScratch
  ) {
    let outputStride = shape.heads * shape.valueWidth
    for head in 0..<shape.heads {
      let output = attended + head * shape.valueWidth
      for first in stride(
        from: unit.rows.lowerBound, to: unit.rows.upperBound, by: AttentionTile.queries)
      {
        let queries = first..<min(first + AttentionTile.queries, unit.rows.upperBound)
        attendTile(
          unit, head: head, queries: queries,
          to: output + (first - unit.rows.lowerBound) * outputStride, scratch)
      }
      if rotation.sites.contains(.output), let table = rotation.value {
        LayerRotation.rotate(
          output, stride: outputStride, rows: unit.rows.count, heads: 1,
          headWidth: shape.valueWidth, table: table, positions: unit.positions,
          layout: rotation.valueLayout, inverse: true)
      }
      if rotation.addsBiasToAggregate, let bias = weights.vector(.valueBias) {
        Kernels.addBias(
          bias + (head / shape.groupSize) * shape.valueWidth, to: output, rows: unit.rows.count,
          width: shape.valueWidth, stride: outputStride)
      }
    }
  }

  private func attendTile(
    _ unit: SequenceBatch.Unit, head: Int, queries: Range<Int>,
    to output: UnsafeMutablePointer<Float>, _ scratch: LayerScratch
  ) {
    let queryStride = shape.heads * shape.keyWidth
    let keyStride = shape.keyValueHeads * shape.keyWidth
    let valueStride = shape.keyValueHeads * shape.valueWidth
    let outputStride = shape.heads * shape.valueWidth
    let group = head / shape.groupSize
    let rows = queries.count
    let query =
      activations.queries.pointer + (unit.sequenceStart + queries.lowerBound) * queryStride
      + head * shape.keyWidth
    for row in 0..<rows {
      scratch.runningMax.pointer[row] = -.infinity
      scratch.runningSum.pointer[row] = 0
    }
    let firstKey = window > 0 ? max(0, queries.lowerBound - window + 1) : 0
    for start in stride(from: firstKey, to: queries.upperBound, by: AttentionTile.keys) {
      let keys = min(AttentionTile.keys, queries.upperBound - start)
      let sourceRow = unit.sequenceStart + start
      MatrixProduct.multiply(
        m: rows, n: keys, k: shape.keyWidth, alpha: Float(shape.attentionScale), a: query,
        lda: queryStride,
        b: activations.keys.pointer + sourceRow * keyStride + group * shape.keyWidth,
        ldb: keyStride, transposeB: true, beta: 0, c: scratch.scores.pointer,
        ldc: AttentionTile.keys)
      Kernels.softmaxTile(
        scratch.scores.pointer, stride: AttentionTile.keys, rows: rows, keys: keys,
        firstQuery: queries.lowerBound, firstKey: start, window: window,
        softcap: Float(shape.attentionSoftcap), runningMax: scratch.runningMax.pointer,
        runningSum: scratch.runningSum.pointer, correction: scratch.correction.pointer)
      if start > firstKey {
        Kernels.rescaleRows(
          output, rows: rows, width: shape.valueWidth, stride: outputStride,
          by: scratch.correction.pointer)
      }
      MatrixProduct.multiply(
        m: rows, n: shape.valueWidth, k: keys, alpha: 1, a: scratch.scores.pointer,
        lda: AttentionTile.keys,
        b: activations.values.pointer + sourceRow * valueStride + group * shape.valueWidth,
        ldb: valueStride, transposeB: false, beta: start > firstKey ? 1 : 0, c: output,
        ldc: outputStride)
    }
    Kernels.divideRows(
      output, rows: rows, width: shape.valueWidth, stride: outputStride,
      by: scratch.runningSum.pointer)
  }

  /// Multi-head latent attention (DeepSeek-V2, arXiv:2405.04434), expanded: one latent vector per
  /// token gives the still dims of every key head and all values; one shared rotary key is
  /// appended to every head.
  func projectLatent(
    _ unit: SequenceBatch.Unit, _ input: UnsafePointer<Float>,
    queries: UnsafeMutablePointer<Float>, keys: UnsafeMutablePointer<Float>,
    values: UnsafeMutablePointer<Float>, _ scratch: LayerScratch
  ) {
    let rows = unit.rows.count
    let queryStride = shape.heads * shape.keyWidth
    let epsilon = Float(shape.normEpsilon)
    if shape.queryRank > 0 {
      let down = scratch.queryDown.pointer
      weights.multiply(
        .queryDown, input, xStride: shape.width, rows: rows, to: down, yStride: shape.queryRank)
      Kernels.rmsNorm(
        down, xStride: shape.queryRank, rows: rows, width: shape.queryRank,
        gain: weights.vector(.queryDownNormGain), epsilon: epsilon, to: down,
        yStride: shape.queryRank)
      weights.multiply(
        .queryUp, down, xStride: shape.queryRank, rows: rows, to: queries, yStride: queryStride)
    } else {
      weights.multiply(
        .query, input, xStride: shape.width, rows: rows, to: queries, yStride: queryStride)
    }

    let still = rotation.scoreOffset
    let rotary = shape.keyWidth - still
    let latentStride = shape.latentRank + rotary
    let latent = scratch.latent.pointer
    weights.multiply(
      .latentDown, input, xStride: shape.width, rows: rows, to: latent, yStride: latentStride)
    if rotation.sites.contains(.key), let table = rotation.score {
      LayerRotation.rotate(
        latent + shape.latentRank, stride: latentStride, rows: rows, heads: 1, headWidth: rotary,
        table: table, positions: unit.positions, layout: rotation.scoreLayout,
        inverse: false)
    }
    let stillKeys = scratch.latentNormed.pointer
    let stillStride = shape.heads * still
    // The normed latent replaces the raw one: the rotary key beside it is already taken care of.
    Kernels.rmsNorm(
      latent, xStride: latentStride, rows: rows, width: shape.latentRank,
      gain: weights.vector(.latentNormGain), epsilon: epsilon, to: latent, yStride: latentStride)
    weights.multiply(
      .latentKeyUp, latent, xStride: latentStride, rows: rows, to: stillKeys, yStride: stillStride)
    weights.multiply(
      .latentValueUp, latent, xStride: latentStride, rows: rows, to: values,
      yStride: shape.heads * shape.valueWidth)
    for row in 0..<rows {
      for head in 0..<shape.heads {
        let target = keys + row * queryStride + head * shape.keyWidth
        target.update(from: stillKeys + row * stillStride + head * still, count: still)
        (target + still).update(
          from: latent + row * latentStride + shape.latentRank, count: rotary)
      }
    }
  }
}
