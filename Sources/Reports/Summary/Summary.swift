import Evaluation

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

    init(
      _ subject: ResultSubject, _ value: Double, _ cell: Format.Shown, key: String? = nil
    ) {
      self.subject = subject
      self.value = value
      self.cell = cell
      self.key = key ?? subject.key
    }
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
    /// Tells two apart of which a column has a score each.
    var compute: String
    /// Counts those that differ in neither.
    var number = 0
  }

  private let columns: [Column]
  private let rows: [Row]
  /// The column's entries by row.
  private let cells: [[Row: Entry]]
  private let subjects: [ResultSubject]
  private let verdict: Markup

  /// - Returns: nil where there is one variant, or none: then the sections say it all.
  init?(_ results: [ResultFile], subjects: [ResultSubject]) throws(ReportError) {
    var columns: [Column] = []
    for shown in ShownKinds.all { columns += try shown.summary(results) }
    var rows: [Row] = []
    var cells: [[Row: Entry]] = []
    for column in columns {
      var own: [Row: Entry] = [:]
      for entry in column.entries {
        var row = Row(variant: entry.subject.variant, compute: "")
        if let taken = own[row], taken.subject.compute != entry.subject.compute {
          row.compute = entry.subject.compute
        }
        while let taken = own[row], taken.key.isEmpty || taken.key != entry.key { row.number += 1 }
        if own[row] == nil { own[row] = entry }
        if !rows.contains(row) { rows.append(row) }
      }
      cells.append(own)
    }
    guard rows.count > 1 else { return nil }
    self.columns = columns
    self.rows = rows
    self.cells = cells
    self.subjects = subjects
    verdict = try Verdict.markup(results)
  }

  func markup() -> Markup {
    """
    <section id="summary" aria-labelledby="summary-title">
    <h2 id="summary-title">Summary</h2>
    \(verdict)
    \(table().markup())
    \(facts())
    </section>
    """
  }

  private func table() -> Table {
    let labels = Labels.distinct(
      rows.map { [$0.variant.title, $0.compute, String($0.variant.weights.prefix(8))] })
    let marks = columns.indices.map { marked($0) }
    // The model's name stands once, where all are of one.
    let short = ResultSubject.short(labels)
    let name = zip(labels, short).first { $0 != $1 }.map { $0.dropLast($1.count + 3) }
    return Table(
      name: "Summary",
      columns: [.text(name.map { "variant of \($0)" } ?? "variant")]
        + columns.map { .number($0.title) },
      rows: zip(rows, short).map { row, label in
        [.text(label)]
          + columns.indices.map { column in
            cells[column][row].map { .measured($0.cell, mark: marks[column][row]) } ?? "–"
          }
      })
  }

  /// The best and the worst of a column; none where all look the same.
  private func marked(_ column: Int) -> [Row: Table.Mark] {
    let found = rows.compactMap { row in
      cells[column][row].flatMap { $0.value.isFinite ? (row: row, entry: $0) : nil }
    }
    let sorted = found.enumerated().sorted {
      ($0.element.entry.value, $0.offset) < ($1.element.entry.value, $1.offset)
    }.map(\.element)
    guard let least = sorted.first, let most = sorted.last, least.entry.cell != most.entry.cell
    else { return [:] }
    let isLowerBetter = columns[column].isLowerBetter
    let (best, worst) = isLowerBetter ? (least, most) : (most, least)
    // Those that look the same are equally good.
    var marks: [Row: Table.Mark] = [worst.row: .worst]
    for other in found where other.entry.cell == best.entry.cell { marks[other.row] = .best }
    return marks
  }

  /// Text, context, arithmetic, version and date of all results, each value once.
  private func facts() -> Markup {
    let facts = subjects.map(\.facts)
    var lines: [Markup] = []
    for (index, name) in ResultSubject.factNames.enumerated() {
      var values: [String] = []
      for fact in facts.map({ $0[index] }) where !fact.isEmpty && !values.contains(fact) {
        values.append(fact)
      }
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
