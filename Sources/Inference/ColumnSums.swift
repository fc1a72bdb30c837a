import Models
import Synchronization
import Tensors

/// Sums of the squared inputs of one layer's matrices, column by column, added up as products are
/// computed. What threads do in which order changes nothing: the sum of each unit's rows is taken to
/// whole multiples of 2^-44, whose sums are exact.
package final class ColumnSums: Sendable {
  /// One of the layer's matrices.
  package struct Matrix: Sendable, Hashable {
    package let role: Role
    /// Of matrices that stand one below another.
    package let block: Int
    /// Of a layer that has some.
    package let expert: Int?

    package init(role: Role, block: Int = 0, expert: Int? = nil) {
      self.role = role
      self.block = block
      self.expert = expert
    }
  }

  private struct Sum {
    var whole: [UInt64]
    var parts: [UInt64]
    var rows = 0
    /// Numbers that are none, or beyond what is summed.
    var isFinite = true
  }

  private let sums = Mutex<[Matrix: Sum]>([:])
  private static let partsOfOne = 0x1p44

  package init() {}

  /// Adds the rows that a matrix is multiplied with.
  func add(_ x: Factors, to matrix: Matrix) {
    let squares = x.columnSquares
    sums.withLock { sums in
      var sum =
        sums.removeValue(forKey: matrix)
        ?? Sum(
          whole: [UInt64](repeating: 0, count: x.width),
          parts: [UInt64](repeating: 0, count: x.width))
      sum.rows += x.rows
      for (column, square) in squares.enumerated() where square > 0 || square.isNaN {
        guard square < 0x1p60, sum.whole[column] < 1 << 62 else {
          sum.isFinite = false
          continue
        }
        let whole = square.rounded(.down)
        sum.whole[column] += UInt64(whole)
        sum.parts[column] += UInt64((square - whole) * Self.partsOfOne)
        sum.whole[column] += sum.parts[column] >> 44
        sum.parts[column] &= 1 << 44 - 1
      }
      sums[matrix] = sum
    }
  }

  /// The sums of a matrix and the rows that are in them; nil where it was not multiplied, and sums
  /// that are not finite where its inputs were not.
  package func sums(of matrix: Matrix) -> (squares: [Float], rows: Int)? {
    sums.withLock { $0[matrix] }.map { sum in
      guard sum.isFinite else { return (sum.whole.map { _ in .nan }, sum.rows) }
      return (
        zip(sum.whole, sum.parts).map { Float(Double($0) + Double($1) / Self.partsOfOne) }, sum.rows
      )
    }
  }

  /// The matrices that were multiplied.
  package var matrices: [Matrix] { sums.withLock { Array($0.keys) } }
}
