/// A grid of cells, each a success rate and the answer's negative log-likelihood.
private struct Grid {
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
  static func figures(_ grids: [Grid], _ words: Words) -> [Markup] {
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

/// A result of `eval needle`.
enum NeedleRecord {
  static func section(_ files: [ResultFile]) throws(ReportError) -> PageSection {
    let (subjects, labels) = try modelLabels(files)
    var grids: [Grid] = []
    var trials: [[Table.Cell]] = []
    for (file, label) in zip(files, labels) {
      var cells: [(row: Double, length: Int, success: Double, nll: Double)] = []
      for cell in try file.fields.objects("grid") {
        let (depth, length) = (try cell.finite("depth"), try cell.integer("length"))
        let (accuracy, nll) = (try cell.number("accuracy"), try cell.optionalNumber("answer_nll"))
        cells.append((depth, length, accuracy, nll))
        trials.append([
          .text(label), .text("\(length)"), .text(Format.general(depth)),
          .text(Format.compact(try cell.optionalNumber("trials"), 0)),
          .text(Format.compact(try cell.optionalNumber("correct"), 0)),
          .text(Format.compact(accuracy, 4)), .text(Format.compact(nll, 4)),
        ])
      }
      grids.append(
        Grid(
          label: label, rows: Set(cells.map(\.row)).sorted(),
          name: { Format.general($0) + " %" }, cells: cells))
    }
    let table = Table(
      name: "Every cell",
      columns: [
        .text("model"), .number("length"), .number("depth, %"), .number("trials"),
        .number("correct"), .number("accuracy"), .number("answer nll"),
      ], rows: trials)
    return PageSection(
      id: "needle", title: "Needle in a haystack",
      lead: "Whether a model repeats a sentence hidden at some depth of a text of some length.",
      body: Grid.figures(
        grids,
        .init(
          success: "Accuracy", row: "depth",
          successCaption: "Share of trials answered exactly; lighter is better."))
        + [table.details("Trials of every cell")],
      files: files, subjects: subjects)
  }

  /// A label for each file's model, and what it was made from.
  static func modelLabels(
    _ files: [ResultFile]
  ) throws(ReportError) -> (subjects: [ResultSubject], labels: [String]) {
    for file in files { _ = try file.fields.text("model") }
    let subjects = files.map { ResultSubject($0) }
    return (subjects, ResultSubject.labels(subjects))
  }
}

/// A result of `eval ruler`.
enum RulerRecord {
  static func section(_ files: [ResultFile]) throws(ReportError) -> PageSection {
    let (subjects, labels) = try NeedleRecord.modelLabels(files)
    var grids: [Grid] = []
    var samples: [[Table.Cell]] = []
    for (file, label) in zip(files, labels) {
      var cells: [(row: String, length: Int, success: Double, nll: Double)] = []
      var tasks: [String] = []
      for cell in try file.fields.objects("tasks") {
        let (task, length) = (try cell.text("task"), try cell.integer("length"))
        let (score, nll) = (try cell.number("score"), try cell.optionalNumber("answer_nll"))
        // Tasks stay in the order of the file, which is the benchmark's.
        if !tasks.contains(task) { tasks.append(task) }
        cells.append((task, length, score, nll))
        samples.append([
          .text(label), .text(task), .text("\(length)"),
          .text(Format.compact(try cell.optionalNumber("samples"), 0)),
          .text(Format.compact(score, 4)), .text(Format.compact(nll, 4)),
        ])
      }
      grids.append(Grid(label: label, rows: tasks, name: { $0 }, cells: cells))
    }
    let table = Table(
      name: "Every task and length",
      columns: [
        .text("model"), .text("task"), .number("length"), .number("samples"), .number("score"),
        .number("answer nll"),
      ], rows: samples)
    return PageSection(
      id: "ruler", title: "RULER",
      lead: "Synthetic tasks that need the whole of a long context, by task and length.",
      body: Grid.figures(
        grids, .init(success: "Score", row: "task", successCaption: "Lighter is better."))
        + [table.details("Samples of every task")],
      files: files, subjects: subjects)
  }
}
