import Tensors
import Testing

@Suite struct FactorizationTests {
  @Test func eigenvaluesRebuildTheMatrix() throws {
    let matrix = symmetric(12, seed: 1)
    let (values, vectors) = try Factorization.symmetricEigen(matrix)
    #expect(values == values.sorted())
    var diagonal = DoubleMatrix(rows: 12, columns: 12)
    for i in 0..<12 { diagonal[i, i] = values[i] }
    #expect(distance(vectors * diagonal * vectors.transposed(), matrix) < 1e-12)
    #expect(distance(vectors.transposed() * vectors, .identity(12)) < 1e-12)
  }

  @Test func inverse() throws {
    var matrix = symmetric(9, seed: 2)
    matrix[0, 5] += 3  // no longer symmetric
    #expect(distance(matrix * (try Factorization.inverse(matrix)), .identity(9)) < 1e-9)
  }

  @Test func solvesPositiveDefiniteSystems() throws {
    let root = symmetric(8, seed: 3)
    var matrix = root * root.transposed()
    for i in 0..<8 { matrix[i, i] += 1 }
    var sides = DoubleMatrix(rows: 8, columns: 3)
    for i in 0..<24 { sides.values[i] = Double(i * i % 7) }
    let solution = try Factorization.solveSymmetricPositive(matrix, sides)
    #expect(distance(matrix * solution, sides) < 1e-10)
  }

  @Test func refusesWhatHasNoAnswer() {
    let singular = DoubleMatrix(rows: 3, columns: 3)
    #expect(throws: TensorError.self) { try Factorization.inverse(singular) }
    var negative = DoubleMatrix.identity(3)
    negative[1, 1] = -1
    #expect(throws: TensorError.self) {
      try Factorization.solveSymmetricPositive(negative, .identity(3))
    }
    #expect(throws: TensorError.self) {
      try Factorization.symmetricEigen(DoubleMatrix(rows: 2, columns: 3))
    }
  }

  private func symmetric(_ size: Int, seed: UInt64) -> DoubleMatrix {
    var noise = Noise(seed)
    var matrix = DoubleMatrix(rows: size, columns: size)
    for i in 0..<size {
      for j in 0...i {
        matrix[i, j] = Double.random(in: -1...1, using: &noise)
        matrix[j, i] = matrix[i, j]
      }
    }
    return matrix
  }

  private func distance(_ a: DoubleMatrix, _ b: DoubleMatrix) -> Double {
    zip(a.values, b.values).reduce(0) { max($0, abs($1.0 - $1.1)) }
  }
}
