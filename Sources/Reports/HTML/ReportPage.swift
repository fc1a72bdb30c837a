import Checkpoints

/// Results as one page that needs nothing but itself: no network, no scripts, no fonts.
///
/// The same results give the same bytes.
package struct ReportPage: Sendable {
  /// The heading; nil: the model's name and variant where the results are of one, else what they are.
  package let title: String?
  package let results: [ResultFile]

  package init(title: String? = nil, results: [ResultFile]) {
    self.title = title
    self.results = results
  }

  /// The heading of results of several variants.
  package static let usualTitle = "Rotary variants compared"

  /// The page.
  /// - Throws: `ReportError` where a result lacks a field, or one is not of its kind (exit 65).
  package func html() throws(ReportError) -> String {
    var sections: [PageSection] = []
    for shown in ShownKinds.all {
      let files = results.filter { $0.kind == shown.kind }
      if !files.isEmpty { sections.append(try shown.section(files)) }
    }
    let subjects = sections.flatMap(\.subjects)
    let summary = try Summary(results, subjects: subjects)
    let variants = Set(subjects.map(\.variant.title))
    let title = title ?? (variants.count == 1 ? subjects[0].variant.title : Self.usualTitle)
    var links = sections.map { section -> Markup in
      "<li><a href=\"#\(section.id)\">\(section.title)</a></li>"
    }
    if summary != nil { links.insert("<li><a href=\"#summary\">Summary</a></li>", at: 0) }
    let navigation: Markup =
      sections.count > 1
      ? "\n<nav aria-label=\"Sections\"><ul>\(links.joined())</ul></nav>" : ""
    let count = results.count == 1 ? "1 result" : "\(results.count) results"
    // The policy makes the browser itself refuse whatever would leave the page.
    let page: Markup = """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta http-equiv="Content-Security-Policy" \
      content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta name="color-scheme" content="light dark">
      <meta name="generator" content="ropeconv">
      <link rel="icon" href="data:,">
      <title>\(title)</title>
      <style>
      \(PageStyle.page)
      \(PageStyle.chart)
      </style>
      </head>
      <body>
      <header>
      <h1>\(title)</h1>
      <p class="lead">\(count)</p>\(navigation)
      </header>
      <main>
      \(summary.map { $0.markup() + "\n" } ?? "")\(sections.map { $0.markup() }.lines())
      </main>
      <footer>Written by ropeconv report. The page loads nothing from elsewhere.</footer>
      </body>
      </html>

      """
    return page.text
  }
}

/// A part of the page: all results of one kind.
struct PageSection {
  let id: String
  let title: String
  let lead: String
  let body: [Markup]
  let files: [ResultFile]
  /// One for each row of the section's tables.
  let subjects: [ResultSubject]

  func markup() -> Markup {
    let labels = ResultSubject.labels(subjects)
    let note = CalibrationNote.markup(zip(subjects, labels).map { ($0, $1) })
    return """
      <section id="\(id)" aria-labelledby="\(id)-title">
      <h2 id="\(id)-title">\(title)</h2>
      <p class="lead">\(lead)</p>
      \((note.isEmpty ? body : [note] + body).lines())
      \(ResultSubject.conditions(subjects, labels).details("Conditions"))
      \(settings())
      </section>
      """
  }

  /// Settings and hashes of every result, folded.
  private func settings() -> Markup {
    let tables = files.map { file -> Markup in
      let table = Table(
        name: "Settings of \(file.name)", columns: [.text("field"), .text("value")],
        rows: file.fields.settings().map { [.text($0.key), .text($0.value)] })
      return "<h3>\(file.name)</h3>\n\(table.markup())"
    }
    return """
      <details class="settings"><summary>Settings and hashes</summary>
      \(tables.lines())
      </details>
      """
  }
}
