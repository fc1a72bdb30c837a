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
    /// Which sequences the rows are of, in the order of the rows: what attends together.
    let stretches: [Stretch]

    /// Rows of one sequence.
    init(sequenceStart: Int, rows: Range<Int>, lengthClass: Int) {
      self.init(
        sequenceStart: sequenceStart, rows: rows,
        positions: .from(rows.lowerBound, lengthClass: lengthClass),
        stretches: [
          Stretch(
            places: rows, firstRow: sequenceStart + rows.lowerBound, keyStart: sequenceStart,
            lengthClass: lengthClass)
        ])
    }

    /// Rows that follow each other in the batch, of one sequence or of several.
    init(_ stretches: [Stretch]) {
      let count = stretches.reduce(0) { $0 + $1.places.count }
      self.init(
        sequenceStart: stretches.first?.firstRow ?? 0, rows: 0..<count,
        positions: .stretches(stretches), stretches: stretches)
    }

    /// Rows that attend elsewhere.
    init(rows: Range<Int>, positions: RowPositions) {
      self.init(sequenceStart: 0, rows: rows, positions: positions, stretches: [])
    }

    private init(
      sequenceStart: Int, rows: Range<Int>, positions: RowPositions, stretches: [Stretch]
    ) {
      self.sequenceStart = sequenceStart
      self.rows = rows
      self.positions = positions
      self.stretches = stretches
    }

    /// The unit's first row in the batch.
    var firstRow: Int { sequenceStart + rows.lowerBound }
  }

  /// Rows that follow each other in one sequence and in the batch.
  struct Stretch: Sendable {
    /// Their places in the sequence.
    let places: Range<Int>
    /// The first of them in the batch.
    let firstRow: Int
    /// Where the sequence's first key stands among keys and values.
    let keyStart: Int
    let lengthClass: Int
    /// Rows of other sequences that stand before them in their unit, where those are not in the batch
    /// before the first.
    var before: [Range<Int>] = []

    /// The rows of some queries, of which the first may be among those before.
    func rows(of queries: Range<Int>) -> [Range<Int>] {
      let own = queries.clamped(to: places)
      let first = firstRow + own.lowerBound - places.lowerBound
      let rows = first..<(first + own.count)
      let needed = places.lowerBound - queries.lowerBound
      guard needed > 0 else { return [rows] }
      let known = before.reduce(0) { $0 + $1.count }
      return RowPath.rows((known - needed)..<known, of: before) + [rows]
    }
  }

  /// The positions of a unit's rows, counted from the first row of the rotation tables, and the
  /// length class of their sequence: which of the tables is theirs.
  enum RowPositions: Sendable {
    /// One after another, beginning here.
    case from(Int, lengthClass: Int)
    /// Rows of different sequences: a position and a class for each.
    case each([(position: Int, lengthClass: Int)])
    /// Rows of different sequences, each with rows that follow each other.
    case stretches([Stretch])

    /// The position of one row.
    func position(_ row: Int) -> Int {
      switch self {
      case .from(let first, _): first + row
      case .each(let positions): positions[row].position
      case .stretches(let stretches): Self.position(row, in: stretches)
      }
    }

    /// The positions after the first `count` rows.
    func dropping(_ count: Int) -> RowPositions {
      switch self {
      case .from(let first, let lengthClass): .from(first + count, lengthClass: lengthClass)
      case .each(let positions): .each(Array(positions.dropFirst(count)))
      case .stretches(let stretches): .stretches(Self.dropping(count, of: stretches))
      }
    }

    private static func dropping(_ count: Int, of stretches: [Stretch]) -> [Stretch] {
      var left = count
      return stretches.compactMap { stretch in
        let dropped = min(left, stretch.places.count)
        left -= dropped
        guard dropped < stretch.places.count else { return nil }
        return Stretch(
          places: stretch.places.dropFirst(dropped), firstRow: stretch.firstRow + dropped,
          keyStart: stretch.keyStart, lengthClass: stretch.lengthClass)
      }
    }

    private static func position(_ row: Int, in stretches: [Stretch]) -> Int {
      var row = row
      for stretch in stretches {
        if row < stretch.places.count { return stretch.places.lowerBound + row }
        row -= stretch.places.count
      }
      return row
    }
  }

  /// Rows that are computed for a sequence: those that no sequence before it begins with.
  struct Own: Sendable {
    let sequence: Int
    let places: Range<Int>
    let firstRow: Int
  }

  /// Keys and values of a sequence whose rows do not follow each other: they are brought together.
  struct Gathered: Sendable {
    /// Where the first of them is to stand.
    let keyStart: Int
    /// Where they are, first to last.
    let rows: [Range<Int>]
  }

  let lengths: [Int]
  /// In the order of the rows.
  let own: [Own]
  let gathered: [Gathered]
  /// Rows that are computed.
  let totalRows: Int
  /// Rows of keys and values, those that are gathered among them.
  let keyRows: Int
  let units: [Unit]
  /// Of each sequence the rows it is made of, first to last.
  let paths: [[Range<Int>]]

  /// The first row of each sequence.
  var starts: [Int] { paths.map { $0.first?.lowerBound ?? 0 } }

  /// A batch of sequences; `classes` holds the length class of each, nil: one for all.
  init(lengths: [Int], classes: [Int]? = nil) {
    self.lengths = lengths
    var own: [Own] = []
    var units: [Unit] = []
    var total = 0
    for (sequence, length) in lengths.enumerated() {
      own.append(Own(sequence: sequence, places: 0..<length, firstRow: total))
      for first in stride(from: 0, to: length, by: Self.unitRows) {
        units.append(
          Unit(
            sequenceStart: total, rows: first..<min(first + Self.unitRows, length),
            lengthClass: classes?[sequence] ?? 0))
      }
      total += length
    }
    self.own = own
    self.units = units
    paths = own.map { [$0.firstRow..<($0.firstRow + $0.places.count)] }
    gathered = []
    totalRows = total
    keyRows = total
  }

  /// A batch of sequences of these lengths that share rows.
  init(
    lengths: [Int], own: [Own], paths: [[Range<Int>]], gathered: [Gathered], keyRows: Int,
    units: [Unit]
  ) {
    self.lengths = lengths
    self.own = own
    self.paths = paths
    self.gathered = gathered
    self.keyRows = keyRows
    self.units = units
    totalRows = own.reduce(0) { $0 + $1.places.count }
  }

  /// The units with any of the rows at some places of each sequence.
  func units(reading places: [Range<Int>]) -> [Int] {
    var isRead = [Bool](repeating: false, count: totalRows)
    for (path, places) in zip(paths, places) {
      for place in places { isRead[RowPath.row(place, in: path)] = true }
    }
    return units.indices.filter { index in
      let first = units[index].firstRow
      return isRead[first..<(first + units[index].rows.count)].contains(true)
    }
  }
}

/// The rows that a sequence is made of, as ranges from its first place to its last.
enum RowPath {
  /// The row at a place of the sequence.
  static func row(_ place: Int, in path: [Range<Int>]) -> Int {
    var place = place
    for rows in path {
      if place < rows.count { return rows.lowerBound + place }
      place -= rows.count
    }
    return place
  }

  /// The rows at some places.
  static func rows(_ places: Range<Int>, of path: [Range<Int>]) -> [Range<Int>] {
    var first = 0
    return path.compactMap { range in
      defer { first += range.count }
      let part = places.clamped(to: first..<(first + range.count))
      guard !part.isEmpty else { return nil }
      let start = range.lowerBound + part.lowerBound - first
      return start..<(start + part.count)
    }
  }
}
