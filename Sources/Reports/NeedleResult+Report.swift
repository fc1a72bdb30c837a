import Base
import Checkpoints
import Evaluation
import OrderedCollections

extension NeedleResult {
  /// The fields of `eval needle --json`.
  package func json(peakBytes: Int) -> JSONValue {
    var object = record.header
    object["sites"] = record.sites()
    object["grid"] = .array(
      grid.map { cell in
        .object([
          "length": JSONValue(cell.length), "depth": .number(cell.depth),
          "trials": JSONValue(cell.trials), "correct": JSONValue(cell.correct),
          "accuracy": .number(cell.accuracy),
          "answer_nll": .number(cell.answerNegativeLogLikelihood),
        ])
      })
    object["accuracy"] = .finite(accuracy)
    object["seed"] = record.settings["seed"] ?? .null
    object.merge(record.costs(peakBytes: peakBytes)) { own, _ in own }
    object[EvaluationRecord.unitsKey] = record.unitsJSON
    return .object(object)
  }

  private var lengths: [Int] { Array(OrderedSet(grid.map(\.length))).sorted() }
  private var depths: [Double] { Array(OrderedSet(grid.map(\.depth))).sorted() }

  private func cell(_ length: Int, _ depth: Double) -> GridCell? {
    grid.first { $0.length == length && $0.depth == depth }
  }

  /// Accuracy, depths by lengths.
  package func heatMap() -> HeatMap {
    var map = HeatMap(
      title: "Needle in a haystack: accuracy \(Format.fixed(100 * accuracy, 1)) %",
      rowTitle: "depth, %", columnTitle: "length, tokens",
      rowLabels: depths.map { Format.general($0) }, columnLabels: lengths.map { "\($0)" },
      values: depths.map { depth in
        lengths.map { cell($0, depth)?.accuracy ?? .nan }
      }, range: 0...1)
    map.showsNumbers = true
    map.numberStyle = .percent
    map.scale = .lightIsMuch
    return map
  }

  /// The lines a person reads.
  /// - Parameter color: how the terminal shows colours.
  package func text(peakBytes: Int, color: TerminalColor = .none) -> String {
    let trials = grid.reduce(0) { $0 + $1.trials }
    return """
      \(TerminalHeatMap(heatMap()).text(color: color))

      accuracy    \(Format.fixed(100 * accuracy, 2)) % of \(trials) trials, exact greedy match
      variant     \(record.variant())
      \(record.costText(peakBytes: peakBytes))
      """
  }
}
