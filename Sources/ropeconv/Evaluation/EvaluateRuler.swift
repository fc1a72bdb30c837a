import ArgumentParser
import Base
import Checkpoints
import Evaluation
import Foundation
import Reports

extension RulerEvaluation.Mode: ExpressibleByArgument {}

extension RulerResult: CommandedResult {
  static var command: any ParsableCommand.Type { EvaluateRuler.self }
}

struct EvaluateRuler: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ruler", abstract: "RULER's synthetic long-context tasks (arXiv:2404.06654).",
    usage: "ropeconv eval ruler <model> [<options>]",
    discussion: HelpText.discussion(
      "Prompts come from a seed and are the same on every machine.",
      examples: "ropeconv eval ruler model.gguf --task niah_single_1,vt --lengths 1024 "
        + "--samples 20",
      "ropeconv eval ruler model.gguf --task all --essays essays/ --mode nll"))

  @OptionGroup var operand: OneModel

  @Option(
    name: [.customLong("task"), .customLong("tasks")],
    help: ArgumentHelp(
      "Tasks, or all that have the files and the room they need: "
        + "\(RulerTask.allCases.map(\.rawValue).joined(separator: ", ")).",
      valueName: "task,...|all"))
  var task = "all"

  @Option(help: ArgumentHelp("Tokens of prompt and answer together.", valueName: "n,n,..."))
  var lengths = "4096"

  @Option(help: ArgumentHelp("Samples of every task and length.", valueName: "n"))
  var samples = 20

  @Option(help: ArgumentHelp("Seed of the prompts.", valueName: "s"))
  var seed: UInt64 = RulerTask.publishedSeed

  @Option(
    help: ArgumentHelp(
      "generate: the official score of greedy decoding; nll: the answer's likelihood.",
      valueName: "mode"))
  var mode = RulerEvaluation.Mode.generate

  @Option(
    help: ArgumentHelp("Text of the essay haystacks: a file or a folder.", valueName: "dir|file"))
  var essays: String?

  @Option(help: ArgumentHelp("SQuAD's JSON, for qa_1.", valueName: "file"))
  var squad: String?

  @Option(help: ArgumentHelp("HotpotQA's JSON, for qa_2.", valueName: "file"))
  var hotpot: String?

  @OptionGroup var prompts: PromptOptions

  @Flag(help: "Replace existing --prompts and --junit files.")
  var force = false

  @OptionGroup(title: "Models") var opening: ModelOptions
  @OptionGroup(title: "Variant") var variant: VariantOptions
  @OptionGroup(title: "Work") var work: WorkOptions
  @OptionGroup(title: "Long runs") var longRun: LongRunOptions

  @Option(help: ArgumentHelp("Exit with 1 where the mean score is below X.", valueName: "x"))
  var minScore: Double?

  @OptionGroup(title: "Thresholds") var thresholds: ThresholdOptions
  @OptionGroup var output: OutputOptions

  func validate() throws { try ThresholdOptions.checkLimit(minScore, "--min-score") }

  func run() throws {
    let path = operand.path(output)
    var files = CallFiles(models: path)
    try files.read(opening.folder, orFilesOf: .dataFiles)
    try files.read(essays, orFilesOf: .texts)
    files.read(squad, hotpot)
    files.write(prompts.prompts, "--prompts", force: force)
    files.write(longRun, thresholds, force: force)
    try files.check()
    guard minScore == nil || mode == .generate else {
      throw UsageError("--min-score needs --mode generate")
    }
    let tasks = try tasks()
    try refuseUnused(for: tasks)
    try checkTexts(of: tasks)
    try longRun.refuseInShard("--min-score")
    let model = try opening.open(path, output)
    try variant.refuseUnused(in: [model.plan])
    let haystack = try essays.map { try Haystack(path: $0) }
    let generator = RulerGenerator(
      tokenizer: try model.tokenizer(),
      essays: haystack.map { String(decoding: $0.bytes, as: UTF8.self) },
      squad: try squad.map { try RulerQuestions(squad: json($0), file: $0) },
      hotpot: try hotpot.map { try RulerQuestions(hotpot: json($0), file: $0) }, seed: seed)
    let lengths = try NumberList.whole(lengths, option: "--lengths")
    guard (1...1_000_000).contains(samples) else {
      throw UsageError("--samples is \(samples), expected a number from 1 to 1000000")
    }
    var evaluation = RulerEvaluation(
      tasks: tasks, lengths: lengths, samples: samples,
      mode: mode, rotary: try variant.request(for: model.plan, warning: output),
      // Decoding knows no other arithmetic than float32.
      options: try work.options(
        longRun, threads: output.threads, auto: mode == .generate ? .float32 : .fastest))
    if task == "all" {
      evaluation.leftOut = try generator.leftOut(tasks, lengths: lengths, samples: samples)
    }
    let cells = try evaluation.checkedCells()
    for line in RulerResult.LeftOut.lines(evaluation.leftOut) { output.warn("left out: \(line)") }
    if let path = prompts.prompts {
      let places = cells.flatMap { task, length in
        (0..<samples).map { (task: task, length: length, index: $0) }
      }
      return try prompts.write(places, to: path, force: force, inputs: files.inputs, output) {
        try generator.sample(task: $0.task, length: $0.length, index: $0.index).json
      }
    }
    output.warn(model, beyond: cells.map(\.length).max() ?? 0, rotary: evaluation.rotary)
    let display = ProgressDisplay(quiet: output.quiet)
    let result = try evaluation.run(model, prompts: generator) { share, mean in
      display.show(share, mean.map { "mean \(Format.fixed($0, 3))" } ?? "")
    }
    display.finish()
    output.show(result, of: work)
    try thresholds.check(
      result, force: force, "--min-score",
      minScore.map { .least($0, of: "score", result.score ?? 0, digits: 2) })
  }

  /// Refuses tasks asked for by name whose texts are not given; of `all` they are left out.
  private func checkTexts(of tasks: [RulerTask]) throws(UsageError) {
    guard task != "all" else { return }
    for task in tasks {
      if task.haystack == .essay, essays == nil {
        throw UsageError("\(task.rawValue) needs a text for its haystack: --essays DIR|FILE")
      }
      if task == .questions1, squad == nil {
        throw UsageError("\(task.rawValue) needs questions in SQuAD's JSON format: --squad FILE")
      }
      if task == .questions2, hotpot == nil {
        throw UsageError(
          "\(task.rawValue) needs questions in HotpotQA's JSON format: --hotpot FILE")
      }
    }
  }

  private func json(_ path: String) throws -> JSONValue {
    try InputFile(path, .questions).json()
  }

  /// The tasks asked for.
  private func tasks() throws -> [RulerTask] {
    if task == "all" { return RulerTask.allCases }
    return try task.split(separator: ",").map { name in
      guard let task = RulerTask(rawValue: String(name)) else {
        throw UsageError(
          "--task has '\(name)', expected all or some of "
            + RulerTask.allCases.map(\.rawValue).joined(separator: ", "))
      }
      return task
    }
  }
}
