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

    /// Rows of one sequence.
    init(sequenceStart: Int, rows: Range<Int>, lengthClass: Int) {
      self.init(
        sequenceStart: sequenceStart, rows: rows,
        positions: .from(rows.lowerBound, lengthClass: lengthClass))
    }

    init(sequenceStart: Int, rows: Range<Int>, positions: RowPositions) {
      self.sequenceStart = sequenceStart
      self.rows = rows
      self.positions = positions
    }

    /// The unit's first row in the batch.
    var firstRow: Int { sequenceStart + rows.lowerBound }
  }

  /// The positions of a unit's rows, counted from the first row of the rotation tables, and the
  /// length class of their sequence: which of the tables is theirs.
  enum RowPositions: Sendable {
    /// One after another, beginning here.
    case from(Int, lengthClass: Int)
    /// Rows of different sequences: a position and a class for each.
    case each([(position: Int, lengthClass: Int)])

    /// The position of one row.
    func position(_ row: Int) -> Int {
      switch self {
      case .from(let first, _): first + row
      case .each(let positions): positions[row].position
      }
    }

    /// The positions after the first `count` rows.
    func dropping(_ count: Int) -> RowPositions {
      switch self {
      case .from(let first, let lengthClass): .from(first + count, lengthClass: lengthClass)
      case .each(let positions): .each(Array(positions.dropFirst(count)))
      }
    }
  }

  let starts: [Int]
  let lengths: [Int]
  let totalRows: Int
  let units: [Unit]

  /// A batch of sequences; `classes` holds the length class of each, nil: one for all.
  init(lengths: [Int], classes: [Int]? = nil) {
    self.lengths = lengths
    var starts: [Int] = []
    var units: [Unit] = []
    var total = 0
    for (sequence, length) in lengths.enumerated() {
      starts.append(total)
      for first in stride(from: 0, to: length, by: Self.unitRows) {
        units.append(
          Unit(
            sequenceStart: total, rows: first..<min(first + Self.unitRows, length),
            lengthClass: classes?[sequence] ?? 0))
      }
      total += length
    }
    self.starts = starts
    self.units = units
    totalRows = total
  }
}
