import Foundation
import Rotary
import Tensors

/// A pair of bases that leaves `B^T A` as it is: `A <- forward A`, `B <- backward B` with
/// `backward = forward^-T`. A2 has A = W_v and B = W_o^T, A3 has A = W_k and B = W_q.
struct BasisChange {
  var forward: DoubleMatrix
  var backward: DoubleMatrix

  static func identity(_ size: Int) -> BasisChange {
    BasisChange(forward: .identity(size), backward: .identity(size))
  }

  /// The basis in which both sides have the same second moment, diagonal, largest first (a balanced
  /// realization): coordinates are ranked by what they carry, and rounding hits both sides alike.
  ///
  /// With `S = (A A^T)^(1/2)` and `S (sum B B^T) S = Q L Q^T`: `forward = L^(1/4) Q^T S^-1` and
  /// `backward = L^(-1/4) Q^T S`. Eigenvalues are floored at 1e-10 of the largest.
  /// - Parameters:
  ///   - a: [size, n].
  ///   - bs: each [size, m]; the heads that share A.
  /// - Returns: the change, [size, size] each way.
  /// - Throws: `TensorError.factorization` for a moment whose eigenvalues cannot be found.
  static func balanced(_ a: DoubleMatrix, _ bs: [DoubleMatrix]) throws -> BasisChange {
    let size = a.rows
    var other = DoubleMatrix(rows: size, columns: size)
    for b in bs {
      let moment = b * b.transposed()
      for index in other.values.indices { other.values[index] += moment.values[index] }
    }
    let (values, vectors) = try Factorization.symmetricEigen(a * a.transposed())
    let top = max(values.max() ?? 0, .leastNormalMagnitude)
    let roots = values.map { max($0, 1e-10 * top).squareRoot() }
    let root = scaled(vectors, roots) * vectors.transposed()
    let inverseRoot = scaled(vectors, roots.map { 1 / $0 }) * vectors.transposed()
    let (levels, turned) = try Factorization.symmetricEigen(root * other * root)
    let highest = max(levels.max() ?? 0, .leastNormalMagnitude)
    // LAPACK sorts ascending; the most important coordinate comes first here.
    let order = Array((0..<size).reversed())
    var basis = DoubleMatrix(rows: size, columns: size)
    for (position, column) in order.enumerated() {
      for row in 0..<size { basis[position, row] = turned[row, column] }
    }
    let quarter = order.map { pow(max(levels[$0], 1e-10 * highest), 0.25) }
    return BasisChange(
      forward: scaledRows(basis * inverseRoot, quarter),
      backward: scaledRows(basis * root, quarter.map { 1 / $0 }))
  }

  /// For one rotary pair only complex factors commute with the rotation: a scale that gives both
  /// sides the same norm and a turn that makes the two rows of A orthogonal, the longer one first.
  /// - Parameters:
  ///   - a: the pair's rows, [2, n].
  ///   - bs: the pair's rows on the other side, each [2, m].
  /// - Returns: the change, [2, 2] each way.
  static func complex(_ a: DoubleMatrix, _ bs: [DoubleMatrix]) -> BasisChange {
    func moments(_ m: DoubleMatrix) -> (Double, Double, Double) {
      var (xx, xy, yy) = (0.0, 0.0, 0.0)
      for column in 0..<m.columns {
        let (x, y) = (m[0, column], m[1, column])
        xx += x * x
        xy += x * y
        yy += y * y
      }
      return (xx, xy, yy)
    }
    let (xx, xy, yy) = moments(a)
    let other = bs.map(moments).reduce(0) { $0 + $1.0 + $1.2 } / Double(max(bs.count, 1))
    let norm = xx + yy
    let scale = norm > 0 && other > 0 ? pow(other / norm, 0.25) : 1
    let angle = -0.5 * atan2(2 * xy, xx - yy)
    var turn = DoubleMatrix(rows: 2, columns: 2)
    turn.values = [cos(angle), -sin(angle), sin(angle), cos(angle)]
    return BasisChange(
      forward: scaledRows(turn, [scale, scale]),
      backward: scaledRows(turn, [1 / scale, 1 / scale]))
  }

  /// The change for a head of which some pairs turn (and allow complex factors only) and the other
  /// dims stay still (and allow anything); `turning` has the positions in the head of each turning
  /// pair's two dims.
  static func mixed(
    _ a: DoubleMatrix, _ bs: [DoubleMatrix], turning: [(Int, Int)]
  ) throws -> BasisChange {
    var change = BasisChange.identity(a.rows)
    func select(_ m: DoubleMatrix, _ dims: [Int]) -> DoubleMatrix {
      var part = DoubleMatrix(rows: dims.count, columns: m.columns)
      for (row, dim) in dims.enumerated() {
        for column in 0..<m.columns { part[row, column] = m[dim, column] }
      }
      return part
    }
    func place(_ part: BasisChange, _ dims: [Int]) {
      for (row, target) in dims.enumerated() {
        for (column, source) in dims.enumerated() {
          change.forward[target, source] = part.forward[row, column]
          change.backward[target, source] = part.backward[row, column]
        }
      }
    }
    for (x, y) in turning {
      let dims = [x, y]
      place(complex(select(a, dims), bs.map { select($0, dims) }), dims)
    }
    let taken = Set(turning.flatMap { [$0.0, $0.1] })
    let still = (0..<a.rows).filter { !taken.contains($0) }
    if !still.isEmpty {
      place(try balanced(select(a, still), bs.map { select($0, still) }), still)
    }
    return change
  }

  private static func scaled(_ m: DoubleMatrix, _ factors: [Double]) -> DoubleMatrix {
    var result = m
    for row in 0..<m.rows {
      for column in 0..<m.columns { result[row, column] = m[row, column] * factors[column] }
    }
    return result
  }

  private static func scaledRows(_ m: DoubleMatrix, _ factors: [Double]) -> DoubleMatrix {
    var result = m
    for row in 0..<m.rows {
      for column in 0..<m.columns { result[row, column] = m[row, column] * factors[row] }
    }
    return result
  }
}
