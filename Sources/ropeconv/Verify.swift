import ArgumentParser
import Checkpoints
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

  @OptionGroup(title: "Text") var text: TextOptions
  @OptionGroup(title: "Chunks") var window: WindowOptions
  @OptionGroup(title: "Work") var work: WorkOptions

  @Option(
    help: ArgumentHelp(
      "Largest difference allowed, in standard deviations of the logits.", valueName: "x"))
  var tolerance = 1e-4

  @OptionGroup var output: OutputOptions

  func run() throws {
    let models = (try Model(opening: one), try Model(opening: other))
    try window.refuseUnused(in: [models.0.plan, models.1.plan])
    let source = try text.required()
    // A converted folder may have no tokenizer: either model's will do.
    let text: TokenizedText
    do {
      text = try TokenizedText(source, for: models.0, threads: output.threads)
    } catch EvaluationError.noTokenizer {
      text = try TokenizedText(source, for: models.1, threads: output.threads)
    }
    let comparison = LogitComparison(
      windows: window.plan(default: .all), start: window.start,
      options: try work.options(threads: output.threads, auto: .float32))
    for model in [models.0, models.1] {
      output.warn(model, beyond: window.ctx, shorter: "--ctx")
    }
    let display = ProgressDisplay(quiet: output.quiet)
    let result = try comparison.run(models.0, models.1, on: text) { display.show($0, "comparing") }
    display.finish()
    let same = result.relativeMaximum <= tolerance
    output.show(
      .object([
        "kind": "verify", "model": .string(one), "a": .string(one), "b": .string(other),
        "positions": .integer(Int64(result.positions)),
        "max_relative": .number(result.relativeMaximum),
        "rms_relative": .number(result.relativeRMS),
        "top1_agreement": .number(result.topAgreement), "tolerance": .number(tolerance),
        "same": .bool(same),
      ]),
      """
      max difference  \(Format.general(result.relativeMaximum)) standard deviations of the logits
      RMS difference  \(Format.general(result.relativeRMS))
      top-1 agreement \(Format.fixed(100 * result.topAgreement, 2)) % of \(result.positions) positions
      \(same ? "same" : "different") at tolerance \(Format.general(tolerance))
      """)
    if !same {
      throw ThresholdMissed(
        reason: "the logits differ by \(Format.general(result.relativeMaximum)), tolerance "
          + Format.general(tolerance))
    }
  }
}
