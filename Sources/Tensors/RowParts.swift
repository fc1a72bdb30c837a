import Base

/// How the rows of a float32 product with weights are divided among calls to the library, so that each
/// row gets the same digits however many others there are.
///
/// With AVX2 oneDNN takes blocks of about 48 rows, six rows of them at a time. One to three rows that
/// a block has left are added up in another order than whole sixes, fours and fives. With AVX-512 all
/// counts are alike. Which are is tried, once.
enum RowParts {
  /// Rows of the largest call, the unit that sequences are computed in.
  private static let most = 256
  /// One to three rows alone are added up in another order wherever the rest of a block is.
  private static let least = 4

  /// Parts of 0..<rows that follow each other: one where all counts are alike, or no parts help.
  static func of(_ rows: Int) -> [Range<Int>] {
    guard let table, rows > 0 else { return [0..<rows] }
    var parts: [Range<Int>] = []
    for first in stride(from: 0, to: rows, by: most) {
      parts += table[min(most, rows - first)].map {
        (first + $0.lowerBound)..<(first + $0.upperBound)
      }
    }
    return parts
  }

  /// How many rows few of them are multiplied as, zeros after them; nil where all counts are alike, or
  /// where some count of few rows has no such number near: columns are used then.
  static func company(of rows: Int) -> Int? { companies?[rows] }

  private static let companies: [Int]? = {
    guard table != nil, let isAlike else { return nil }
    let counts = (0...PreparedMatrix.fewRows).map { rows in
      (max(rows, least)...(2 * PreparedMatrix.fewRows)).first { isAlike[$0] }
    }
    let known = counts.compactMap(\.self)
    return known.count == counts.count ? known : nil
  }()

  /// The parts of every count up to `most`; nil where all are alike.
  private static let table: [[Range<Int>]]? = {
    guard let isAlike, isAlike[(PreparedMatrix.fewRows + 1)...].contains(false) else { return nil }
    return (0...most).map { parts(of: $0, isAlike) }
  }()

  private static func parts(of rows: Int, _ isAlike: [Bool]) -> [Range<Int>] {
    guard least < rows, !isAlike[rows] else { return [0..<rows] }
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

  /// Whether a product of so many rows gives each the digits that it has among `most`; nil for
  /// another library, and where there was no memory to try it.
  private static let isAlike: [Bool]? = {
    guard Libraries.hasOneDNN else { return nil }
    Parallel.prepareCaller()
    let (inputs, outputs) = (48, 16)
    let weights = noise(outputs * inputs)
    // Rows that are alike: what differs between their results is what their places make of them.
    let row = noise(inputs)
    let x = (0..<most).flatMap { _ in row }
    func product(_ rows: Int) -> [Float] {
      var y = [Float](repeating: 0, count: rows * outputs)
      MatrixProduct.multiply(
        m: rows, n: outputs, k: inputs, alpha: 1, a: x, lda: inputs, b: weights, ldb: outputs,
        transposeB: false, beta: 0, c: &y, ldc: outputs)
      return y
    }
    let whole = product(most)
    // Parts are of no help where the place among `most` matters.
    guard whole == (0..<most).flatMap({ _ in whole[..<outputs] }) else { return nil }
    var isAlike = [Bool](repeating: false, count: most + 1)
    for rows in least...most {
      let part = product(rows)
      guard part.allSatisfy(\.isFinite) else { return nil }
      isAlike[rows] = part == Array(whole[..<(rows * outputs)])
    }
    return isAlike
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
