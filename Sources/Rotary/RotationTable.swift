import Foundation
import Tensors

/// Cosines and sines of every (position, pair), row-major [positions, pairs].
///
/// Angles are computed in double precision and rounded once: at position 32,000 a float angle
/// would be off by a thousandth of a radian.
package final class RotationTable: Sendable {
  package let positions: Int
  package let pairs: Int
  private let storage: FloatBuffer

  /// - Parameters:
  ///   - start: the position of row 0.
  ///   - magnitude: multiplies both tables (YaRN's factor on queries and keys).
  package init(
    frequencies: [Double], start: Int, positions: Int, magnitude: Double = 1
  ) {
    self.positions = positions
    pairs = frequencies.count
    storage = FloatBuffer(count: 2 * positions * frequencies.count)
    let cosines = storage.pointer
    let sines = storage.pointer + positions * frequencies.count
    for row in 0..<positions {
      let position = Double(start + row)
      for (pair, frequency) in frequencies.enumerated() {
        let index = row * frequencies.count + pair
        cosines[index] = Float(cos(position * frequency) * magnitude)
        sines[index] = Float(sin(position * frequency) * magnitude)
      }
    }
  }

  /// The cosines of one row: `pairs` floats.
  package func cosines(row: Int) -> UnsafePointer<Float> {
    UnsafePointer(storage.pointer + row * pairs)
  }

  /// The sines of one row: `pairs` floats.
  package func sines(row: Int) -> UnsafePointer<Float> {
    UnsafePointer(storage.pointer + (positions + row) * pairs)
  }
}
