import Models
import Tensors

extension Layer {
  /// Multi-head latent attention (DeepSeek-V2, arXiv:2405.04434). Expanded, one latent vector per
  /// token gives the still dims of every key head and all values, and one shared rotary key is
  /// appended to every head; in absorbed form the latent vector itself serves all heads.
  func project(
    _ sizes: AttentionRecipe.Latent, _ unit: SequenceBatch.Unit, _ input: Factors,
    queries: UnsafeMutablePointer<Float>, keys: UnsafeMutablePointer<Float>,
    values: UnsafeMutablePointer<Float>, _ scratch: LayerScratch
  ) {
    let rows = unit.rows.count
    let queryStride = attention.queryRows
    if let rank = sizes.queryRank {
      let down = scratch.queryDown.pointer
      multiply(.queryDown, input, to: down, yStride: rank)
      let normed = Kernels.rmsNorm(
        down, xStride: rank, rows: rows, width: rank,
        gain: weights.vector(.queryDownNormGain), epsilon: epsilon, to: scratch.factors)
      multiply(.queryUp, normed, to: queries, yStride: queryStride)
    } else {
      multiply(.query, input, to: queries, yStride: queryStride)
    }

    let still = attention.stillKeyWidth
    let rotary = sizes.sharedKeyWidth
    let latentStride = sizes.rank + rotary
    let latent = scratch.latent.pointer
    multiply(.latentDown, input, to: latent, yStride: latentStride)
    if rotation.sites.contains(.key), let tables = rotation.score {
      LayerRotation.rotate(
        latent + sizes.rank, stride: latentStride, rows: rows, heads: 1, headWidth: rotary,
        tables: tables, positions: unit.positions, layout: rotation.scoreLayout,
        inverse: false)
    }
    if sizes.absorbed != nil {
      // The latent vector, normed, is the value; with the rotary key behind it, the key.
      Kernels.rmsNorm(
        latent, xStride: latentStride, rows: rows, width: sizes.rank,
        gain: weights.vector(.latentNormGain), epsilon: epsilon, to: values,
        yStride: attention.valueRows)
      for row in 0..<rows {
        let target = keys + row * attention.keyRows
        target.update(from: values + row * attention.valueRows, count: sizes.rank)
        (target + sizes.rank).update(
          from: latent + row * latentStride + sizes.rank, count: rotary)
      }
      return
    }
    let normed = Kernels.rmsNorm(
      latent, xStride: latentStride, rows: rows, width: sizes.rank,
      gain: weights.vector(.latentNormGain), epsilon: epsilon, to: scratch.factors)
    let stillKeys = scratch.stillKeys.pointer
    let stillStride = attention.heads * still
    multiply(.latentKeyUp, normed, to: stillKeys, yStride: stillStride)
    multiply(.latentValueUp, normed, to: values, yStride: attention.heads * attention.valueWidth)
    for row in 0..<rows {
      for head in 0..<attention.heads {
        let target = keys + row * queryStride + head * attention.keyWidth
        target.update(from: stillKeys + row * stillStride + head * still, count: still)
        (target + still).update(
          from: latent + row * latentStride + sizes.rank, count: rotary)
      }
    }
  }
}
