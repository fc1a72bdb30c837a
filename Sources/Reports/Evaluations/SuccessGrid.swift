/// A grid of cells, each a success rate and the answer's negative log-likelihood.
struct SuccessGrid {
  let label: String
  let rows: [String]
  let columns: [Int]
  /// [rows][columns]
  let success: [[Double]]
  let nll: [[Double]]

  /// Cells in any order; of two for one place the last counts.
  init<Row: Hashable>(
    label: String, rows: [Row], name: (Row) -> String,
    cells: [(row: Row, length: Int, success: Double, nll: Double)]
  ) {
    var found: [Row: [Int: (success: Double, nll: Double)]] = [:]
    for cell in cells { found[cell.row, default: [:]][cell.length] = (cell.success, cell.nll) }
    let lengths = Set(cells.map(\.length)).sorted()
    self.label = label
    self.rows = rows.map(name)
    columns = lengths
    success = rows.map { row in lengths.map { found[row]?[$0]?.success ?? .nan } }
    nll = rows.map { row in lengths.map { found[row]?[$0]?.nll ?? .nan } }
  }

  /// What the two maps of every grid of a section are called.
  struct Words {
    let success: String
    let row: String
    let successCaption: Markup
  }

  /// A heading per model where there are several, and its two maps; colours mean the same in all.
  static func figures(_ grids: [SuccessGrid], _ words: Words) -> [Markup] {
    let all = grids.flatMap { $0.success.joined() }.filter(\.isFinite)
    // Scores come as shares or, as RULER prints them, in percent.
    let isPercent = (all.max() ?? 0) > 1
    let nllRange = Figures.range(grids.flatMap { $0.nll.joined() })
    return grids.flatMap { grid -> [Markup] in
      var parts: [Markup] = grids.count > 1 ? ["<h3>\(grid.label)</h3>"] : []
      func map(_ title: String, _ values: [[Double]], _ range: ClosedRange<Double>) -> HeatMap {
        var map = HeatMap(
          title: grids.count > 1 ? "\(title), \(grid.label)" : title, rowTitle: words.row,
          columnTitle: "length in tokens", rowLabels: grid.rows,
          columnLabels: grid.columns.map(String.init), values: values, range: range)
        map.showsNumbers = true
        return map
      }
      var success = map(words.success, grid.success, isPercent ? 0...100 : 0...1)
      success.numberStyle = isPercent ? .fixed(1) : .percent
      success.scale = .lightIsMuch
      parts.append(Figures.heat(success, title: words.success, caption: words.successCaption))
      if grid.nll.joined().contains(where: \.isFinite) {
        let title = "Answer's negative log-likelihood"
        var nll = map(title, grid.nll, nllRange)
        nll.numberStyle = .fixed(2)
        nll.scale = .darkIsMuch
        parts.append(
          Figures.heat(
            nll, title: title, caption: "Nats per token of the answer; lighter is better."))
      }
      return parts
    }
  }
}
