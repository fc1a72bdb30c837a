import ArgumentParser
import Evaluation
import Reports

struct Verify: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Do two models give the same logits on a text?",
    discussion:
      "Example: ropeconv verify model.gguf model.absorbed.gguf --text sample.txt --chunks 2")

  @Argument(help: "The reference.")
  var one: String

  @Argument(help: "The model to hold against it.")
  var other: String

  @OptionGroup(title: "Models") var opening: ModelOptions
  @OptionGroup(title: "Text") var text: TextOptions
  @OptionGroup(title: "Chunks") var window: WindowOptions
  @OptionGroup(title: "Work") var work: WorkOptions

  @Option(
    help: ArgumentHelp(
      "Largest difference allowed, in standard deviations of the logits.", valueName: "x"))
  var tolerance = 1e-4

  @OptionGroup var output: OutputOptions

  func run() throws {
    let models = try opening.open(one, other, output)
    try window.refuseUnused(in: [models.0.plan, models.1.plan])
    let text = try TokenizedText(
      text.required(), forFirstOf: models.0, models.1, threads: output.threads)
    let comparison = LogitComparison(
      windows: window.plan(default: .all), start: window.start,
      options: try work.options(threads: output.threads, auto: .float32))
    for model in [models.0, models.1] {
      output.warn(model, beyond: window.ctx, shorter: "--ctx")
    }
    let display = ProgressDisplay(quiet: output.quiet)
    let result = try comparison.run(models.0, models.1, on: text) { display.show($0, "comparing") }
    display.finish()
    for model in [models.0, models.1] { try model.checkpoint.checkUnchanged() }
    output.show(
      result.json(one, other, tolerance: tolerance), result.text(tolerance: tolerance))
    guard result.isSame(within: tolerance) else {
      throw ThresholdMissed(
        reason: "the logits differ by \(Format.general(result.relativeMaximum)), tolerance "
          + Format.general(tolerance))
    }
  }
}
