/// A grid of cells, each a success rate and the answer's negative log-likelihood.
struct SuccessGrid {
  let label: String
  /// What it was measured on; differences are among grids of one scope.
  let scope: [String]
  private let measured: ResultScope
  let rows: [String]
  let columns: [Int]
  /// [rows][columns], as those of `nll`; none where they are too many for a map.
  let success: [[Double]]
  let nll: [[Double]]
  private let isDrawn: Bool

  /// Cells in any order; of two for one place the last counts.
  init<Row: Hashable>(
    label: String, scope: ResultScope, rows: [Row], name: (Row) -> String,
    cells: [(row: Row, length: Int, success: Double, nll: Double)]
  ) {
    var found: [Row: [Int: (success: Double, nll: Double)]] = [:]
    for cell in cells { found[cell.row, default: [:]][cell.length] = (cell.success, cell.nll) }
    let lengths = Set(cells.map(\.length)).sorted()
    self.label = label
    self.scope = scope.identity
    measured = scope
    self.rows = rows.map(name)
    columns = lengths
    isDrawn = HeatMap.holds(rows: rows.count, columns: lengths.count)
    guard isDrawn else {
      (success, nll) = ([], [])
      return
    }
    success = rows.map { row in lengths.map { found[row]?[$0]?.success ?? .nan } }
    nll = rows.map { row in lengths.map { found[row]?[$0]?.nll ?? .nan } }
  }

  /// What a success is counted in.
  enum Unit {
    /// A share from 0 to 1, shown in percent.
    case share
    /// Points from 0 to 100.
    case points
  }

  /// What the maps of a section are called, and what they are of.
  struct Words {
    let success: String
    let unit: Unit
    let row: String
    let successCaption: String
  }

  /// Nats that a map needs at least: colours stretched over less would show noise as a difference.
  private static let leastNats = 0.1

  /// Maps of all models side by side, then how the others differ from the first of their scope;
  /// colours mean the same in all of a row. No map where there are no numbers, or too many places
  /// for them, which a note says.
  static func figures(_ grids: [SuccessGrid], _ words: Words) -> [Markup] {
    grids.filter { !$0.isDrawn }.map { $0.note(words) } + maps(grids.filter(\.isDrawn), words)
  }

  private func note(_ words: Words) -> Markup {
    """
    <p class="note">\(label): no map of \(rows.count) rows (\(words.row)) and \(columns.count) \
    lengths; at most \(HeatMap.mostCells) cells are drawn. The table below has every number.</p>
    """
  }

  private static func maps(_ grids: [SuccessGrid], _ words: Words) -> [Markup] {
    let isShare = words.unit == .share
    let success = Measure(
      title: words.success, row: words.row, values: \.success, range: isShare ? 0...1 : 0...100,
      style: isShare ? .percent : .fixed(1), change: isShare ? .percentChange : .change(1),
      leastChange: isShare ? 0.2 : 20, riseIsGood: true)
    var body = success.maps(grids, caption: words.successCaption)
    if Set(grids.map(\.scope)).count > 1 {
      let differences = ResultScope.differences(grids.map(\.measured))
      body.append(
        """
        <p class="note">These results differ \
        (\(differences.isEmpty ? "in what they were measured on" : differences)): only those that \
        agree in all of it are held against each other.</p>
        """)
    }
    let nats = grids.flatMap { $0.nll.joined() }.filter(\.isFinite)
    guard let most = nats.max() else { return body }
    guard most >= leastNats else {
      return body + [
        """
        <p class="note">The answers' negative log-likelihood is at most \
        \(Format.shown(most).number) nats per token in every cell: nothing to tell apart.</p>
        """
      ]
    }
    let nll = Measure(
      title: "Answer's negative log-likelihood", row: words.row, values: \.nll,
      range: 0...max(most, 1), style: .fixed(2), change: .change(2), leastChange: 0.5,
      riseIsGood: false)
    body += nll.maps(grids, caption: "Nats per token of the answer; lighter is better.")
    return body
  }

  /// One number of the cells.
  private struct Measure {
    let title: String
    let row: String
    let values: (SuccessGrid) -> [[Double]]
    let range: ClosedRange<Double>
    let style: HeatMap.NumberStyle
    let change: HeatMap.NumberStyle
    /// The difference that gets the full colour where none is larger.
    let leastChange: Double
    let riseIsGood: Bool

    func maps(_ grids: [SuccessGrid], caption: String) -> [Markup] {
      let names = ResultSubject.short(grids.map(\.label))
      var maps: [(map: HeatMap, title: String)] = []
      for (grid, name) in zip(grids, names) {
        let values = values(grid)
        guard values.joined().contains(where: \.isFinite) else { continue }
        var map = map("\(title), \(grid.label)", grid, values, range)
        map.numberStyle = style
        map.scale = riseIsGood ? .lightIsMuch : .darkIsMuch
        maps.append((map, name))
      }
      return Figures.maps(title, caption: caption, maps) + differences(grids, names)
    }

    /// Differences from the first of each scope.
    private func differences(_ grids: [SuccessGrid], _ names: [String]) -> [Markup] {
      var scopes: [[String]] = []
      for grid in grids where !scopes.contains(grid.scope) { scopes.append(grid.scope) }
      return scopes.flatMap { scope in
        let own = zip(grids, names).filter { $0.0.scope == scope }
        return differences(within: own.map { $0.0 }, own.map { $0.1 })
      }
    }

    private func differences(within grids: [SuccessGrid], _ names: [String]) -> [Markup] {
      guard let base = grids.first, grids.count > 1 else { return [] }
      let found = grids.dropFirst().map { difference(of: $0, from: base) }
      let sizes = found.joined().joined().filter(\.isFinite).map { abs($0) }
      let most = max(sizes.max() ?? 0, leastChange)
      var maps: [(map: HeatMap, title: String)] = []
      var same: [String] = []
      for (index, values) in found.enumerated() {
        let (grid, name) = (grids[index + 1], names[index + 1])
        let finite = values.joined().filter(\.isFinite)
        guard !finite.isEmpty else { continue }
        guard finite.contains(where: { change.text($0) != change.text(0) }) else {
          same.append(name)
          continue
        }
        var map = map(
          "\(title), \(grid.label): difference from \(base.label)", grid, values, -most...most)
        map.numberStyle = change
        map.scale = riseIsGood ? .riseIsBlue : .riseIsRust
        maps.append((map, name))
      }
      var body = Figures.maps(
        "\(title): difference from \(base.label)",
        caption: "Blue is better than the first, rust is worse.", maps)
      if !same.isEmpty {
        body.append(
          """
          <p class="note">\(title): no difference from \(base.label) in any cell of \
          \(same.joined(separator: "; ")).</p>
          """)
      }
      return body
    }

    /// Cell by cell, by the names of rows and columns.
    private func difference(of grid: SuccessGrid, from base: SuccessGrid) -> [[Double]] {
      let (own, other) = (values(grid), values(base))
      let oldRows = Dictionary(
        zip(base.rows, base.rows.indices), uniquingKeysWith: { first, _ in first })
      let oldColumns = Dictionary(uniqueKeysWithValues: zip(base.columns, base.columns.indices))
      return grid.rows.enumerated().map { row, name in
        grid.columns.enumerated().map { column, length in
          guard let oldRow = oldRows[name], let oldColumn = oldColumns[length] else { return .nan }
          return own[row][column] - other[oldRow][oldColumn]
        }
      }
    }

    private func map(
      _ title: String, _ grid: SuccessGrid, _ values: [[Double]], _ range: ClosedRange<Double>
    ) -> HeatMap {
      var map = HeatMap(
        title: title, rowTitle: row, columnTitle: "length in tokens", rowLabels: grid.rows,
        columnLabels: grid.columns.map(String.init), values: values, range: range)
      map.showsNumbers = true
      return map
    }
  }
}
