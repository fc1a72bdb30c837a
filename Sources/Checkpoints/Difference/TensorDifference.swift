import Tensors

/// How far the numbers of two tensors of one shape are apart.
package struct TensorDifference: Sendable, Equatable {
  /// The largest |a - b|; infinite where one is not a number and the other is.
  package private(set) var maximum = 0.0
  /// The square root of the mean of (a - b)^2.
  package let rootMeanSquare: Double
  /// That over the root mean square of a; 0 where both are 0, infinite where a alone is.
  package let relative: Double

  /// Elements decoded at a time: whole blocks of every type, whatever its rows are.
  private static let block = 1 << 16

  /// - Throws: `TensorError` for elements that cannot be decoded.
  init(_ one: TensorEntry, _ other: TensorEntry) throws {
    let count = one.elementCount
    let size = min(Self.block, count)
    let (a, b) = (FloatBuffer(count: size), FloatBuffer(count: size))
    var (squares, energy, largest) = (0.0, 0.0, 0.0)
    for first in stride(from: 0, to: count, by: Self.block) {
      let part = first..<min(first + Self.block, count)
      try one.decode(elements: part, to: a.pointer)
      try other.decode(elements: part, to: b.pointer)
      for index in 0..<part.count {
        let (x, y) = (a.pointer[index], b.pointer[index])
        // Equal infinities, or neither a number: no difference.
        guard x != y, !(x.isNaN && y.isNaN) else {
          if x.isFinite { energy += Double(x) * Double(x) }
          continue
        }
        let apart = Double(x) - Double(y)
        let distance = apart.isNaN ? .infinity : abs(apart)
        largest = max(largest, distance)
        squares += distance * distance
        energy += Double(x) * Double(x)
      }
    }
    maximum = largest
    rootMeanSquare = (squares / Double(max(count, 1))).squareRoot()
    relative = squares == 0 ? 0 : energy > 0 ? (squares / energy).squareRoot() : .infinity
  }
}
