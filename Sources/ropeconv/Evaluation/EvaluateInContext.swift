import ArgumentParser
import Evaluation
import Foundation
import Reports

struct EvaluateInContext: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "icl", abstract: "Few-shot tasks in the format of the CORE bundle.",
    discussion: """
      A task is a file of JSON lines: query, choices, gold; context_options, continuation, gold; or
      context, continuation.
      Example: ropeconv eval icl model.gguf --tasks copa.jsonl,lambada.jsonl --shots 3
      """)

  @Argument(help: modelHelp)
  var model: String

  @Option(
    help: ArgumentHelp(
      "Files of tasks, or folders of .jsonl files.", valueName: "file|dir,..."))
  var tasks: String

  @Option(help: ArgumentHelp("Solved examples before each.", valueName: "n"))
  var shots = 0

  @Option(help: ArgumentHelp("Only the first N examples of each task.", valueName: "n"))
  var examples: Int?

  @Option(help: ArgumentHelp("Seed of the choice of shots.", valueName: "s"))
  var seed: UInt64 = 1234

  @Option(help: ArgumentHelp("What stands between context and continuation.", valueName: "text"))
  var delimiter = " "

  @OptionGroup(title: "Variant") var variant: VariantOptions
  @OptionGroup(title: "Work") var work: WorkOptions
  @OptionGroup(title: "Long runs") var longRun: RunOptionsGroup

  @Option(
    help: ArgumentHelp(
      "Exit with 1 where the mean accuracy over tasks is below X (0 to 1).", valueName: "x"))
  var minAccuracy: Double?

  @Flag(help: "Replace an existing --junit file.")
  var force = false

  @OptionGroup(title: "Thresholds") var thresholds: ThresholdOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    try refuseUnused()
    var files = CallFiles(models: model)
    for path in tasks.split(separator: ",") { files.read(String(path), orFilesEnding: ".jsonl") }
    files.write(longRun, thresholds, force: force)
    try files.check()
    let model = try Model(opening: model)
    try variant.refuseUnused(in: [model.plan])
    var evaluation = InContextEvaluation(
      shots: shots, seed: seed, limit: examples, delimiter: delimiter,
      rotary: try variant.request(for: model.plan, warning: output),
      options: try work.options(longRun, threads: output.threads))
    let display = ProgressDisplay(quiet: output.quiet)
    var isWarned = false
    evaluation.onLength = { [rotary = evaluation.rotary] length in
      guard !isWarned else { return }
      isWarned = output.warn(model, beyond: length, rotary: rotary)
    }
    let result = try evaluation.run(
      model, on: paths().map { try InContextTask(path: $0) }
    ) { display.show($0, "examples") }
    display.finish()
    output.show(
      result.json(peakBytes: ProcessMemory.peakBytes),
      work.stating(result.text(peakBytes: ProcessMemory.peakBytes)))
    let accuracy = result.tasks.reduce(0) { $0 + $1.accuracy } / Double(result.tasks.count)
    try thresholds.check(
      "eval icl", force: force,
      minAccuracy.map { limit in
        let missed = "accuracy \(Format.fixed(accuracy, 4)) is below --min-accuracy "
        return [("--min-accuracy", accuracy >= limit ? nil : missed + Format.general(limit))]
      } ?? [])
  }

  private func paths() throws -> [String] {
    try tasks.split(separator: ",").map(String.init).flatMap { path -> [String] in
      var isFolder: ObjCBool = false
      guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder),
        isFolder.boolValue
      else { return [path] }
      return try FileManager.default.contentsOfDirectory(atPath: path)
        .filter { $0.hasSuffix(".jsonl") }.sorted().map { "\(path)/\($0)" }
    }
  }
}
