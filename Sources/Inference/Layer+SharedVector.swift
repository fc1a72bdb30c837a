import Models
import Tensors

/// Attention to one vector per token that is key and value of all heads (DeepSeek-V4): what comes
/// before the heads look, and after it.
extension Layer {
  /// Fills queries and shared vectors of the unit's rows, normed and rotated, and what entries of their
  /// windows are going to be made of.
  func project(
    _ sizes: AttentionRecipe.SharedVector, _ unit: SequenceBatch.Unit, _ input: Factors,
    _ scratch: LayerScratch
  ) {
    // There is some in every batch of a model with such layers.
    guard let memory = activations.shared else { return }
    let (rows, first, width) = (unit.rows.count, unit.firstRow, attention.keyWidth)
    let (down, rank) = (scratch.queryDown.pointer, sizes.queryRank)
    let keys = memory.keys.pointer + first * width
    // All that reads the input comes first: its memory may be used again then.
    multiply(.queryDown, input, to: down, yStride: rank)
    multiply(.sharedVector, input, to: keys, yStride: width)
    if let compression = sizes.compression {
      prepare(compression, unit, input, memory)
    }
    Kernels.rmsNorm(
      down, xStride: rank, rows: rows, width: rank, gain: weights.vector(.queryDownNormGain),
      epsilon: epsilon, to: down, yStride: rank)
    if sizes.compression?.index != nil {
      (memory.queryVectors.pointer + first * rank).update(from: down, count: rows * rank)
    }
    let queries = activations.queries.pointer + first * attention.queryRows
    multiply(
      .queryUp, scratch.factors.factors(down, stride: rank, rows: rows, width: rank), to: queries,
      yStride: attention.queryRows)
    Kernels.rmsNorm(
      queries, xStride: width, rows: rows * attention.heads, width: width, gain: nil,
      epsilon: epsilon, to: queries, yStride: width)
    if rotation.sites.contains(.query), let tables = rotation.score {
      LayerRotation.rotate(
        queries + rotation.scoreOffset, stride: attention.queryRows, rows: rows,
        heads: attention.heads, headWidth: width, tables: tables, positions: unit.positions,
        layout: rotation.scoreLayout, inverse: false)
    }
    Kernels.rmsNorm(
      keys, xStride: width, rows: rows, width: width, gain: weights.vector(.sharedVectorNormGain),
      epsilon: epsilon, to: keys, yStride: width)
    split(
      keys, memory.values.pointer + first * width, rows: rows, positions: unit.positions)
  }

  /// Makes values of vectors that are keys so far, and turns either by its site.
  /// - Parameters:
  ///   - keys: [rows, keyWidth].
  ///   - values: receives them, [rows, keyWidth].
  ///   - rows: vectors.
  ///   - positions: where they stand.
  ///   - spacing: positions from one to the next.
  func split(
    _ keys: UnsafeMutablePointer<Float>, _ values: UnsafeMutablePointer<Float>, rows: Int,
    positions: SequenceBatch.RowPositions, spacing: Int = 1
  ) {
    let width = attention.keyWidth
    values.update(from: keys, count: rows * width)
    if rotation.sites.contains(.key), let tables = rotation.score {
      LayerRotation.rotate(
        keys + rotation.scoreOffset, stride: width, rows: rows, heads: 1, headWidth: width,
        tables: tables, positions: positions, spacing: spacing, layout: rotation.scoreLayout,
        inverse: false)
    }
    if rotation.sites.contains(.value), let tables = rotation.value {
      LayerRotation.rotate(
        values + rotation.valueOffset, stride: width, rows: rows, heads: 1, headWidth: width,
        tables: tables, positions: positions, spacing: spacing, layout: rotation.valueLayout,
        inverse: false)
    }
  }

  /// What attention adds to the stream: the heads' outputs through one output matrix, or through those
  /// of groups of heads and another one.
  /// - Parameters:
  ///   - attended: the heads' outputs, [rows, heads * valueWidth].
  ///   - rows: how many.
  ///   - update: receives it, [rows, width].
  ///   - scratch: working memory of the calling thread.
  func takeOut(
    _ attended: UnsafePointer<Float>, rows: Int, to update: UnsafeMutablePointer<Float>,
    _ scratch: LayerScratch
  ) {
    func multiplyOnce(_ role: Role, headsWidth: Int) {
      multiply(
        role, scratch.factors.factors(attended, stride: headsWidth, rows: rows, width: headsWidth),
        to: update, yStride: width)
    }
    switch mixer {
    case .heads, .latent, .decay:
      multiplyOnce(.attentionOutput, headsWidth: attention.outputColumns)
    case .deltaRule(let rule): multiplyOnce(.ruleOutput, headsWidth: rule.valueRows)
    case .sharedVector(let sizes):
      takeOutOfGroups(sizes, attended, rows: rows, to: update, scratch)
    }
  }

  /// The heads' outputs through the matrices of their groups, and what those give through another one.
  private func takeOutOfGroups(
    _ sizes: AttentionRecipe.SharedVector, _ attended: UnsafePointer<Float>, rows: Int,
    to update: UnsafeMutablePointer<Float>, _ scratch: LayerScratch
  ) {
    guard let memory = scratch.shared else { return }
    let headsWidth = attention.outputColumns
    let (groups, rank) = (sizes.outputGroups, sizes.outputRank)
    let (group, outputs) = (memory.group.pointer, memory.outputs.pointer)
    let groupWidth = headsWidth / groups
    for index in 0..<groups {
      let input = scratch.factors.factors(
        attended + index * groupWidth, stride: headsWidth, rows: rows, width: groupWidth)
      multiply(.outputDown, block: index, input, to: group, yStride: rank)
      for row in 0..<rows {
        (outputs + (row * groups + index) * rank).update(from: group + row * rank, count: rank)
      }
    }
    multiply(
      .outputUp,
      scratch.factors.factors(outputs, stride: groups * rank, rows: rows, width: groups * rank),
      to: update, yStride: width)
  }
}
