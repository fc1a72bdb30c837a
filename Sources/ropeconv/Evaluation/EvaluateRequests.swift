import ArgumentParser
import Base
import Checkpoints
import Evaluation
import Reports
import Tensors

extension RequestsResult: CommandedResult {
  static var command: any ParsableCommand.Type { EvaluateRequests.self }
}

struct EvaluateRequests: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "requests", abstract: "Answer the requests of lm-evaluation-harness.",
    usage: "ropeconv eval requests <model> --requests <in.jsonl> [<options>]",
    discussion: HelpText.discussion(
      "Each line is a request, a JSON object; its answer is the line of the output at the same "
        + #"place: {"type": "loglikelihood", "context": ..., "continuation": ...}, "#
        + #"{"type": "loglikelihood_rolling", "text": ...} or {"type": "generate_until", "#
        + #""context": ..., "until": [...], "max_tokens": n}."#,
      examples: "ropeconv eval requests model.gguf --requests in.jsonl -o out.jsonl"))

  @OptionGroup var operand: OneModel

  @Option(
    help: ArgumentHelp("File of requests; - is standard input.", valueName: "in.jsonl|-"))
  var requests: String

  @OptionGroup var answers: AnswerOptions

  @Option(
    name: ShortName.ctx.names,
    help: ArgumentHelp(
      "The most tokens that the model sees. (default: the model's)", valueName: "n"))
  var ctx: Int?

  @Flag(help: "Replace existing --output and --junit files.")
  var force = false

  @OptionGroup(title: "Models") var opening: ModelOptions
  @OptionGroup(title: "Variant") var variant: VariantOptions
  @OptionGroup(title: "Work") var work: WorkOptions
  @OptionGroup(title: "Long runs") var longRun: LongRunOptions
  @OptionGroup(title: "Thresholds") var thresholds: ThresholdOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    try GivenOptions.all.refuseForceAlone()
    try longRun.refuseInShard()
    let path = operand.path(output)
    var files = CallFiles(models: path)
    try files.read(opening.folder, orFilesOf: .dataFiles)
    files.read(requests)
    files.write(answers.output, "--output", force: force)
    files.write(longRun, thresholds, force: force)
    try files.check()
    guard answers.output == nil || longRun.shard == nil else {
      throw UsageError(
        "--output takes the answers to all requests, not to a shard: keep the shards' --json, and"
          + " give --output to 'eval merge'")
    }
    let requests = try RequestFile(path: requests)
    let model = try opening.open(path, output)
    try variant.refuseUnused(in: [model.plan])
    let rotary = try variant.request(for: model.plan, warning: output)
    let isDecoding = requests.counts.allSatisfy { $0.kind == .generateUntil }
    if isDecoding, work.compute == Arithmetic.bfloat16.rawValue {
      try GivenOptions.all.refuse("--compute", because: "generate_until decodes in f32")
    }
    let evaluation = RequestsEvaluation(
      context: ctx, rotary: rotary,
      options: try work.options(
        longRun, threads: output.threads, auto: isDecoding ? .float32 : .fastest))
    let display = ProgressDisplay(quiet: output.quiet)
    let result = try evaluation.run(model, on: requests) { longest, cut in
      output.warn(model, beyond: longest, rotary: rotary)
      if cut > 0 {
        output.warn(
          "\(requests.name): longer than the context, and cut at the beginning: \(cut) of"
            + " \(counted(requests.requests.count, "request"))")
      }
    } progress: { share, answered in
      display.show(share, "\(answered) requests")
    }
    display.finish()
    try answers.write(result, force: force, inputs: files.inputs)
    output.show(result, of: work)
    try thresholds.check(result, force: force, "", nil)
  }
}

/// Where the answers to requests go.
struct AnswerOptions: ParsableArguments {
  @Option(
    name: ShortName.output.names,
    help: ArgumentHelp(
      "Write the answers to requests, one JSON object a line, in their order.",
      valueName: "out.jsonl"))
  var output: String?

  /// Writes the answers, where a file is named.
  func write(_ result: any ReportedResult, force: Bool, inputs: [String]) throws {
    guard let output else { return }
    guard let lines = (result as? RequestsResult)?.answerLines else {
      throw UsageError("--output is for the answers of 'eval requests'; this result has none")
    }
    _ = try WholeFile.write(
      Array(lines.map { $0 + "\n" }.joined().utf8), to: output, force: force, inputs: inputs)
  }
}
