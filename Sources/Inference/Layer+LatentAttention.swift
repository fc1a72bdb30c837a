import Tensors

extension Layer {
  /// Multi-head latent attention (DeepSeek-V2, arXiv:2405.04434), expanded: one latent vector per
  /// token gives the still dims of every key head and all values; one shared rotary key is
  /// appended to every head.
  func projectLatent(
    _ unit: SequenceBatch.Unit, _ input: Factors, queries: UnsafeMutablePointer<Float>,
    keys: UnsafeMutablePointer<Float>, values: UnsafeMutablePointer<Float>,
    _ scratch: LayerScratch
  ) {
    let rows = unit.rows.count
    let queryStride = shape.heads * shape.keyWidth
    if shape.queryRank > 0 {
      let down = scratch.queryDown.pointer
      multiply(.queryDown, input, to: down, yStride: shape.queryRank)
      let normed = Kernels.rmsNorm(
        down, xStride: shape.queryRank, rows: rows, width: shape.queryRank,
        gain: weights.vector(.queryDownNormGain), epsilon: epsilon, to: scratch.factors)
      multiply(.queryUp, normed, to: queries, yStride: queryStride)
    } else {
      multiply(.query, input, to: queries, yStride: queryStride)
    }

    let still = rotation.scoreOffset
    let rotary = shape.keyWidth - still
    let latentStride = shape.latentRank + rotary
    let latent = scratch.latent.pointer
    multiply(.latentDown, input, to: latent, yStride: latentStride)
    if rotation.sites.contains(.key), let tables = rotation.score {
      LayerRotation.rotate(
        latent + shape.latentRank, stride: latentStride, rows: rows, heads: 1, headWidth: rotary,
        tables: tables, positions: unit.positions, layout: rotation.scoreLayout,
        inverse: false)
    }
    let normed = Kernels.rmsNorm(
      latent, xStride: latentStride, rows: rows, width: shape.latentRank,
      gain: weights.vector(.latentNormGain), epsilon: epsilon, to: scratch.factors)
    let stillKeys = scratch.stillKeys.pointer
    let stillStride = shape.heads * still
    multiply(.latentKeyUp, normed, to: stillKeys, yStride: stillStride)
    multiply(.latentValueUp, normed, to: values, yStride: shape.heads * shape.valueWidth)
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
