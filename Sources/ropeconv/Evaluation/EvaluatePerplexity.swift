import ArgumentParser
import Base
import Checkpoints
import Evaluation
import Foundation
import Models
import Reports

extension PerplexitySweep.Targets: ExpressibleByArgument {}

extension PerplexityResult: CommandedResult {
  static var command: any ParsableCommand.Type { EvaluatePerplexity.self }
}

struct EvaluatePerplexity: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "perplexity", abstract: "Perplexity of a model on a text.",
    usage: "ropeconv eval perplexity <model> ... --text <file> [<options>]",
    discussion: HelpText.discussion(
      "Several models, several lengths or a list of scalings make a sweep.",
      examples: "ropeconv eval perplexity model.gguf --text wiki.test.txt --ctx 512 --chunks "
        + "32",
      "ropeconv eval perplexity model.gguf --text wiki.test.txt --sites qkvo "
        + "--value-pairs 16",
      "ropeconv eval perplexity a.gguf b.gguf --text t.txt --lengths 512,1024,2048 "
        + "--rope-scaling checkpoint,yarn"))

  @OptionGroup var operands: SomeModels

  @OptionGroup(title: "Models") var opening: ModelOptions
  @OptionGroup(title: "Text") var text: TextOptions
  @OptionGroup(title: "Chunks") var window: WindowOptions
  @OptionGroup(title: "Variant") var variant: VariantOptions

  @Option(
    help: ArgumentHelp(
      "Perplexity at each of these chunk lengths, of the same targets; --rope-scaling may be a list"
        + " then, and the factor is the length over the context before scaling unless given.",
      valueName: "n,n,..."))
  var lengths: String?

  @Option(
    help: ArgumentHelp(
      "What --lengths scores: same: the targets of the longest chunks, of which --chunks counts the"
        + " first, each predicted with at most N tokens before it at length N; own: at each length"
        + " the targets of chunks of that length, so that --chunks takes other text at other"
        + " lengths and the curve shows the text too. (default: same)", valueName: "same|own"))
  var lengthTargets: PerplexitySweep.Targets?

  @Option(
    help: ArgumentHelp(
      "Write one float32 per scored target (nats) as a NumPy file.", valueName: "out.npy"))
  var nll: String?

  @Option(help: ArgumentHelp("Exit with 1 where the perplexity is above X.", valueName: "x"))
  var maxPpl: Double?

  @Option(
    help: ArgumentHelp(
      "How decay attention is computed: attention, or recurrent, with a state of constant size."
        + " (default: the file's)",
      valueName: "attention|recurrent"))
  var form: MixerForm?

  @OptionGroup(title: "Work") var work: WorkOptions
  @OptionGroup(title: "Long runs") var longRun: LongRunOptions

  @Flag(help: "Replace existing --nll and --junit files.")
  var force = false

  @OptionGroup(title: "Thresholds") var thresholds: ThresholdOptions
  @OptionGroup var output: OutputOptions

  func validate() throws { try ThresholdOptions.checkLimit(maxPpl, "--max-ppl") }

  func run() throws {
    try longRun.refuseInShard("--max-ppl")
    let models = operands.paths(output)
    var files = CallFiles(models: models)
    try files.read(opening.folder, orFilesOf: .dataFiles)
    files.read(text.text, text.tokens)
    files.write(nll, "--nll", force: force)
    files.write(longRun, thresholds, force: force)
    try files.check()
    guard lengths == nil, models.count == 1 else {
      try refuseUnused(models)
      return try byLength(models)
    }
    let model = try opening.open(models[0], output)
    try refuseUnused(models, model.plan)
    let request = try variant.request(for: model.plan, warning: output)
    let text = try TokenizedText(text.required(), for: model, threads: output.threads)
    guard nll == nil || longRun.state == nil else {
      throw UsageError("--nll and --state exclude each other: a state file keeps only sums")
    }
    var options = try work.options(longRun, threads: output.threads)
    options.form = form
    let evaluation = PerplexityEvaluation(
      windows: window.plan(default: .secondHalf), rotary: request, start: window.start,
      options: options)
    output.warn(model, beyond: window.ctx, from: window.start, rotary: request)
    let display = ProgressDisplay(quiet: output.quiet)
    let result = try evaluation.run(model, on: text) { progress in
      let rate = progress.tokens / max(display.elapsed, 1e-9)
      display.show(
        progress.tokens / Double(max(progress.totalTokens, 1)),
        progress.perplexity.map { "perplexity \(Format.fixed($0, 4))" } ?? "", rate: rate)
    }
    display.finish()
    if let nll { try NumPyFile.write(result.values, to: nll, force: force) }
    output.show(result, of: work)
    try thresholds.check(
      result, force: force, "--max-ppl",
      maxPpl.map { .most($0, of: "perplexity", result.perplexity, digits: 4) })
  }
  /// Perplexity by length, for every model and every scaling.
  private func byLength(_ models: [String]) throws {
    let lengths =
      try lengths.map { try NumberList.whole($0, option: "--lengths") } ?? [window.ctx]
    let methods = variant.scalingMethods
    guard Set(methods).count == methods.count else {
      throw UsageError(
        "--rope-scaling is '\(variant.ropeScaling)', expected one or more, each once")
    }
    for (option, isGiven) in [
      ("--nll", nll != nil), ("--max-ppl", maxPpl != nil), ("--shard", longRun.shard != nil),
      ("--junit", thresholds.junit != nil),
    ] where isGiven {
      throw UsageError("\(option) is for one model at one length, not for a sweep")
    }
    let targets = lengthTargets ?? .same
    if lengths.count > 1, targets == .same, window.stride != nil {
      throw UsageError(
        "--stride chooses targets by the length of a window: with --lengths it needs"
          + " --length-targets own")
    }
    var options = try work.options(longRun, threads: output.threads)
    options.form = form
    let evaluation = PerplexitySweepEvaluation(
      lengths: lengths, targets: targets, windows: window.plan(default: .secondHalf),
      start: window.start, scalings: methods, originalContext: variant.ropeOriginalCtx,
      options: options
    ) { try variant.request(for: $0, method: $1, factor: $2) }
    let display = ProgressDisplay(quiet: output.quiet)
    let catalog = try opening.catalog()
    let sweep = try evaluation.run(models, on: text.required()) {
      try opening.open($0, in: catalog, output)
    } onCurve: { model, longest, request in
      try variant.warnOfSites(request, model.plan, output)
      output.warn(model, beyond: longest, from: window.start, rotary: request)
    } progress: { share, method, length in
      let scaling = method == "checkpoint" ? "" : "\(method), "
      display.show(share, "\(scaling)ctx \(length)")
    }
    display.finish()
    for note in sweep.curves.compactMap(\.points.first).flatMap(\.record.calibrationNotes) {
      output.warn(note)
    }
    output.show(
      sweep.json(peakBytes: ProcessMemory.peakBytes), work.stating(sweep.table()))
  }
}

extension MixerForm: ExpressibleByArgument {}
