import Evaluation
import OrderedCollections

/// The section of results of `eval icl`: tasks learned from examples in the context.
enum FewShotSection {
  private struct Task {
    let name: String
    let type: String
    let shots: Int
    let examples: Int
    let accuracy: Estimate
    let centered: Estimate
    /// What it is centred by, and where that is from; a dash where the result does not say.
    let baseline: String

    init(_ fields: ResultFields) throws(ReportError) {
      name = try fields.text("task")
      type = fields.optionalText("type") ?? ""
      shots = try fields.integer("shots")
      examples = try fields.integer("examples")
      _ = (try fields.number("accuracy"), try fields.number("centered"))
      accuracy = try fields.estimate("accuracy")
      centered = try fields.estimate("centered")
      let number = try fields.optionalNumber("baseline")
      let source = fields.optionalText("baseline_source").map { ", \($0)" } ?? ""
      baseline = number.isFinite ? Format.fixed(number, 3) + source : "–"
    }

    /// What tells two rows of a comparison apart.
    var title: String { "\(name), \(shots) shots" }
  }

  static func make(_ files: [ResultFile]) throws(ReportError) -> PageSection {
    let (subjects, labels) = try ResultSubject.ofModels(files)
    var results: [[Task]] = []
    for file in files {
      var tasks: [Task] = []
      for fields in try file.fields.objects("tasks") { tasks.append(try Task(fields)) }
      results.append(tasks)
    }
    var body: [Markup] = []
    if files.count > 1 { body.append(comparison(results, labels)) }
    for (tasks, label) in zip(results, labels) {
      if files.count > 1 { body.append("<h3>\(label)</h3>") }
      body.append(table(tasks, label).markup())
    }
    return PageSection(
      id: "icl", title: "In-context learning",
      lead: "Accuracy on tasks shown by examples; centred: 0 is what guessing gives, 1 is perfect.",
      body: body, files: files, subjects: subjects)
  }

  private static func table(_ tasks: [Task], _ label: String) -> Table {
    Table(
      name: "Tasks of \(label)",
      columns: [
        .text("task"), .number("accuracy"), .number("centred"), .number("baseline"),
        .number("shots"), .number("examples"), .text("type"),
      ],
      rows: tasks.map { task in
        [
          .text(task.name),
          Table.bar(
            task.accuracy.value, text: Format.shown(task.accuracy).text, isSigned: false),
          Table.bar(task.centered.value, text: Format.shown(task.centered).text, isSigned: true),
          .text(task.baseline), .text("\(task.shots)"), .text("\(task.examples)"),
          .text(task.type),
        ]
      })
  }

  /// Centred accuracy, tasks by models, in the order of first mention.
  private static func comparison(_ results: [[Task]], _ labels: [String]) -> Markup {
    let titles = OrderedSet(results.joined().map(\.title))
    let found = results.map { tasks in
      Dictionary(tasks.map { ($0.title, $0.centered) }, uniquingKeysWith: { $1 })
    }
    return Table(
      name: "Centred accuracy by model",
      columns: [.text("centred accuracy")] + labels.map { .number($0) },
      rows: titles.map { title in
        [.text(title)]
          + found.map { own in
            own[title].map { .measured(Format.shown($0)) } ?? "–"
          }
      }
    ).markup()
  }
}
