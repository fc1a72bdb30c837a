import COpenBLAS

/// Factorizations by LAPACK, in double precision.
package enum Factorization {
  /// Eigenvalues, ascending, and eigenvectors (as columns) of a symmetric matrix.
  /// - Throws: `TensorError.factorization` where the matrix is not finite or does not converge,
  ///   `.sizes` where LAPACK cannot count the memory that it works in.
  package static func symmetricEigen(
    _ matrix: DoubleMatrix
  ) throws(TensorError) -> (values: [Double], vectors: DoubleMatrix) {
    try checkSquare(matrix)
    let size = matrix.rows
    guard size > 0 else { return ([], matrix) }
    var vectors = matrix.values
    var values = [Double](repeating: 0, count: size)
    guard var workSize = Int32(exactly: 1 + 6 * size + 2 * size * size) else {
      throw .sizes("no eigenvalues of a matrix of \(size) x \(size)")
    }
    var order = Int32(size)
    var leading = Int32(size)
    var info: Int32 = 0
    var indexSize = Int32(3 + 5 * size)
    var work = [Double](repeating: 0, count: Int(workSize))
    var indices = [Int32](repeating: 0, count: Int(indexSize))
    dsyevd_(
      "V", "U", &order, &vectors, &leading, &values, &work, &workSize, &indices, &indexSize, &info)
    guard info == 0, values.allSatisfy(\.isFinite) else {
      throw .factorization(routine: "dsyevd", info: Int(info))
    }
    // LAPACK's columns are our rows.
    var result = DoubleMatrix(rows: size, columns: size)
    result.values = vectors
    return (values, result.transposed())
  }

  /// `x` with `a x = b` for a symmetric positive definite `a`.
  /// - Parameters:
  ///   - a: [n, n].
  ///   - b: [n, m].
  /// - Returns: `x`, [n, m].
  /// - Throws: `TensorError.factorization` where `a` is not positive definite.
  package static func solveSymmetricPositive(
    _ a: DoubleMatrix, _ b: DoubleMatrix
  ) throws(TensorError) -> DoubleMatrix {
    try checkSquare(a)
    guard a.rows == b.rows else { throw .sizes("\(a.rows) equations, \(b.rows) right-hand sides") }
    var factor = a.values
    // Row-major right-hand sides are LAPACK's columns once transposed.
    var solution = b.transposed()
    var order = Int32(a.rows)
    var leading = Int32(a.rows)
    var sides = Int32(b.columns)
    var info: Int32 = 0
    dpotrf_("U", &order, &factor, &leading, &info)
    guard info == 0 else { throw .factorization(routine: "dpotrf", info: Int(info)) }
    dpotrs_("U", &order, &sides, factor, &leading, &solution.values, &leading, &info)
    guard info == 0, solution.values.allSatisfy(\.isFinite) else {
      throw .factorization(routine: "dpotrs", info: Int(info))
    }
    return solution.transposed()
  }

  /// The inverse of a square matrix.
  /// - Throws: `TensorError.factorization` where it is singular.
  package static func inverse(_ matrix: DoubleMatrix) throws(TensorError) -> DoubleMatrix {
    try checkSquare(matrix)
    var result = matrix
    var order = Int32(matrix.rows)
    var leading = Int32(matrix.rows)
    var pivots = [Int32](repeating: 0, count: matrix.rows)
    var workSize = Int32(max(64 * matrix.rows, 1))
    var work = [Double](repeating: 0, count: Int(workSize))
    var info: Int32 = 0
    dgetrf_(&order, &order, &result.values, &leading, &pivots, &info)
    guard info == 0 else { throw .factorization(routine: "dgetrf", info: Int(info)) }
    dgetri_(&order, &result.values, &leading, pivots, &work, &workSize, &info)
    guard info == 0, result.values.allSatisfy(\.isFinite) else {
      throw .factorization(routine: "dgetri", info: Int(info))
    }
    return result
  }

  private static func checkSquare(_ matrix: DoubleMatrix) throws(TensorError) {
    guard matrix.rows == matrix.columns else {
      throw .sizes("a matrix of \(matrix.rows) x \(matrix.columns) is not square")
    }
  }
}
