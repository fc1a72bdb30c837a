import ArgumentParser
import Evaluation
import Reports

extension FewShotResult: CommandedResult {
  static var command: any ParsableCommand.Type { EvaluateFewShot.self }
}

struct EvaluateFewShot: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "icl", abstract: "Few-shot tasks in the format of the CORE bundle.",
    usage: "ropeconv eval icl <model> --tasks <file> [<options>]",
    discussion: HelpText.discussion(
      "A task is a file of JSON lines: query, choices, gold; context_options, "
        + "continuation, gold; or context, continuation.",
      examples: "ropeconv eval icl model.gguf --tasks copa.jsonl,lambada.jsonl --shots 3"))

  @OptionGroup var operand: OneModel

  @Option(
    help: ArgumentHelp(
      "Files of tasks, or folders of .jsonl files.", valueName: "file|dir,..."))
  var tasks: String

  @Option(
    help: ArgumentHelp(
      "Accuracy of random guessing in each task, in the form of CORE's eval_meta_data.csv."
        + " (default: 1 / choices)",
      valueName: "file.csv"))
  var baselines: String?

  @Option(help: ArgumentHelp("Solved examples before each question.", valueName: "n"))
  var shots = 0

  @Option(
    help: ArgumentHelp(
      "Only the first N examples of each task. (default: all)", valueName: "n"))
  var examples: Int?

  @Option(help: ArgumentHelp("Seed of the choice of shots.", valueName: "s"))
  var seed: UInt64 = 1234

  @Option(
    help: ArgumentHelp(
      "Text between context and continuation. (default: a space)", valueName: "text"))
  var delimiter: String?

  @OptionGroup(title: "Models") var opening: ModelOptions
  @OptionGroup(title: "Variant") var variant: VariantOptions
  @OptionGroup(title: "Work") var work: WorkOptions
  @OptionGroup(title: "Long runs") var longRun: LongRunOptions

  @Option(
    help: ArgumentHelp(
      "Exit with 1 where the mean accuracy over tasks is below X (0 to 1).", valueName: "x"))
  var minAccuracy: Double?

  @Flag(help: "Replace an existing --junit file.")
  var force = false

  @OptionGroup(title: "Thresholds") var thresholds: ThresholdOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    try ThresholdOptions.checkShare(minAccuracy, "--min-accuracy")
    if let examples, examples < 1 {
      throw ValidationError("--examples is \(examples), expected at least 1")
    }
    if shots < 0 { throw ValidationError("--shots is \(shots), expected at least 0") }
  }

  func run() throws {
    try refuseUnused()
    try longRun.refuseInShard("--min-accuracy")
    let path = operand.path(output)
    var files = CallFiles(models: path)
    try files.read(opening.folder, orFilesOf: .dataFiles)
    for path in tasks.split(separator: ",") { try files.read(String(path), orFilesOf: .tasks) }
    files.read(baselines)
    files.write(longRun, thresholds, force: force)
    try files.check()
    let model = try opening.open(path, output)
    try variant.refuseUnused(in: [model.plan])
    var evaluation = FewShotEvaluation(
      shots: shots, seed: seed, limit: examples, delimiter: delimiter ?? " ",
      rotary: try variant.request(for: model.plan, warning: output),
      options: try work.options(longRun, threads: output.threads))
    let display = ProgressDisplay(quiet: output.quiet)
    var isWarned = false
    evaluation.onLength = { [rotary = evaluation.rotary] length in
      guard !isWarned else { return }
      isWarned = output.warn(model, beyond: length, rotary: rotary)
    }
    let given = try readTasks()
    for task in given {
      if let warning = task.warning(ofFirst: examples) { output.warn(warning) }
      if let warning = task.warningOfUnread { output.warn(warning) }
    }
    let result = try evaluation.run(model, on: given) {
      display.show($0, "examples")
    }
    display.finish()
    output.show(result, of: work)
    try thresholds.check(
      result, force: force, "--min-accuracy",
      minAccuracy.map { .least($0, of: "accuracy", result.meanAccuracy, digits: 4) })
  }

  /// The tasks with their baselines, and a warning that names those without.
  private func readTasks() throws -> [FewShotTask] {
    var read = try FewShotTask.tasks(at: tasks.split(separator: ",").map(String.init))
    guard let baselines else { return read }
    let without = try RandomBaselines(path: baselines).apply(to: &read)
    guard without.count < read.count else {
      throw EvaluationError.questions(
        file: baselines, problem: "it has no baseline of \(without.joined(separator: ", "))")
    }
    if !without.isEmpty {
      output.warn(
        "\(baselines): no baseline of \(without.joined(separator: ", ")), whose chance is taken"
          + " from the number of choices")
    }
    return read
  }
}
