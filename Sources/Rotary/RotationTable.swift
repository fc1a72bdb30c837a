import Foundation
import Tensors

/// Cosines and sines of every (position, pair), row-major [positions, pairs].
///
/// Angles are computed in double precision and rounded once: at position 32,000 a float angle
/// would be off by a thousandth of a radian.
public final class RotationTable: Sendable {
  /// Rows of the table, one for each position.
  public let positions: Int
  /// Columns of the table, one for each pair.
  public let pairs: Int
  private let storage: FloatBuffer

  /// Computes the table.
  /// - Parameters:
  ///   - frequencies: radians per position of each pair.
  ///   - start: the position of row 0.
  ///   - positions: rows to compute.
  ///   - magnitude: multiplies both tables (YaRN's factor on queries and keys).
  public init(
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
  public func cosines(row: Int) -> UnsafePointer<Float> {
    UnsafePointer(storage.pointer + row * pairs)
  }

  /// The sines of one row: `pairs` floats.
  public func sines(row: Int) -> UnsafePointer<Float> {
    UnsafePointer(storage.pointer + (positions + row) * pairs)
  }
}
