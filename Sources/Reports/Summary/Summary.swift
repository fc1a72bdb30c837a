import Evaluation
import OrderedCollections

/// What a page of several results begins with: a row for each variant and a column for each score,
/// the best and the worst of each marked, what follows from them in words, and what they are of.
struct Summary {
  /// One score of one variant.
  struct Entry {
    let subject: ResultSubject
    /// What decides which is best; not a number for what does not take part.
    let value: Double
    let cell: Format.Shown
    /// What names the result, so that one given twice is shown once; empty where nothing does.
    let key: String
    /// Whether nothing tells it from the best of its column, where a paired difference says so; nil: it
    /// is as good where it looks the same.
    let isAsGood: Bool?

    init(
      _ subject: ResultSubject, _ value: Double, _ cell: Format.Shown, key: String? = nil,
      isAsGood: Bool? = nil
    ) {
      self.subject = subject
      self.value = value
      self.cell = cell
      self.key = key ?? subject.key
      self.isAsGood = isAsGood
    }

    /// Whether it is no worse than the best.
    func matches(_ best: Entry) -> Bool { isAsGood ?? (cell.number == best.cell.number) }
  }

  /// One score of every variant that has it, on one text, with one list of settings: what is marked best
  /// and worst is so of these.
  struct Column {
    let title: String
    let isLowerBetter: Bool
    let entries: [Entry]
  }

  /// A row: one model as one variant, however many results say something of it.
  private struct Row: Hashable {
    var variant: ResultSubject.Variant
    /// By what its results were computed, where a column has results computed in several ways.
    var arithmetic: [String]
    /// Counts those that differ in neither.
    var number = 0
  }

  private let columns: [Column]
  private let rows: [Row]
  /// The column's entries by row.
  private let cells: [[Row: Entry]]
  private let subjects: [ResultSubject]
  /// What each row is called; without the model's name where all are of one.
  private let labels: [String]
  /// That name; nil where they are of several.
  private let name: String?
  private let verdict: Markup

  /// - Returns: nil where there is one variant, or none: then the sections say it all.
  init?(_ results: [ResultFile], subjects: [ResultSubject]) throws(ReportError) {
    var columns: [Column] = []
    for shown in ShownKinds.all { columns += try shown.summary(results) }
    let arithmetic = columns.map { $0.entries.map(\.subject.arithmetic) }
    let facts = Array(OrderedSet(arithmetic.flatMap { ResultArithmetic.differing($0) }))
    var rows: OrderedSet<Row> = []
    var cells: [[Row: Entry]] = []
    var types: [Row: String] = [:]
    for column in columns {
      var own: [Row: Entry] = [:]
      for (row, entry) in zip(Self.rows(of: column.entries, facts), column.entries) {
        if own[row] == nil { own[row] = entry }
        if !entry.subject.weightTypes.isEmpty { types[row] = entry.subject.weightTypes }
        rows.append(row)
      }
      cells.append(own)
    }
    guard rows.count > 1 else { return nil }
    let titles = rows.map { ([$0.variant.title] + $0.arithmetic).joined(separator: " · ") }
    let details = rows.map { row -> [(key: String, text: String)] in
      var found: [(key: String, text: String)] = []
      if let known = types[row] { found.append((key: "weight types", text: known)) }
      let weights = row.variant.weights.prefix(8)
      if !weights.isEmpty { found.append((key: "weights", text: "weights \(weights)")) }
      return found
    }
    let full = ResultSubject.labels(titles, by: details)
    // The model's name stands once, where all are of one.
    let short = ResultSubject.short(full)
    let named = Dictionary(uniqueKeysWithValues: zip(rows, short))
    self.columns = columns
    self.rows = Array(rows)
    self.cells = cells
    self.subjects = subjects
    labels = short
    name = zip(full, short).first { $0 != $1 }.map { String($0.dropLast($1.count + 3)) }
    let said = try Verdict.markup(results) { entries in
      Self.rows(of: entries, facts).map { named[$0] ?? "" }
    }
    let calibration = CalibrationNote.markup(
      columns.flatMap { column in
        zip(column.entries, Self.rows(of: column.entries, facts)).map {
          (entry, row) -> (subject: ResultSubject, label: String) in
          let subject = entry.subject
          return (subject, subject.isComparison ? subject.title : named[row] ?? "")
        }
      })
    let notes = facts.isEmpty ? [calibration] : [calibration, Self.note(facts, arithmetic)]
    verdict = ([said] + notes).filter { !$0.isEmpty }.lines()
  }

  /// The row of each of a column's entries; `facts` are names of what tells rows apart besides the
  /// variant.
  private static func rows(of entries: [Entry], _ facts: [String]) -> [Row] {
    /// What is known of those that differ in neither variant nor arithmetic.
    struct Alike {
      var count = 0
      /// The numbers of results by what names them: one that is given twice has one row.
      var numbers: [String: Int] = [:]
    }
    var alike: [Row: Alike] = [:]
    return entries.map { entry in
      var row = Row(
        variant: entry.subject.variant, arithmetic: entry.subject.arithmetic.words(facts))
      let first = row
      if let known = alike[first]?.numbers[entry.key] {
        row.number = known
        return row
      }
      row.number = alike[first]?.count ?? 0
      alike[first, default: Alike()].count += 1
      if !entry.key.isEmpty { alike[first, default: Alike()].numbers[entry.key] = row.number }
      return row
    }
  }

  /// That what is held against each other was not computed alike.
  private static func note(_ facts: [String], _ columns: [[ResultArithmetic]]) -> Markup {
    """
    <p class="note">Not all of what is held against each other was computed alike: \
    \(ResultArithmetic.said(facts, of: columns.flatMap { $0 })). Each row says by what; a part of a \
    difference may be that.</p>
    """
  }

  func markup() -> Markup {
    """
    <section id="summary" aria-labelledby="summary-title">
    <h2 id="summary-title">Summary</h2>
    \(verdict)
    \(scores())
    \(facts())
    </section>
    """
  }

  /// The table, or why there is none.
  private func scores() -> Markup {
    guard HeatMap.holds(rows: rows.count, columns: columns.count) else {
      return """
        <p class="note">No table of \(rows.count) variants and \(columns.count) scores; at most \
        \(HeatMap.mostCells) cells are shown. The sections below have every number.</p>
        """
    }
    return table().markup()
  }

  private func table() -> Table {
    let marks = columns.indices.map { marked($0) }
    return Table(
      name: "Summary",
      columns: [.text(name.map { "variant of \($0)" } ?? "variant")]
        + columns.map { .number($0.title) },
      rows: zip(rows, labels).map { row, label in
        [.text(label)]
          + columns.indices.map { column in
            cells[column][row].map { .measured($0.cell, mark: marks[column][row]) } ?? "–"
          }
      })
  }

  /// The best and the worst of a column; none where nothing tells the worst from the best.
  private func marked(_ column: Int) -> [Row: Table.Mark] {
    let found = rows.compactMap { row in
      cells[column][row].flatMap { $0.value.isFinite ? (row: row, entry: $0) : nil }
    }
    let sorted = found.enumerated().sorted {
      ($0.element.entry.value, $0.offset) < ($1.element.entry.value, $1.offset)
    }.map(\.element)
    guard let least = sorted.first, let most = sorted.last else { return [:] }
    let isLowerBetter = columns[column].isLowerBetter
    let (best, worst) = isLowerBetter ? (least, most) : (most, least)
    guard !worst.entry.matches(best.entry) else { return [:] }
    var marks: [Row: Table.Mark] = [worst.row: .worst]
    for other in found where other.entry.matches(best.entry) { marks[other.row] = .best }
    return marks
  }

  /// Text, context, arithmetic, version and date of all results, each value once.
  private func facts() -> Markup {
    let facts = subjects.map(\.facts)
    var lines: [Markup] = []
    for (index, name) in ResultSubject.factNames.enumerated() {
      var values = OrderedSet(facts.map { $0[index] }.filter { !$0.isEmpty })
      // Dates are a span.
      if name == "date", let first = values.min(), let last = values.max(), first != last {
        values = ["\(first) to \(last)"]
      }
      if !values.isEmpty {
        lines.append("<dt>\(name)</dt><dd>\(values.joined(separator: "; "))</dd>")
      }
    }
    return "<dl>\n\(lines.lines())\n</dl>"
  }
}
