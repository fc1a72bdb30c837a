import Base
import Models
import Tensors

/// What heads that have queries, keys and values each are given of a unit's rows.
extension Layer {
  /// Fills queries, keys and values of the unit's rows, normed and rotated; `latent` is what keys and
  /// values are made of where they have no matrices of their own.
  func project(
    _ unit: SequenceBatch.Unit, _ input: Factors, latent: AttentionRecipe.Latent?,
    _ scratch: LayerScratch
  ) {
    let rows = unit.rows.count
    let queryStride = attention.queryRows
    let keyStride = attention.keyRows
    let valueStride = attention.valueRows
    let queries = activations.queries.pointer + unit.firstRow * queryStride
    let (keys, values) = activations.target(row: unit.firstRow, scratch)

    if let latent {
      project(latent, unit, input, queries: queries, keys: keys, values: values, scratch)
    } else {
      multiply(.query, input, to: queries, yStride: queryStride)
      if ownsKeys {
        multiply(.key, input, to: keys, yStride: keyStride)
        multiply(
          .value, input, to: values, yStride: valueStride, addsBias: !rotation.addsBiasToAggregate)
        if attention.valueIsKey { values.update(from: keys, count: rows * keyStride) }
      }
      if attention.headNorm != .headAfterRotation { normScores(queries, keys, rows: rows) }
      if attention.normsValues, ownsKeys { normValues(values, rows: rows) }
      if rotation.sites.contains(.key), ownsKeys {
        rotateScores(keys, stride: keyStride, unit: unit, heads: attention.keyValueHeads)
      }
    }
    if rotation.sites.contains(.query) {
      rotateScores(queries, stride: queryStride, unit: unit, heads: attention.heads)
    }
    if attention.headNorm == .headAfterRotation { normScores(queries, keys, rows: rows) }
    if let temperature = attention.temperature {
      scale(queries, stride: queryStride, unit: unit, by: temperature)
    }
    guard ownsKeys else { return }
    if rotation.sites.contains(.value), let tables = rotation.value {
      LayerRotation.rotate(
        values, stride: valueStride, rows: rows, heads: attention.keyValueHeads,
        headWidth: attention.valueWidth, tables: tables, positions: unit.positions,
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
      headWidth: attention.keyWidth, tables: tables, positions: unit.positions,
      layout: rotation.scoreLayout, inverse: false)
  }

  private func normScores(
    _ queries: UnsafeMutablePointer<Float>, _ keys: UnsafeMutablePointer<Float>, rows: Int
  ) {
    normHeads(queries, rows: rows, heads: attention.heads, gain: .queryNormGain)
    guard ownsKeys else { return }
    normHeads(keys, rows: rows, heads: attention.keyValueHeads, gain: .keyNormGain)
  }

  private func scale(
    _ queries: UnsafeMutablePointer<Float>, stride: Int, unit: SequenceBatch.Unit,
    by temperature: AttentionTemperature
  ) {
    for row in 0..<unit.rows.count {
      let position = rotation.start + unit.positions.position(row)
      let factor = Float(temperature.factor(position: position))
      if factor != 1 { Kernels.scale(queries + row * stride, by: factor, count: stride) }
    }
  }

  /// The layer makes keys and values; else it uses those of an earlier one.
  var ownsKeys: Bool { attention.keyValueSource == nil }

  private func normValues(_ values: UnsafeMutablePointer<Float>, rows: Int) {
    let width = attention.valueWidth
    Kernels.rmsNorm(
      values, xStride: width, rows: rows * attention.keyValueHeads, width: width, gain: nil,
      epsilon: epsilon, to: values, yStride: width)
  }

  /// QK norm: every head alone, or all heads of a row together.
  private func normHeads(
    _ x: UnsafeMutablePointer<Float>, rows: Int, heads: Int, gain: Role
  ) {
    guard let gain = weights.vector(gain) else { return }
    let together = attention.headNorm == .full
    let width = together ? heads * attention.keyWidth : attention.keyWidth
    Kernels.rmsNorm(
      x, xStride: width, rows: together ? rows : rows * heads, width: width, gain: gain,
      epsilon: epsilon, to: x, yStride: width)
  }
}
