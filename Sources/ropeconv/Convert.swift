import ArgumentParser
import Checkpoints
import Conversion
import Evaluation
import Foundation
import Models
import Reports
import Rotary

struct Convert: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Convert a checkpoint to another rotary variant, container or type.",
    usage: "ropeconv convert <model> [<options>]",
    discussion: HelpText.discussion(
      examples: "ropeconv convert model.gguf --to rove -o model.rove.gguf",
      "ropeconv convert folder/ -o model.gguf",
      "ropeconv convert model.gguf --to rove -o model.rove.tar.zst",
      "ropeconv convert model.gguf --to rove --calibrate wiki.valid.txt "
        + "--max-increase 2 -o model.rove-2.gguf",
      "ropeconv convert model.gguf --to qk --absorb A2,A5 --type f32 -o proof.gguf",
      "ropeconv convert model.gguf --type q4_k_m -o model.q4_k_m.gguf",
      "ropeconv convert model.gguf --type q2_k --imatrix imatrix.gguf -o "
        + "model.q2_k.gguf",
      "ropeconv convert model.gguf --to rove --calibrate wiki.txt --calibrate "
        + "essays.txt"))

  // The two options of every call come first in help.
  @OptionGroup(title: "Variant and output") var target: TargetOptions

  @OptionGroup var operand: OneModel

  @OptionGroup var values: ValueRotationOptions

  @Option(
    help: ArgumentHelp(
      "Identities to apply to the weights: A1, A2, A3, A4, A5, A6, A7, B1.", valueName: "list"))
  var absorb: String?

  @Option(
    help: ArgumentHelp(
      "How decay attention is to be computed: attention or recurrent. (default: the file's)",
      valueName: "form"))
  var form: MixerForm?

  @Option(
    help: ArgumentHelp(
      "With --absorb B1: pairs that turn by less than this over the whole context are not rotated."
        + " (default: \(ConversionRequest.stillEpsilon))", valueName: "radians"))
  var stillEpsilon: Double?

  @Option(
    help: ArgumentHelp(
      "Store matrices as \(OutputTypes.known). Quantized ones, for .gguf, as llama-quantize does;"
        + " q3_k, q4_k and q5_k are the _m mixes.", valueName: "type"))
  var type = "keep"

  @Flag(help: "Store every matrix in the quantized --type itself, giving no tensor more bits.")
  var pure = false

  @Option(
    help: ArgumentHelp(
      "Importance matrix for quantized types: a GGUF file of llama-imatrix or of analyze"
        + " --imatrix.",
      valueName: "file"))
  var imatrix: String?

  @OptionGroup(title: "Models") var opening: ModelOptions

  @OptionGroup(title: "Fit to the original on a calibration text") var fit: FitOptions

  @OptionGroup(title: "Contents of the output") var content: ContentOptions

  @Flag(help: "Replace an existing output, and older .gguf shards of its name.")
  var force = false

  @Flag(help: "Print the plan and write nothing.")
  var dryRun = false

  @OptionGroup(title: "Perplexity before and after, of a text")
  var text: TextOptions
  @OptionGroup(title: "Chunks") var window: WindowOptions
  @OptionGroup(title: "Work") var work: WorkOptions
  @OptionGroup var options: OutputOptions

  /// Chunks scored before and after where `--chunks` is not given: a whole text can take an hour.
  static let defaultChunks = 32

  var to: String { target.to }
  var output: String? { target.output }

  func run() throws {
    try refuseUnused()
    let type = try OutputTypes(parsing: type, pure: pure)
    let sites = try sites()
    try checkOptions(sites, type)
    let path = operand.path(options)
    var model = try opening.open(path, keepsExtra: content.keepExtra)
    try refuseUnused(in: model.plan)
    if let form {
      if !model.plan.decays {
        try GivenOptions.all.refuse("--form", because: "no layer attends by decay")
      }
      model = model.computed(as: form)
    }
    try window.refuseUnused(in: [model.plan], or: [model.plan], as: sites)
    let run = try ConversionRun(
      model, request(path, sites, type, for: model.plan), fit: fit.request, scoring: scoring())
    // What is refused is said alone.
    for warning in run.plan.warnings { options.warn(warning) }
    if let fit = fit.request {
      options.warn(model, beyond: fit.settings.context, shorter: "--calibrate-ctx")
    }
    if text.source != nil {
      // The source, and what becomes of it: absolute sites count from where chunks start.
      let isBeyond = options.warn(
        model, beyond: window.ctx, from: window.start, shorter: "--ctx")
      if !isBeyond {
        options.warn(
          model, beyond: window.ctx, from: window.start, rotary: RotaryRequest(sites: sites),
          shorter: "--ctx")
      }
    }
    let outcome = dryRun ? run.planned() : try show(run)
    for note in outcome.notes { options.warn(note) }
    options.show(outcome.json(warnings: Warnings.all), outcome.text())
  }

  /// Runs a conversion under one display that counts all its work.
  private func show(_ run: ConversionRun) throws -> ConversionOutcome {
    let display = ProgressDisplay(quiet: options.quiet)
    defer { display.finish() }
    return try run.run(
      manifest: { $0.manifest() },
      observer: { [options] event in
        switch event {
        case .progress(let share, let work): display.show(share, work.words)
        case .trial(let trial): options.note(trial.words)
        case .warning(let warning): options.warn(warning)
        }
      })
  }

  /// Nil where the sites stay as they are.
  private func sites() throws -> RotarySites? {
    to.lowercased() == "keep" ? nil : try RotarySites(parsing: to)
  }

  private func request(
    _ input: String, _ sites: RotarySites?, _ type: OutputTypes, for plan: ModelPlan
  ) throws -> ConversionRequest {
    let pairs = try values.pairs(for: plan)
    var request = ConversionRequest(
      sites: sites, output: try output ?? OutputName.beside(input, sites: sites, type: type),
      valuePairs: pairs.all, valuePairsByLayer: pairs.byLayer, valueBase: values.valueBase,
      absorb: try absorb.map { try AbsorptionIdentity.list($0) } ?? [],
      stillEpsilon: stillEpsilon ?? ConversionRequest.stillEpsilon, type: type, force: force,
      threads: options.threads)
    request.importance = try imatrix.map { try ImportanceMatrix(reading: $0) }
    request.inputs = try inputFiles().inputs
    request.shardSize = try content.shardSize.map {
      try ByteSize.parse($0, option: "--shard-size")
    }
    request.keepsExtra = content.keepExtra
    request.edits = try content.edits()
    return request
  }

  /// Refuses a call that would change nothing.
  private func checkOptions(_ sites: RotarySites?, _ type: OutputTypes) throws {
    if type.mainType == nil {
      try GivenOptions.all.refuse("--imatrix", because: "no --type asks for quantized blocks")
    }
    if sites == nil, output == nil, type == .keep {
      throw UsageError(
        "nothing to do: name other sites with --to, another type with --type, or an output with -o")
    }
  }

  /// Perplexity before and after, where a text was given.
  private func scoring() throws -> ScoringRequest? {
    guard let source = text.source else { return nil }
    var windows = window.plan(default: .secondHalf)
    windows.limit = window.chunks ?? Self.defaultChunks
    return ScoringRequest(
      source, windows: windows, start: window.start,
      options: try work.options(threads: options.threads))
  }

  /// Texts beside the model, which the output must not replace.
  private func inputFiles() throws -> CallFiles {
    var files = CallFiles(models: [])
    try files.read(opening.folder, orFilesOf: .dataFiles)
    files.read(text.text, text.tokens)
    files.read(imatrix)
    for path in fit.calibrate + fit.calibrateTokensFrom { files.read(path) }
    return files
  }
}
