/// Sequences that go through the layers together, and how their rows are shared out.
///
/// Rows of all sequences lie one after another. The units of work are fixed by each sequence alone,
/// so that no digit depends on the batch or on the number of threads.
struct SequenceBatch: Sendable {
  /// At most this many rows of one sequence form a unit.
  static let unitRows = 512

  struct Unit: Sendable {
    /// The first row of the unit's sequence in the batch.
    let sequenceStart: Int
    /// The unit's rows within its sequence.
    let rows: Range<Int>

    /// The unit's first row in the batch.
    var firstRow: Int { sequenceStart + rows.lowerBound }
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
