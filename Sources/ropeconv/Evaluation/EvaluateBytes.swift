import ArgumentParser
import Evaluation
import Reports

extension BitsPerByteResult: CommandedResult {
  static var command: any ParsableCommand.Type { EvaluateBytes.self }
}

struct EvaluateBytes: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bytes", abstract: "Bits per byte of a text, comparable across vocabularies.",
    usage: "ropeconv eval bytes <model> --text <file> [<options>]",
    discussion: HelpText.discussion(
      "Every token of the text is scored once, except the first one where nothing stands before "
        + "it (some tokenizers put a token there); its bytes count all the same.",
      examples: "ropeconv eval bytes model.gguf --text wiki.test.txt --ctx 1024"))

  @OptionGroup var operand: OneModel

  @Option(
    name: ShortName.text.names,
    help: ArgumentHelp("Text to score; - is standard input.", valueName: "file|-"))
  var text: String

  @Option(name: ShortName.ctx.names, help: ArgumentHelp("Tokens of a chunk.", valueName: "n"))
  var ctx = 512

  @Option(
    help: ArgumentHelp(
      "Chunks start at multiples of S tokens. (default: half of --ctx)", valueName: "s"))
  var stride: Int?

  @OptionGroup(title: "Models") var opening: ModelOptions
  @OptionGroup(title: "Variant") var variant: VariantOptions
  @OptionGroup(title: "Work") var work: WorkOptions
  @OptionGroup(title: "Long runs") var longRun: LongRunOptions

  @Option(help: ArgumentHelp("Exit with 1 where bits per byte are above X.", valueName: "x"))
  var maxBits: Double?

  @Flag(help: "Replace an existing --junit file.")
  var force = false

  @OptionGroup(title: "Thresholds") var thresholds: ThresholdOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    try ThresholdOptions.checkLimit(maxBits, "--max-bits")
  }

  func run() throws {
    try GivenOptions.all.refuseForceAlone()
    try longRun.refuseInShard("--max-bits")
    let path = operand.path(output)
    var files = CallFiles(models: path)
    try files.read(opening.folder, orFilesOf: .dataFiles)
    files.read(text)
    files.write(longRun, thresholds, force: force)
    try files.check()
    let model = try opening.open(path, output)
    try variant.refuseUnused(in: [model.plan])
    let request = try variant.request(for: model.plan, warning: output)
    let text = try TokenizedText(.text(path: text), for: model, threads: output.threads)
    if text.tokens.count <= ctx {
      try GivenOptions.all.refuse(
        "--stride", because: "the text's \(text.tokens.count) tokens are one chunk")
    }
    let evaluation = BitsPerByteEvaluation(
      context: ctx, stride: stride ?? max(ctx / 2, 1), rotary: request,
      options: try work.options(longRun, threads: output.threads))
    output.warn(model, beyond: min(ctx, text.tokens.count), rotary: request)
    let display = ProgressDisplay(quiet: output.quiet)
    let result = try evaluation.run(model, on: text) { share, bits in
      display.show(share, bits.map { "\(Format.fixed($0, 3)) bits per token" } ?? "")
    }
    display.finish()
    output.show(result, of: work)
    try thresholds.check(
      result, force: force, "--max-bits",
      maxBits.map { .most($0, of: "bits per byte", result.bitsPerByte, digits: 4) })
  }
}
