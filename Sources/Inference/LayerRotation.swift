import Models
import Rotary
import Tensors

/// The cosine and sine tables of one layer, by site.
struct LayerRotation: Sendable {
  let sites: RotarySites
  /// The position of the tables' first row.
  let start: Int
  let scoreLayout: PairLayout
  let scoreOffset: Int
  let valueLayout: PairLayout
  /// The first dim of a value head that turns: another one than 0 where values are the keys.
  let valueOffset: Int
  /// By length class; nil where queries and keys stay still.
  let score: [RotationTable]?
  /// By length class; nil where values and outputs stay still, or every pair of this layer does.
  let value: [RotationTable]?
  /// By length class; of a layer with an index of entries, which rotates as its queries and keys do
  /// where those do.
  let index: [RotationTable]?
  /// A value bias is added to the aggregate, times the sum of the head's weights, not to v.
  let addsBiasToAggregate: Bool

  /// Makes the tables of a layer; `spans` has one for each length class, at least one, and `attention`
  /// is what the layer computes; nil where it is none.
  init(
    _ spans: [RotationSpan], layer: Int, of attention: AttentionRecipe?, start: Int,
    reusing tables: inout RotationTables
  ) throws(RotaryError) {
    let ofClass = spans.map { $0.rotary.layers[layer] }
    // Classes differ in nothing but their frequencies.
    let rotary = ofClass[0]
    sites = rotary.sites
    self.start = start
    scoreLayout = rotary.score?.layout ?? .half
    scoreOffset = rotary.score?.offset ?? 0
    valueLayout = rotary.value?.layout ?? scoreLayout
    let sharesVector = attention?.sharedVector != nil
    valueOffset = sharesVector ? scoreOffset : 0
    let hasIndex = attention?.compression?.index != nil
    var scores: [RotationTable]?
    if rotary.sites.rotatesScores || hasIndex, rotary.score != nil {
      var made: [RotationTable] = []
      for (index, span) in spans.enumerated() {
        guard let score = ofClass[index].score else { continue }
        made.append(
          tables.score(
            try score.frequencies(length: span.length), lengthClass: index, start: start,
            positions: span.positions))
      }
      scores = made
    }
    score = rotary.sites.rotatesScores ? scores : nil
    index = hasIndex ? scores : nil
    if ofClass.contains(where: \.turnsValues) {
      var made: [RotationTable] = []
      for (index, span) in spans.enumerated() {
        // Values that are the keys have the magnitude of those.
        let magnitude =
          sharesVector
          ? try ofClass[index].score?.frequencies(length: span.length).magnitude ?? 1 : 1
        made.append(
          tables.value(
            RotaryFrequencies(
              radians: try ofClass[index].valueFrequencies(length: span.length),
              magnitude: magnitude),
            lengthClass: index, start: start, positions: span.positions))
      }
      value = made
    } else {
      value = nil
    }
    addsBiasToAggregate = rotary.sites.rotatesMessage && rotary.value?.bias == .unrotated
  }

  /// Turns pairs of `heads` heads in `rows` rows by their positions. `x` points at the first head
  /// of the first row, and heads follow each other at `headWidth`; `positions` are the rows of the
  /// table that belong to the rows of `x`, `spacing` from one to the next where they follow each other.
  static func rotate(
    _ x: UnsafeMutablePointer<Float>, stride: Int, rows: Int, heads: Int, headWidth: Int,
    tables: [RotationTable], positions: SequenceBatch.RowPositions, spacing: Int = 1,
    layout: PairLayout, inverse: Bool
  ) {
    func rotate(
      _ x: UnsafeMutablePointer<Float>, rows: Int, from position: Int, lengthClass: Int
    ) {
      let table = tables[lengthClass]
      for head in 0..<heads {
        Kernels.rotate(
          x + head * headWidth, xStride: stride, rows: rows, pairs: table.pairs, layout: layout,
          cos: table.cosines(row: position), sin: table.sines(row: position),
          tableStride: spacing * table.pairs, inverse: inverse)
      }
    }
    switch positions {
    case .from(let first, let lengthClass):
      rotate(x, rows: rows, from: first, lengthClass: lengthClass)
    case .each(let positions):
      for (row, place) in positions.enumerated() {
        rotate(x + row * stride, rows: 1, from: place.position, lengthClass: place.lengthClass)
      }
    case .stretches(let stretches):
      var row = 0
      for stretch in stretches {
        rotate(
          x + row * stride, rows: stretch.places.count, from: stretch.places.lowerBound,
          lengthClass: stretch.lengthClass)
        row += stretch.places.count
      }
    }
  }
}

/// What the sequences of one length class have in common.
struct RotationSpan: Sendable {
  let rotary: RotaryConfiguration
  /// Decides the frequencies that depend on it: positions from 0 up to the end of a sequence.
  let length: Int
  /// Positions of the longest sequence, from its first token on.
  let positions: Int

  func replacing(_ rotary: RotaryConfiguration) -> RotationSpan {
    RotationSpan(rotary: rotary, length: length, positions: positions)
  }
}

/// The tables made last: most models use one set of frequencies in every layer.
struct RotationTables {
  private typealias Kept = [Int: [(frequencies: RotaryFrequencies, table: RotationTable)]]
  private var scores: Kept = [:]
  private var values: Kept = [:]

  mutating func score(
    _ frequencies: RotaryFrequencies, lengthClass: Int, start: Int, positions: Int
  ) -> RotationTable {
    Self.table(&scores[lengthClass, default: []], frequencies, start, positions)
  }

  mutating func value(
    _ frequencies: RotaryFrequencies, lengthClass: Int, start: Int, positions: Int
  ) -> RotationTable {
    Self.table(&values[lengthClass, default: []], frequencies, start, positions)
  }

  private static func table(
    _ kept: inout [(frequencies: RotaryFrequencies, table: RotationTable)],
    _ frequencies: RotaryFrequencies, _ start: Int, _ positions: Int
  ) -> RotationTable {
    if let known = kept.first(where: { $0.frequencies == frequencies }) { return known.table }
    // Two sets suffice for local and global layers; more would cost memory at long contexts.
    if kept.count == 2 { kept.removeFirst() }
    let table = RotationTable(
      frequencies: frequencies.radians, start: start, positions: positions,
      magnitude: frequencies.magnitude)
    kept.append((frequencies, table))
    return table
  }
}
