import Base

/// How the rows of a float32 product are shared out among calls of the library, so that each row has
/// the digits that it has among any number of others.
///
/// With AVX2 oneDNN takes blocks of 48 rows or so, six rows of them at a time: one to three rows that
/// are left of a block it adds up in another order than whole sixes, fours and fives. With AVX-512 it
/// treats all alike. Which numbers of rows are alike is tried, once.
enum RowParts {
  /// More rows are one call.
  private static let most = 256
  /// A single row is another kind of product for the library.
  private static let least = 4

  /// Parts of 0..<rows that follow each other: one, where the library treats so many rows as those of
  /// `most`, or where no parts help.
  static func of(_ rows: Int) -> [Range<Int>] {
    guard least < rows, rows < most, !isAlike[rows] else { return [0..<rows] }
    for first in stride(from: rows - least, through: least, by: -1) where isAlike[first] {
      if isAlike[rows - first] { return [0..<first, first..<rows] }
    }
    for first in stride(from: rows - 2 * least, through: least, by: -1) where isAlike[first] {
      let second = (first + least)..<(rows - least + 1)
      if let end = second.first(where: { isAlike[$0 - first] && isAlike[rows - $0] }) {
        return [0..<first, first..<end, end..<rows]
      }
    }
    return [0..<rows]
  }

  /// The least number of rows, from `rows` on, that is treated as `most` are; nil where all are, and
  /// where few of them are: what is fastest will do.
  static func company(of rows: Int) -> Int? {
    guard differs, let count = (max(rows, least)...most).first(where: { isAlike[$0] }),
      count <= 2 * PreparedMatrix.fewRows
    else { return nil }
    return count
  }

  private static let differs = isAlike[(PreparedMatrix.fewRows + 1)...].contains(false)

  /// Whether a product of so many rows gives each the digits that it has among `most`.
  private static let isAlike: [Bool] = {
    guard Libraries.hasOneDNN else { return [Bool](repeating: true, count: most + 1) }
    Parallel.prepareCaller()
    let (inputs, outputs) = (48, 16)
    let (x, weights) = (noise(most * inputs), noise(outputs * inputs))
    func product(_ rows: Range<Int>) -> [UInt32] {
      var y = [Float](repeating: 0, count: rows.count * outputs)
      x.withUnsafeBufferPointer { x in
        guard let start = x.baseAddress else { return }
        MatrixProduct.multiply(
          m: rows.count, n: outputs, k: inputs, alpha: 1, a: start + rows.lowerBound * inputs,
          lda: inputs, b: weights, ldb: outputs, transposeB: false, beta: 0, c: &y, ldc: outputs)
      }
      return y.map(\.bitPattern)
    }
    let whole = product(0..<most)
    return (0...most).map { rows in
      let first = most - rows
      return rows > 0 && product(first..<most) == Array(whole[(first * outputs)...])
    }
  }()

  /// Numbers from -1 to 1, always the same.
  private static func noise(_ count: Int) -> [Float] {
    var state: UInt64 = 0x9E37_79B9_7F4A_7C15
    return (0..<count).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Float(Int32(truncatingIfNeeded: state >> 32)) * 0x1p-31
    }
  }
}
