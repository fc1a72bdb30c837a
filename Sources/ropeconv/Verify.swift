import ArgumentParser
import Evaluation
import Reports

struct Verify: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Check whether two models give the same logits on a text.",
    usage: "ropeconv verify <one> <other> --text <file> [<options>]",
    discussion: HelpText.discussion(
      "Exit code 1 where they do not. The first example checks what convert's --absorb example wrote.",
      examples: "ropeconv verify model.gguf proof.gguf --text sample.txt --chunks 2",
      "ropeconv verify model.gguf --logprobs other-engine.npy --tokens ids.json",
      "ropeconv verify folder/ --logprobs p.npy --streams streams.npy --tokens "
        + "ids.json"))

  @OptionGroup var operands: TwoModels

  @Option(
    help: ArgumentHelp(
      "Instead of a model, what another engine gave the same targets: a NumPy file of natural"
        + " logarithms of their probabilities.", valueName: "file.npy"))
  var logprobs: String?

  @Option(
    help: ArgumentHelp(
      "With --logprobs, the other engine's residual streams, to name the first layer that differs: a"
        + " NumPy file of what enters each layer (and, as one more, what the last one leaves, before"
        + " any norm), [layers, tokens, width].", valueName: "file.npy"))
  var streams: String?

  @OptionGroup(title: "Models") var opening: ModelOptions
  @OptionGroup(title: "Text") var text: TextOptions
  @OptionGroup(title: "Chunks") var window: WindowOptions
  @OptionGroup(title: "Work") var work: WorkOptions

  @Option(
    help: ArgumentHelp(
      "Largest difference allowed, in standard deviations of the logits (or streams); with --logprobs, in nats.",
      valueName: "x"))
  var tolerance = 1e-4

  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard (operands.second == nil) != (logprobs == nil) else {
      throw ValidationError(
        operands.second == nil
          ? "a model to compare with ONE is needed, or --logprobs FILE.npy"
          : "a second model and --logprobs exclude each other")
    }
    try ThresholdOptions.checkLimit(tolerance, "--tolerance")
    if streams != nil, logprobs == nil {
      throw ValidationError(
        "--streams goes with --logprobs: two models are compared by layers anyway")
    }
  }

  func run() throws {
    if let logprobs {
      try compare(operands.first(output), withNumbers: logprobs)
    } else {
      let (one, other) = operands.both(output)
      try compare(one, with: other)
    }
  }

  private func compare(_ one: String, with other: String) throws {
    let models = try opening.open(one, other, output)
    try window.refuseUnused(in: [models.0.plan, models.1.plan])
    output.warnOfVocabularies(models.0, models.1)
    let text = try TokenizedText(
      text.required(), forFirstOf: models.0, models.1, threads: output.threads)
    let comparison = LogitComparison(
      windows: window.plan(default: .all), start: window.start,
      options: try work.options(threads: output.threads, auto: .float32))
    try output.warn(models.0, models.1, fittedOn: text)
    for model in [models.0, models.1] {
      output.warn(model, beyond: window.ctx, from: window.start, shorter: "--ctx")
    }
    // What is damaged is said before the work; what was hashed is remembered.
    for model in [models.0, models.1] { try model.checkRead() }
    let display = ProgressDisplay(quiet: output.quiet)
    let result = try comparison.run(models.0, models.1, on: text) { display.show($0, "comparing") }
    var layers: LayerComparison.Finding?
    if !result.isSame(within: tolerance) {
      let comparison = LayerComparison(
        windows: comparison.windows, start: comparison.start, options: comparison.options)
      layers = try comparison.run(models.0, models.1, on: text, tolerance: tolerance) {
        display.show($0, "comparing layers")
      }
    }
    display.finish()
    for model in [models.0, models.1] { try model.checkRead() }
    let conditions = try TextConditions(text, comparison.windows, start: comparison.start)
    output.show(
      result.json(one, other, on: conditions, tolerance: tolerance, layers: layers),
      result.text(on: conditions, tolerance: tolerance, layers: layers))
    guard result.isSame(within: tolerance) else {
      throw ThresholdMissed(
        reason: "the logits differ by \(Format.general(result.relativeMaximum)), tolerance "
          + Format.general(tolerance))
    }
  }

  private func compare(_ one: String, withNumbers file: String) throws {
    let numbers = try NumPyFile.read(file)
    let model = try opening.open(one, output)
    try window.refuseUnused(in: [model.plan])
    let text = try TokenizedText(text.required(), for: model, threads: output.threads)
    let comparison = LogProbabilityComparison(
      windows: window.plan(default: .all), start: window.start,
      options: try work.options(threads: output.threads, auto: .float32))
    try output.warn(model, fittedOn: text)
    output.warn(model, beyond: window.ctx, from: window.start, shorter: "--ctx")
    try model.checkRead()
    let display = ProgressDisplay(quiet: output.quiet)
    let result = try comparison.run(
      model, on: text, against: numbers, file: file, tolerance: tolerance
    ) { display.show($0, "comparing") }
    let finding = try streams.map { file in
      let layers = LayerComparison(
        windows: comparison.windows, start: comparison.start, options: comparison.options)
      let difference = try layers.run(
        model, on: text, against: NumPyFile.read(file), file: file, tolerance: tolerance
      ) { display.show($0, "comparing layers") }
      return StreamFinding(file: file, difference: difference)
    }
    display.finish()
    try model.checkRead()
    let conditions = try TextConditions(text, comparison.windows, start: comparison.start)
    output.show(
      result.json(one, file, on: conditions, tolerance: tolerance, streams: finding),
      result.text(on: conditions, tolerance: tolerance, streams: finding))
    if result.isSame, finding?.difference != nil {
      throw ThresholdMissed(
        reason: "the residual streams differ, tolerance \(Format.general(tolerance))")
    }
    guard result.isSame else {
      throw ThresholdMissed(
        reason: "the log probabilities differ by \(Format.general(result.maximum)), tolerance "
          + Format.general(tolerance))
    }
  }
}
