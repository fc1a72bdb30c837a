import ArgumentParser
import Evaluation
import Reports

extension ComparisonResult: CommandedResult {
  static var command: any ParsableCommand.Type { EvaluateCompare.self }
}

struct EvaluateCompare: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare", abstract: "KL divergence and related measures between two models.",
    usage: "ropeconv eval compare <one> <other> --text <file> [<options>]",
    discussion: HelpText.discussion(
      "Both models run side by side; nothing is written. Variant options apply to "
        + "OTHER; ONE is taken as the truth.",
      examples: "ropeconv eval compare model.gguf model.rove.gguf --text wiki.test.txt "
        + "--chunks 32",
      "ropeconv eval compare model.gguf model.gguf --sites qkvo --text "
        + "wiki.test.txt"))

  @OptionGroup var operands: TwoModels

  @OptionGroup(title: "Models") var opening: ModelOptions
  @OptionGroup(title: "Text") var text: TextOptions
  @OptionGroup(title: "Chunks") var window: WindowOptions
  @OptionGroup(title: "Variant of OTHER") var variant: VariantOptions
  @OptionGroup(title: "Work") var work: WorkOptions
  @OptionGroup(title: "Long runs") var longRun: LongRunOptions

  @Option(
    help: ArgumentHelp("Exit with 1 where the mean KL divergence is above X.", valueName: "x"))
  var maxKl: Double?

  @Flag(help: "Replace an existing --junit file.")
  var force = false

  @OptionGroup(title: "Thresholds") var thresholds: ThresholdOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    try operands.checkBoth()
    try ThresholdOptions.checkLimit(maxKl, "--max-kl")
  }

  func run() throws {
    try longRun.refuseInShard("--max-kl")
    let paths = operands.both(output)
    var files = CallFiles(models: paths.0, paths.1)
    try files.read(opening.folder, orFilesOf: .dataFiles)
    files.read(text.text, text.tokens)
    files.write(longRun, thresholds, force: force)
    try files.check()
    let (base, other) = try opening.open(paths.0, paths.1, output)
    try refuseUnused(base.plan, other.plan)
    let request = try variant.request(for: other.plan, warning: output)
    let text = try TokenizedText(text.required(), for: base, threads: output.threads)
    let comparison = ModelComparison(
      windows: window.plan(default: .secondHalf), rotary: (.asStored, request),
      start: window.start,
      options: try work.options(longRun, threads: output.threads))
    output.warnOfVocabularies(base, other)
    let isBeyond = output.warn(
      base, beyond: window.ctx, from: window.start, shorter: "--ctx")
    if !isBeyond || other.checkpoint.path != base.checkpoint.path {
      output.warn(other, beyond: window.ctx, from: window.start, rotary: request)
    }
    let display = ProgressDisplay(quiet: output.quiet)
    let result = try comparison.run(base, other, on: text) { share, divergence in
      display.show(share, divergence.map { "KL divergence \(Format.fixed($0, 6))" } ?? "")
    }
    display.finish()
    output.show(result, of: work)
    try thresholds.check(
      result, force: force, "--max-kl",
      maxKl.map { .most($0, of: "mean KL divergence", result.meanDivergence, digits: 6) })
  }
}
