import Base
import Evaluation
import OrderedCollections

extension NeedleResult: ReportedResult {
  package var fields: OrderedDictionary<String, JSONValue> {
    var fields: OrderedDictionary<String, JSONValue> = [:]
    fields["grid"] = .array(
      grid.map { cell in
        [
          "length": JSONValue(cell.length), "depth": .number(cell.depth),
          "placed": .finite(cell.placed), "trials": JSONValue(cell.trials),
          "correct": JSONValue(cell.correct),
          "accuracy": .number(cell.accuracy), "accuracy_stderr": .finite(cell.accuracyError),
          "answer_nll": .number(cell.answerNegativeLogLikelihood),
          "answer_nll_stderr": .finite(cell.answerError),
        ]
      })
    fields["accuracy"] = .finite(accuracy)
    fields["accuracy_stderr"] = .finite(accuracyError)
    fields["seed"] = record.settings["seed"] ?? .null
    return fields
  }

  private var lengths: [Int] { Array(OrderedSet(grid.map(\.length))).sorted() }
  private var depths: [Double] { Array(OrderedSet(grid.map(\.depth))).sorted() }

  /// Accuracy, depths by lengths.
  package func heatMap() -> HeatMap {
    let (depths, lengths) = (depths, lengths)
    var found: [Double: [Int: Double]] = [:]
    for cell in grid { found[cell.depth, default: [:]][cell.length] = cell.accuracy }
    var map = HeatMap(
      title: "\(record.modelTitle): needle in a haystack, accuracy"
        + " \(Format.fixed(100 * accuracy, 1)) %",
      rowTitle: "depth, %", columnTitle: "length, tokens",
      rowLabels: depths.map { Format.general($0) }, columnLabels: lengths.map { "\($0)" },
      values: depths.map { depth in
        lengths.map { found[depth]?[$0] ?? .nan }
      }, range: 0...1)
    map.showsNumbers = true
    map.numberStyle = .percent
    map.scale = .lightIsMuch
    return map
  }

  package func lines(color: TerminalColor) -> String {
    let trials = grid.reduce(0) { $0 + $1.trials }
    let share = Format.measured(100 * accuracy, error: 100 * accuracyError, 2)
    let text = readsOneText ? "; of one text, whose choice is not in the error" : ""
    return """
      \(cells(color: color))

      accuracy    \(share) % of \(trials) trials, exact greedy match\(text)
      """ + places
  }

  /// A map, or where it would have too many places a line for each cell.
  private func cells(color: TerminalColor) -> String {
    guard HeatMap.holds(rows: depths.count, columns: lengths.count) else {
      let rows = grid.map { cell in
        ["\(cell.length)", Format.general(cell.depth), Format.fixed(100 * cell.accuracy, 1)]
      }
      return Format.table([["length, tokens", "depth, %", "accuracy, %"]] + rows)
    }
    // The lines below name the model.
    var map = heatMap()
    map.title = "Needle in a haystack"
    return TerminalHeatMap(map).text(color: color)
  }

  /// Where needles of each depth stand on average, over lengths; empty where the trials do not say.
  private var places: String {
    let depths = depths
    let cellsOfDepths = Dictionary(grouping: grid, by: \.depth)
    let places = depths.compactMap { depth -> String? in
      let cells = cellsOfDepths[depth] ?? []
      let placed = cells.compactMap(\.placed)
      guard placed.count == cells.count else { return nil }
      return Format.fixed(placed.reduce(0, +) / Double(placed.count), 1)
    }
    return places.count == depths.count
      ? "\nneedles     at \(places.joined(separator: ", ")) % on average" : ""
  }
}

extension NeedleResult: ShownKind {
  static func fits(_ json: JSONValue) -> Bool {
    json["grid"]?.array != nil
  }

  static func section(_ files: [ResultFile]) throws(ReportError) -> PageSection {
    try NeedleSection.make(files)
  }
}
