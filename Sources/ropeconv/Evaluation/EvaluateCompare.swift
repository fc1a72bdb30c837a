import ArgumentParser
import Evaluation
import Reports

extension ComparisonResult: CommandedResult {
  static var command: any ParsableCommand.Type { EvaluateCompare.self }
}

struct EvaluateCompare: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare", abstract: "KL divergence and its kin of one model from another.",
    discussion: """
      Both models run side by side; nothing is written. Variant options apply to OTHER.
      Example: ropeconv eval compare model.gguf model.rove.gguf --text wiki.test.txt --chunks 32
               ropeconv eval compare model.gguf model.gguf --sites qkvo --text wiki.test.txt
      """)

  @Argument(help: "The model that is taken for the truth.")
  var base: String

  @Argument(help: "The model that is compared with it.")
  var other: String

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

  func run() throws {
    var files = CallFiles(models: base, other)
    files.read(opening.folder, orFilesEnding: ".json")
    files.read(text.text, text.tokens)
    files.write(longRun, thresholds, force: force)
    try files.check()
    let (base, other) = try opening.open(base, other, output)
    try refuseUnused(base.plan, other.plan)
    let request = try variant.request(for: other.plan, warning: output)
    let text = try TokenizedText(text.required(), for: base, threads: output.threads)
    let comparison = ModelComparison(
      windows: window.plan(default: .secondHalf), rotary: (.asStored, request),
      start: window.start,
      options: try work.options(longRun, threads: output.threads))
    output.warnOfVocabularies(base, other)
    let isBeyond = output.warn(base, beyond: window.ctx, shorter: "--ctx")
    if !isBeyond || other.checkpoint.path != base.checkpoint.path {
      output.warn(other, beyond: window.ctx, rotary: request)
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
