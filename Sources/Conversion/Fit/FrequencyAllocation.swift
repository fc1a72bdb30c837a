import Foundation
import Tensors

/// Chooses the basis of a KV group's values before they start to rotate, so that what the heads
/// need most lies in pairs whose rotation the heads' attention keeps (docs/rotary.md, section 3).
///
/// In coordinates that are white under the heads' outputs, the damage of rotating direction q in
/// a pair p is `sum_h (1 - R2_hp) q^T K_h q`: `R2_hp` is the share of the pair's output that
/// survives head h's attention, `K_h` what the direction contributes through `W_o^h`. Orthonormal
/// directions, one per dim, are turned two at a time until no turn lowers the total.
struct FrequencyAllocation {
  /// Second moments of each head's outputs, [valueWidth, valueWidth].
  let moments: [DoubleMatrix]
  /// The transposed columns of each head in the output matrix, [valueWidth, width].
  let outputs: [DoubleMatrix]
  /// The share of the output that rotation loses, [head][dim]; 0 for a dim that stays still.
  let loss: [[Double]]

  /// Eigenvalues of the outputs' moment below this share of the largest are taken as this.
  private static let floor = 1e-6
  private static let sweeps = 24

  func basis() throws -> BasisChange {
    let size = moments[0].rows
    var mean = DoubleMatrix(rows: size, columns: size)
    for moment in moments { mean.add(moment, scale: 1 / Double(moments.count)) }
    let (root, inverseRoot) = try Self.roots(mean)
    var kernels: [DoubleMatrix] = []
    var total = DoubleMatrix(rows: size, columns: size)
    for (moment, output) in zip(moments, outputs) {
      let read = root * (output * output.transposed()) * root
      total.add(read)
      let (own, _) = try Self.roots(inverseRoot * moment * inverseRoot)
      kernels.append(own * read * own)
    }
    var directions = try Self.ranked(total, by: meanLoss())
    turn(&directions, kernels)
    return BasisChange(
      forward: directions.transposed() * inverseRoot, backward: directions.transposed() * root)
  }

  /// The mean loss of every dim over the heads.
  private func meanLoss() -> [Double] {
    loss[0].indices.map { dim in
      loss.reduce(0) { $0 + $1[dim] } / Double(loss.count)
    }
  }

  /// The eigenvectors of `matrix` as columns: the largest eigenvalue goes to the dim of least loss.
  private static func ranked(
    _ matrix: DoubleMatrix, by loss: [Double]
  ) throws -> DoubleMatrix {
    let vectors = try Factorization.symmetricEigen(matrix).vectors
    // Equal losses keep the order of dims, so that the result is the same everywhere.
    let dims = loss.indices.sorted { (loss[$0], $1) < (loss[$1], $0) }
    var result = vectors
    for (rank, dim) in dims.enumerated() {
      for row in 0..<vectors.rows {
        result[row, dim] = vectors[row, vectors.columns - 1 - rank]
      }
    }
    return result
  }

  /// Turns directions two at a time, each time by the angle that lowers the loss most (Jacobi).
  private func turn(_ directions: inout DoubleMatrix, _ kernels: [DoubleMatrix]) {
    let size = directions.columns
    var turned = kernels.map { directions.transposed() * $0 * directions }
    for _ in 0..<Self.sweeps {
      var largest = 0.0
      for one in 0..<size {
        for two in (one + 1)..<size {
          var (xx, xy, yy) = (0.0, 0.0, 0.0)
          var differs = false
          for head in turned.indices {
            let weight = loss[head][one] - loss[head][two]
            if weight == 0 { continue }
            differs = true
            xx += weight * turned[head][one, one]
            xy += weight * turned[head][one, two]
            yy += weight * turned[head][two, two]
          }
          guard differs else { continue }
          let angle = 0.5 * atan2(-2 * xy, yy - xx)
          guard abs(angle) > 1e-7 else { continue }
          largest = max(largest, abs(angle))
          let (c, s) = (cos(angle), sin(angle))
          directions.turnColumns(one, two, cos: c, sin: s)
          for head in turned.indices {
            turned[head].turnColumns(one, two, cos: c, sin: s)
            turned[head].turnRows(one, two, cos: c, sin: s)
          }
        }
      }
      if largest < 1e-4 { break }
    }
  }

  /// The square root of a symmetric matrix and its inverse.
  private static func roots(
    _ matrix: DoubleMatrix
  ) throws -> (root: DoubleMatrix, inverse: DoubleMatrix) {
    let (values, vectors) = try Factorization.symmetricEigen(matrix)
    let least = max(floor * (values.last ?? 0), .leastNormalMagnitude)
    let roots = values.map { max($0, least).squareRoot() }
    return (
      vectors.scalingColumns(by: roots) * vectors.transposed(),
      vectors.scalingColumns(by: roots.map { 1 / $0 }) * vectors.transposed()
    )
  }
}
