import ArgumentParser
import Checkpoints
import Reports

struct Report: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Make one self-contained page of results: a summary, charts, heat maps, tables.",
    usage: "ropeconv report <results> ... -o <report.html> [<options>]",
    discussion: HelpText.discussion(
      examples: "ropeconv eval perplexity model.gguf --text wiki.test.txt --json > rope.json",
      "ropeconv report rope.json rove.json needle.json -o report.html"))

  @Argument(help: "Results of eval as --json wrote them.")
  var results: [String]

  @Option(
    name: ShortName.output.names,
    help: ArgumentHelp("The HTML file to write.", valueName: "report.html"))
  var output: String

  @Option(
    help: ArgumentHelp(
      "The page's heading; unless given, the model's name or, of several variants,"
        + " \"\(ReportPage.usualTitle)\".",
      valueName: "title"))
  var title: String?

  @Flag(help: "Replace an existing page.")
  var force = false

  @OptionGroup var options: OutputOptions

  func run() throws {
    var call = CallFiles(models: [])
    for result in results { call.read(result) }
    call.write(output, "--output", force: force)
    try call.check()
    let files = try results.map { try ResultFile(contentsOf: $0) }
    let page = try ReportPage(title: title, results: files).html()
    let bytes = try WholeFile.write(
      Array(page.utf8), to: output, force: force, inputs: call.inputs)
    options.show(
      .object([
        "kind": "report", "output": .string(output), "bytes": .integer(Int64(bytes)),
        "results": .array(
          files.map { .object(["file": .string($0.name), "kind": .string($0.kind)]) }),
      ]),
      "\(output)  \(Format.bytes(bytes)), \(files.count) result\(files.count == 1 ? "" : "s")"
    )
  }
}
