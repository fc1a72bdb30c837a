import ArgumentParser
import Base
import Conversion
import Evaluation
import Foundation
import Inference
import Models
import Reports
import Rotary

struct Convert: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Rewrite a checkpoint to another rotary variant or container.",
    discussion: """
      Example: ropeconv convert model.gguf --to rove -o model.rove.gguf
               ropeconv convert folder/ -o model.gguf
               ropeconv convert model.gguf --to rove -o model.rove.tar.zst
               ropeconv convert model.gguf --to rove --calibrate wiki.valid.txt --max-increase 2
               ropeconv convert model.gguf --to qk --absorb A2,A5 --type f32 -o proof.gguf
               ropeconv convert model.gguf --type q4_k_m -o model.q4_k_m.gguf
               ropeconv convert model.gguf --to rove --calibrate wiki.txt --calibrate essays.txt
      """)

  @Argument(help: modelHelp)
  var input: String

  @Option(
    help: ArgumentHelp(
      "Sites that rotate: keep (the model's own), qk (rope), vo, qkvo (rove), nope, or any subset.",
      valueName: "sites"))
  var to = "keep"

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
  var stillEpsilon: Double?

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

  @OptionGroup(title: "Perplexity before and after, of the first \(defaultChunks) chunks")
  var text: TextOptions
  @OptionGroup(title: "Chunks") var window: WindowOptions
  @OptionGroup(title: "Work") var work: WorkOptions
  @OptionGroup var options: OutputOptions

  /// Chunks scored before and after where `--chunks` is not given: a whole text can take an hour.
  static let defaultChunks = 32

  func run() throws {
    try refuseUnused()
    let type = try TypeChoice(parsing: type, pure: pure)
    let sites = try sites()
    try checkOptions(sites, type)
    let model = try Model(opening: input, keepsExtra: along.keepExtra)
    try window.refuseUnused(in: [model.plan], or: [model.plan], as: sites)
    let request = try request(sites, type, for: model.plan)
    let plan = try ConversionPlan(model.plan, request)
    try plan.checkOutput()
    let run = ConversionRun(
      model: model, request: request, plan: plan,
      calibration: try fit.texts(for: model, request, plan), scoring: try scoring(model),
      fitting: fit, options: options)
    // What is refused is said alone.
    for warning in plan.allWarnings { options.warn(warning) }
    if fit.isAsked {
      options.warn(
        model, beyond: fit.calibrateCtx ?? FitSettings().context, shorter: "--calibrate-ctx")
    }
    if text.source != nil { options.warn(model, beyond: window.ctx, shorter: "--ctx") }
    let report = dryRun ? ConversionReport(plan) : try run.run()
    for note in report.notes { options.warn(note) }
    options.show(report.json(), report.text())
  }

  /// Nil where the sites stay as they are.
  private func sites() throws -> RotarySites? {
    to.lowercased() == "keep" ? nil : try RotarySites(parsing: to)
  }

  private func request(
    _ sites: RotarySites?, _ type: TypeChoice, for plan: ModelPlan
  ) throws -> ConversionRequest {
    let pairs = try values.pairs(for: plan)
    var request = ConversionRequest(
      sites: sites, output: output ?? OutputName.beside(input, sites: sites, type: type),
      valuePairs: pairs.all, valuePairsByLayer: pairs.byLayer, valueBase: values.valueBase,
      absorb: try absorb.map { try AbsorptionIdentity.list($0) } ?? [],
      stillEpsilon: stillEpsilon ?? ConversionRequest.stillEpsilon, type: type, force: force,
      threads: options.threads)
    request.inputs = inputFiles.inputs
    request.shardSize = try along.shardSize.map { try ByteSize.parse($0) }
    request.keepsExtra = along.keepExtra
    request.edits = try along.edits()
    request.expectsFit = fit.isAsked
    return request
  }

  /// Refuses options that would change nothing in this call.
  private func checkOptions(_ sites: RotarySites?, _ type: TypeChoice) throws {
    if sites == nil, output == nil, type == .keep {
      throw ConversionError.usage(
        "the sites and the types stay as they are: name the output with -o, other sites with --to"
          + " or another type with --type")
    }
    if sites == nil, values.valuePairs != nil || values.valueBase != nil {
      throw ConversionError.usage(
        "--value-pairs and --value-base change the value rotation, --to keep leaves it as it is:"
          + " name the sites, such as --to rove")
    }
  }

  /// Perplexity before and after, where a text was given.
  private func scoring(_ model: Model) throws -> ConversionRun.Scoring? {
    guard let source = text.source else { return nil }
    let tokens = try TokenizedText(source, for: model, threads: options.threads)
    var windows = window.plan(default: .secondHalf)
    windows.limit = nil
    let available = try windows.windows(of: tokens).count
    windows.limit = window.chunks ?? Self.defaultChunks
    let chosen = try windows.windows(of: tokens)
    let work = try work.options(threads: options.threads)
    return ConversionRun.Scoring(
      text: tokens,
      evaluation: PerplexityEvaluation(windows: windows, start: window.start, options: work),
      tokens: chosen.reduce(0) { $0 + $1.tokens.count },
      scored: ConversionReport.ScoredText(
        name: tokens.name, hash: SourceHash.sha256(tokens: [tokens.tokens]), chunks: chosen.count,
        available: available, windows: windows,
        compute: work.arithmetic.rawValue))
  }

  /// Texts beside the model, which the output must not replace.
  private var inputFiles: CallFiles {
    var files = CallFiles(models: [])
    files.read(text.text, text.tokens)
    for path in fit.calibrate + fit.calibrateTokensFrom { files.read(path) }
    return files
  }
}
