import Tensors

/// The largest logit of each row and its place in the vocabulary, found block by block. Of equal
/// ones the first counts; a logit that is not a number counts as larger than all others, so that it
/// is not overlooked.
///
/// Several threads may take rows of one block at the same time, each its own.
package final class RowMaxima: Sendable {
  private let values: FloatBuffer
  private let places: Int32Buffer
  private let rows: Int

  /// - Parameter rows: how many; of each the largest is minus infinity at place 0.
  package init(rows: Int) {
    self.rows = rows
    values = FloatBuffer(count: rows)
    places = Int32Buffer(count: rows)
    for row in 0..<rows { values.pointer[row] = -.infinity }
  }

  /// The largest logit of a row so far.
  package func value(_ row: Int) -> Float { values.pointer[row] }

  /// The place of that logit in the vocabulary.
  package func place(_ row: Int) -> Int32 { places.pointer[row] }

  /// Takes the logits of a block of the vocabulary; blocks come in the vocabulary's order.
  /// - Parameters:
  ///   - logits: [rows.count, columns.count] without a gap.
  ///   - rows: the rows that they are of.
  ///   - columns: their places in the vocabulary.
  package func take(_ logits: UnsafePointer<Float>, rows: Range<Int>, columns: Range<Int>) {
    for row in rows {
      let line = logits + (row - rows.lowerBound) * columns.count
      var (value, place) = (values.pointer[row], -1)
      for column in 0..<columns.count where Self.exceeds(line[column], value) {
        (value, place) = (line[column], column)
      }
      guard place >= 0 else { continue }
      values.pointer[row] = value
      places.pointer[row] = Int32(columns.lowerBound + place)
    }
  }

  /// Takes the maxima of the same rows in blocks that come later in the vocabulary.
  package func take(_ later: RowMaxima) {
    for row in 0..<min(rows, later.rows) where Self.exceeds(later.value(row), value(row)) {
      values.pointer[row] = later.value(row)
      places.pointer[row] = later.place(row)
    }
  }

  private static func exceeds(_ new: Float, _ old: Float) -> Bool { !(new <= old) && !old.isNaN }
}
