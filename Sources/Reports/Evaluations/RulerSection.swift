import OrderedCollections

/// The section of results of `eval ruler`.
enum RulerSection {
  static func make(_ files: [ResultFile]) throws(ReportError) -> PageSection {
    let (subjects, labels) = try ResultSubject.ofModels(files)
    var grids: [SuccessGrid] = []
    var samples: [[Table.Cell]] = []
    for (file, label) in zip(files, labels) {
      var cells: [(row: String, length: Int, success: Double, nll: Double)] = []
      var tasks: OrderedSet<String> = []
      for cell in try file.fields.objects("tasks") {
        let (task, length) = (try cell.text("task"), try cell.integer("length"))
        let (score, nll) = (try cell.number("score"), try cell.optionalNumber("answer_nll"))
        // Tasks stay in the order of the file, which is the benchmark's.
        tasks.append(task)
        cells.append((task, length, score, nll))
        samples.append([
          .text(label), .text(task), .text("\(length)"),
          .text(Format.compact(try cell.optionalNumber("samples"), 0)),
          .measured(
            Format.shown(score, error: score.isFinite ? try cell.optionalNumber("stderr") : .nan)),
          .measured(
            Format.shown(nll, error: score.isFinite ? .nan : try cell.optionalNumber("stderr"))),
        ])
      }
      // A sample is known by its task, length and number, whatever other cells there are.
      let scope = ResultScope(file, leaving: ["tasks", "lengths", "left_out"])
      grids.append(
        SuccessGrid(label: label, scope: scope, rows: Array(tasks), name: { $0 }, cells: cells))
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
      body: SuccessGrid.figures(
        grids,
        .init(
          success: "Score", unit: .points, row: "task",
          successCaption: "From 0 to 100; lighter is better."))
        + [table.details("Samples of every task")],
      files: files, subjects: subjects)
  }
}
