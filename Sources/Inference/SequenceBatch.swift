/// Sequences that go through the layers together, and how their rows are shared out.
///
/// Rows of all sequences lie one after another. The units of work are fixed by each sequence alone,
/// so that no digit depends on the batch or on the number of threads.
struct SequenceBatch: Sendable {
  /// At most this many rows of one sequence form a unit.
  static let unitRows = 256

  struct Unit: Sendable {
    /// The first row of the unit's sequence in the batch.
    let sequenceStart: Int
    /// The unit's rows within its sequence.
    let rows: Range<Int>
    /// Where the rows stand in their sequences.
    let positions: RowPositions

    init(sequenceStart: Int, rows: Range<Int>, positions: RowPositions? = nil) {
      self.sequenceStart = sequenceStart
      self.rows = rows
      self.positions = positions ?? .from(rows.lowerBound)
    }

    /// The unit's first row in the batch.
    var firstRow: Int { sequenceStart + rows.lowerBound }
  }

  /// The positions of a unit's rows, counted from the first row of the rotation tables.
  enum RowPositions: Sendable {
    /// One after another, beginning here.
    case from(Int)
    /// Rows of different sequences: a position for each.
    case each([Int])

    /// The positions behind the first `count` rows.
    func dropping(_ count: Int) -> RowPositions {
      switch self {
      case .from(let first): .from(first + count)
      case .each(let positions): .each(Array(positions.dropFirst(count)))
      }
    }
  }

  let starts: [Int]
  let lengths: [Int]
  let totalRows: Int
  let units: [Unit]

  init(lengths: [Int]) {
    self.lengths = lengths
    var starts: [Int] = []
    var units: [Unit] = []
    var total = 0
    for length in lengths {
      starts.append(total)
      for first in stride(from: 0, to: length, by: Self.unitRows) {
        units.append(
          Unit(sequenceStart: total, rows: first..<min(first + Self.unitRows, length)))
      }
      total += length
    }
    self.starts = starts
    self.units = units
    totalRows = total
  }
}
