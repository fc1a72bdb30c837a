import COpenBLAS

/// A dense row-major matrix in double precision: statistics, bases and fits.
package struct DoubleMatrix: Sendable, Equatable {
  package let rows: Int
  package let columns: Int
  /// Row-major, `rows * columns` numbers.
  package var values: [Double]

  /// A matrix of zeros.
  package init(rows: Int, columns: Int) {
    self.rows = rows
    self.columns = columns
    values = [Double](repeating: 0, count: rows * columns)
  }

  package static func identity(_ size: Int) -> DoubleMatrix {
    var matrix = DoubleMatrix(rows: size, columns: size)
    for index in 0..<size { matrix[index, index] = 1 }
    return matrix
  }

  package subscript(row: Int, column: Int) -> Double {
    get { values[row * columns + column] }
    set { values[row * columns + column] = newValue }
  }

  package func transposed() -> DoubleMatrix {
    var result = DoubleMatrix(rows: columns, columns: rows)
    for row in 0..<rows {
      for column in 0..<columns { result[column, row] = self[row, column] }
    }
    return result
  }

  /// The matrix product; the columns of the left must be the rows of the right.
  package static func * (left: DoubleMatrix, right: DoubleMatrix) -> DoubleMatrix {
    var result = DoubleMatrix(rows: left.rows, columns: right.columns)
    guard left.columns == right.rows, !result.values.isEmpty, left.columns > 0 else {
      return result
    }
    Libraries.prepare()
    cblas_dgemm(
      CblasRowMajor, CblasNoTrans, CblasNoTrans, Int32(left.rows), Int32(right.columns),
      Int32(left.columns), 1, left.values, Int32(left.columns), right.values,
      Int32(right.columns), 0, &result.values, Int32(right.columns))
    return result
  }

  /// Adds a multiple of a matrix of the same shape.
  package mutating func add(_ other: DoubleMatrix, scale: Double = 1) {
    for index in values.indices { values[index] += scale * other.values[index] }
  }

  /// The matrix with every column multiplied by its factor.
  package func scalingColumns(by factors: [Double]) -> DoubleMatrix {
    var result = self
    for row in 0..<rows {
      for column in 0..<columns { result[row, column] *= factors[column] }
    }
    return result
  }

  /// Replaces two columns x, y by `cos x + sin y` and `cos y - sin x`.
  package mutating func turnColumns(_ one: Int, _ two: Int, cos: Double, sin: Double) {
    for row in 0..<rows {
      let (x, y) = (self[row, one], self[row, two])
      self[row, one] = cos * x + sin * y
      self[row, two] = cos * y - sin * x
    }
  }

  /// Replaces two rows x, y by `cos x + sin y` and `cos y - sin x`.
  package mutating func turnRows(_ one: Int, _ two: Int, cos: Double, sin: Double) {
    for column in 0..<columns {
      let (x, y) = (self[one, column], self[two, column])
      self[one, column] = cos * x + sin * y
      self[two, column] = cos * y - sin * x
    }
  }
}
