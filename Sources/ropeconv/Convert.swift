import ArgumentParser
import Conversion
import Evaluation
import Reports
import Rotary

struct Convert: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Rewrite a checkpoint to another rotary variant or container.",
    discussion: """
      Example: ropeconv convert model.gguf --to rove -o model.rove.gguf
               ropeconv convert folder/ --to rope -o model.gguf
               ropeconv convert model.gguf --to rove -o model.rove.tar.zst
               ropeconv convert model.gguf --to rove --calibrate wiki.valid.txt --max-increase 2
               ropeconv convert model.gguf --to qk --absorb A2,A5 --type f32 -o proof.gguf
               ropeconv convert model.gguf --to vo --type q4_k_m -o model.vo.gguf
      """)

  @Argument(help: modelHelp)
  var input: String

  @Option(
    help: ArgumentHelp(
      "Sites that rotate: qk (rope), vo, qkvo (rove), nope, or any subset.", valueName: "sites"))
  var to: String

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      "Output: .gguf, .safetensors, a folder ending in /, or .tar.zst, .tar.gz, .tar, .zip.",
      valueName: "out"))
  var output: String?

  @OptionGroup var values: ValueRotationOptions

  @Option(
    help: ArgumentHelp(
      "Identities to apply to the weights: A1, A2, A3, A4, A5, B1.", valueName: "list"))
  var absorb: String?

  @Option(
    help: ArgumentHelp(
      "B1 stills pairs that turn less than this over the context.", valueName: "radians"))
  var stillEpsilon = 1e-6

  @Option(
    help: ArgumentHelp(
      "Store matrices as \(TypeChoice.known). Quantized ones, for .gguf, as llama-quantize does; q4_k"
        + " and q5_k are the _m mixes.", valueName: "type"))
  var type = "keep"

  @Flag(help: "Store every matrix in the quantized --type itself, giving no tensor more bits.")
  var pure = false

  @OptionGroup(title: "Fit to the original on a calibration text") var fit: FitOptions

  @OptionGroup(title: "What goes along") var along: AlongOptions

  @Flag(help: "Replace an existing output.")
  var force = false

  @Flag(help: "Print the plan and write nothing.")
  var dryRun = false

  @OptionGroup(title: "Perplexity before and after") var text: TextOptions
  @OptionGroup(title: "Chunks") var window: WindowOptions
  @OptionGroup(title: "Work") var work: WorkOptions
  @OptionGroup var options: OutputOptions

  func run() throws {
    let sites = try RotarySites(parsing: to)
    let model = try Model(opening: input, keepsExtra: along.keepExtra)
    let pairs = try values.pairs()
    let type = try TypeChoice(parsing: type, pure: pure)
    var request = ConversionRequest(
      sites: sites, output: output ?? OutputName.beside(input, sites: sites, type: type),
      valuePairs: pairs.all, valuePairsByLayer: pairs.byLayer, valueBase: values.valueBase,
      absorb: try absorb.map { try AbsorptionIdentity.list($0) } ?? [],
      stillEpsilon: stillEpsilon, type: type, force: force,
      threads: options.threads)
    request.shardSize = try along.shardSize.map { try ByteSize.parse($0) }
    request.keepsExtra = along.keepExtra
    request.edits = try along.edits()
    var plan = try ConversionPlan(model.plan, request)
    for warning in plan.warnings { options.warn(warning) }
    let calibration = dryRun ? nil : try fit.text(for: model)
    var trials: [RotationBudget.Trial] = []
    if let calibration {
      try plan.checkOutput()
      let outcome = try fit.run(model, request, plan, on: calibration, options)
      request = outcome.request
      trials = outcome.trials
      plan = try ConversionPlan(model.plan, request, fit: outcome.fit)
    }
    var report = ConversionReport(plan)
    report.trials = trials
    if !dryRun {
      var evaluate: ((Model) throws -> PerplexityResult)?
      if let source = text.source {
        let tokens = try TokenizedText(source, for: model)
        let evaluation = PerplexityEvaluation(
          windows: window.plan(default: .secondHalf), start: window.start,
          options: try work.options(threads: options.threads))
        evaluate = { try evaluation.run($0, on: tokens) }
      }
      var measured = MeasuredPerplexities()
      if let evaluate {
        try plan.checkOutput()
        let original = try evaluate(model)
        measured.extent = "\(original.windows.count) chunks of \(window.ctx) tokens"
        report.perplexityBefore = original.perplexity
      }
      let display = ProgressDisplay(quiet: options.quiet)
      let total = max(plan.tensorBytes, 1)
      report.bytes = try plan.write(version: programVersion, report: report.manifest()) { written in
        display.show(Double(written) / Double(total), Format.bytes(written))
      }
      display.finish()
      report.seconds = display.elapsed
      // The output once for both: opening an archive may mean unpacking it.
      if calibration != nil || evaluate != nil {
        let written = try Model(opening: plan.output)
        if let calibration {
          report.perplexityHeldOut = try fit.fit(plan, threads: options.threads)
            .heldOutPerplexity(of: written, calibration)
        }
        report.perplexityAfter = try evaluate?(written).perplexity
      }
      measured.before = report.perplexityBefore
      measured.after = report.perplexityAfter
      measured.heldOut = report.perplexityHeldOut
      try plan.record(measured, version: programVersion)
    }
    for note in report.notes { options.warn(note) }
    options.show(report.json(), report.text())
  }
}
