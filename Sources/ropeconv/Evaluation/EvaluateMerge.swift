import ArgumentParser
import Base
import Checkpoints
import Evaluation
import Reports

struct EvaluateMerge: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "merge", abstract: "Merge the shards of an evaluation into one result.",
    usage: "ropeconv eval merge <shards> ... [<options>]",
    discussion: HelpText.discussion(
      "Shards are the JSON of runs with --shard I/N --json; the result has the same digits as "
        + "one whole run.",
      examples: "ropeconv eval merge shard1.json shard2.json --json > all.json"))

  @Argument(help: "Results of shards, in any order.")
  var shards: [String]

  @OptionGroup var answers: AnswerOptions

  @Flag(help: "Replace an existing --output file.")
  var force = false

  @OptionGroup var output: OutputOptions

  func run() throws {
    try GivenOptions.all.refuseForceAlone()
    var files = CallFiles(models: [])
    for path in shards { files.read(path) }
    files.write(answers.output, "--output", force: force)
    try files.check()
    let parts = try shards.map { path in
      let json = try InputFile(path, .result).json()
      // What was said of a shard holds for the whole.
      for warning in json["warnings"]?.array ?? [] { warning.string.map(output.warn) }
      return (file: path, record: try EvaluationRecord(json, file: path))
    }
    let result = try EvaluationRecord.merge(parts).result(file: shards.first ?? "")
    try answers.write(result, force: force, inputs: files.inputs)
    output.show(result)
  }
}
