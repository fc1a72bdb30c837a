import ArgumentParser
import Checkpoints
import Evaluation
import Foundation
import Reports
import Rotary

struct Analyze: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "analyze",
    abstract: "How far do heads look, and what would rotating each value pair do?",
    usage: "ropeconv analyze <model> --text <file> [<options>]",
    discussion: HelpText.discussion(
      "For a model whose values do not rotate yet; with --imatrix, for any.",
      examples: "ropeconv analyze model.gguf --text wiki.valid.txt",
      "ropeconv analyze model.gguf --text wiki.valid.txt --value-base 1e8 --svg "
        + "damage.svg",
      "ropeconv analyze model.gguf --text wiki.train.txt --imatrix imatrix.gguf"))

  @OptionGroup var operand: OneModel

  @OptionGroup(title: "Models") var opening: ModelOptions
  @OptionGroup(title: "Text") var text: TextOptions

  @Option(name: ShortName.ctx.names, help: ArgumentHelp("Tokens of a chunk.", valueName: "n"))
  var ctx = 512

  @Option(
    help: ArgumentHelp(
      "Use only the first N chunks. (default: \(defaultChunks); with --imatrix all)",
      valueName: "n"))
  var chunks: Int?

  @Option(
    help: ArgumentHelp(
      "Measure distances for every Nth query only, which is faster.", valueName: "n"))
  var queryStep = 1

  @OptionGroup var values: ValueRotationOptions

  @Option(
    help: ArgumentHelp(
      "Write a heat map of the predicted damage, layers by pairs.", valueName: "file"))
  var svg: String?

  @Flag(help: "Also print a line per head: mean distance, attention by distance, pairs it keeps.")
  var heads = false

  @Option(
    help: ArgumentHelp(
      "Write an importance matrix, as llama-imatrix does, instead of the analysis.",
      valueName: "out.gguf"))
  var imatrix: String?

  @Flag(help: "Replace an existing --svg or --imatrix file.")
  var force = false

  @OptionGroup var options: OutputOptions

  /// Chunks that are looked at where `--chunks` is not given.
  static let defaultChunks = 8

  func run() throws {
    try refuseUnused()
    let path = operand.path(options)
    var files = CallFiles(models: path)
    try files.read(opening.folder, orFilesOf: .dataFiles)
    files.read(text.text, text.tokens)
    files.write(svg, "--svg", force: force)
    files.write(imatrix, "--imatrix", force: force)
    try files.check()
    let model = try opening.open(path, options)
    let source = try text.required()
    let tokens = try TokenizedText(source, for: model, threads: options.threads)
    try options.warn(model, fittedOn: tokens)
    if let imatrix { return try measure(model, tokens, to: imatrix, inputs: files.inputs) }
    guard queryStep <= ctx else {
      throw UsageError(
        "--query-step is \(queryStep): a chunk has no more than \(ctx) queries (--ctx)")
    }
    let pairs = try values.pairs(for: model.plan)
    let analysis = AttentionAnalysis(
      windows: WindowPlan(context: ctx, limit: chunks ?? Self.defaultChunks),
      rotary: RotaryRequest(
        valuePairs: pairs.all, valuePairsByLayer: pairs.byLayer, valueBase: values.valueBase),
      threads: options.threads, queryStep: queryStep)
    options.warn(model, beyond: ctx, shorter: "--ctx")
    // What is damaged is said before the work; what was hashed is remembered.
    try model.checkRead()
    let display = ProgressDisplay(quiet: options.quiet)
    let count = Double(model.plan.layers.count)
    let layers = try analysis.run(model, on: tokens) { layer in
      display.show(Double(layer.layer + 1) / count, "layer \(layer.layer)")
    }
    display.finish()
    try model.checkRead()
    let name =
      model.plan.name == model.checkpoint.path
      ? URL(fileURLWithPath: model.checkpoint.path).lastPathComponent : model.plan.name
    let report = AttentionAnalysisReport(
      model: model.checkpoint.path, name: name,
      // Whole chunks are looked at, whichever targets they have.
      conditions: try TextConditions(tokens, analysis.windows, leaving: ["score", "stride"]),
      queryStep: queryStep, layers: layers)
    if let svg {
      _ = try WholeFile.write(
        Array(report.heatMap().svg().utf8), to: svg, force: force, inputs: files.inputs)
    }
    options.show(
      report.json(),
      (heads ? report.headTable() + "\n\n" : "") + report.table()
        + " --heads gives every head, --json every pair, --svg the map.")
  }

  /// Makes an importance matrix.
  private func measure(
    _ model: Model, _ tokens: TokenizedText, to path: String, inputs: [String]
  ) throws {
    options.warn(model, beyond: ctx, shorter: "--ctx")
    // What is damaged is said before the work; what was hashed is remembered.
    try model.checkRead()
    let display = ProgressDisplay(quiet: options.quiet)
    let measurement = ImportanceMeasurement(
      windows: WindowPlan(context: ctx, limit: chunks), threads: options.threads)
    let matrix = try measurement.run(model, on: tokens) { display.show($0, "layers") }
    display.finish()
    try model.checkRead()
    try matrix.write(to: path, force: force, inputs: OutputInputs(inputs))
    options.show(
      matrix.json(model: model.checkpoint.path, output: path), matrix.text(output: path))
  }
}
