/// The section of results of `eval needle`.
enum NeedleSection {
  static func make(_ files: [ResultFile]) throws(ReportError) -> PageSection {
    let (subjects, labels) = try ResultSubject.ofModels(files)
    var grids: [SuccessGrid] = []
    var trials: [[Table.Cell]] = []
    for (file, label) in zip(files, labels) {
      var cells: [(row: Double, length: Int, success: Double, nll: Double)] = []
      for cell in try file.fields.objects("grid") {
        let (depth, length) = (try cell.finite("depth"), try cell.integer("length"))
        let (accuracy, nll) = (try cell.number("accuracy"), try cell.optionalNumber("answer_nll"))
        cells.append((depth, length, accuracy, nll))
        trials.append([
          .text(label), .text("\(length)"), .text(Format.general(depth)),
          .text(Format.compact(try cell.optionalNumber("placed"), 1)),
          .text(Format.compact(try cell.optionalNumber("trials"), 0)),
          .text(Format.compact(try cell.optionalNumber("correct"), 0)),
          .measured(
            Format.shown(100 * accuracy, error: 100 * (try cell.optionalNumber("accuracy_stderr")))
              .percent),
          .measured(Format.shown(nll, error: try cell.optionalNumber("answer_nll_stderr"))),
        ])
      }
      grids.append(
        SuccessGrid(
          label: label, scope: ResultScope(file), rows: Set(cells.map(\.row)).sorted(),
          name: { Format.general($0) + " %" }, cells: cells))
    }
    let table = Table(
      name: "Every cell",
      columns: [
        .text("model"), .number("length"), .number("depth, %"), .number("placed, %"),
        .number("trials"), .number("correct"), .number("accuracy"), .number("answer nll"),
      ], rows: trials)
    return PageSection(
      id: "needle", title: "Needle in a haystack",
      lead: "Whether a model repeats a sentence hidden at some depth of a text of some length.",
      body: SuccessGrid.figures(
        grids,
        .init(
          success: "Accuracy", unit: .share, row: "depth",
          successCaption: "Share of trials answered exactly; lighter is better."))
        + [table.details("Trials of every cell")],
      files: files, subjects: subjects)
  }
}
