import Rotary
import Tensors

/// The cosine and sine tables of one layer, by site.
struct LayerRotation: Sendable {
  let sites: RotarySites
  let scoreLayout: PairLayout
  let scoreOffset: Int
  let valueLayout: PairLayout
  /// Nil where queries and keys stay still.
  let score: RotationTable?
  /// Nil where values and outputs stay still, or every pair of this layer does.
  let value: RotationTable?
  /// A value bias is added to the aggregate, not to v.
  let addsBiasToAggregate: Bool

  init(
    _ rotary: RotaryConfiguration, layer: Int, start: Int, positions: Int,
    reusing tables: inout RotationTables
  ) throws(RotaryError) {
    sites = rotary.sites
    scoreLayout = rotary.score.layout
    scoreOffset = rotary.score.offset
    valueLayout = rotary.value?.layout ?? rotary.score.layout
    if rotary.sites.rotatesScores, rotary.score.dimensions > 0 {
      let frequencies = try rotary.score.frequencies(layer: layer, length: start + positions)
      score = tables.score(frequencies, start: start, positions: positions)
    } else {
      score = nil
    }
    if rotary.sites.rotatesMessage, let rotation = rotary.value,
      rotation.frequencies[layer].contains(where: { $0 != 0 })
    {
      value = tables.value(
        RotaryFrequencies(radians: rotation.frequencies[layer]), start: start, positions: positions)
    } else {
      value = nil
    }
    addsBiasToAggregate = rotary.sites.rotatesMessage && rotary.value?.bias == .unrotated
  }

  /// Turns pairs of `heads` heads in `rows` rows by their positions.
  /// - Parameters:
  ///   - x: the first head of the first row; heads follow each other at `headWidth`.
  ///   - positions: the rows of the table that belong to the rows of x.
  static func rotate(
    _ x: UnsafeMutablePointer<Float>, stride: Int, rows: Int, heads: Int, headWidth: Int,
    table: RotationTable, positions: SequenceBatch.RowPositions, layout: PairLayout, inverse: Bool
  ) {
    func rotate(_ x: UnsafeMutablePointer<Float>, rows: Int, from position: Int) {
      for head in 0..<heads {
        Kernels.rotate(
          x + head * headWidth, xStride: stride, rows: rows, pairs: table.pairs, layout: layout,
          cos: table.cosines(row: position), sin: table.sines(row: position),
          tableStride: table.pairs, inverse: inverse)
      }
    }
    switch positions {
    case .from(let first): rotate(x, rows: rows, from: first)
    case .each(let positions):
      for (row, position) in positions.enumerated() {
        rotate(x + row * stride, rows: 1, from: position)
      }
    }
  }
}

/// The tables made last: most models use one set of frequencies in every layer.
struct RotationTables {
  private var scores: [(RotaryFrequencies, RotationTable)] = []
  private var values: [(RotaryFrequencies, RotationTable)] = []

  mutating func score(
    _ frequencies: RotaryFrequencies, start: Int, positions: Int
  ) -> RotationTable {
    Self.table(&scores, frequencies, start, positions)
  }

  mutating func value(
    _ frequencies: RotaryFrequencies, start: Int, positions: Int
  ) -> RotationTable {
    Self.table(&values, frequencies, start, positions)
  }

  private static func table(
    _ kept: inout [(RotaryFrequencies, RotationTable)], _ frequencies: RotaryFrequencies,
    _ start: Int, _ positions: Int
  ) -> RotationTable {
    if let known = kept.first(where: { $0.0 == frequencies }) { return known.1 }
    // Two sets suffice for local and global layers; more would cost memory at long contexts.
    if kept.count == 2 { kept.removeFirst() }
    let table = RotationTable(
      frequencies: frequencies.radians, start: start, positions: positions,
      magnitude: frequencies.magnitude)
    kept.append((frequencies, table))
    return table
  }
}
