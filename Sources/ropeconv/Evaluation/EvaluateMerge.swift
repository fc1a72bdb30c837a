import ArgumentParser
import Base
import Checkpoints
import Evaluation
import Reports

struct EvaluateMerge: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "merge", abstract: "One result from the shards of an evaluation.",
    discussion: """
      Shards are the JSON of runs with --shard I/N --json; the result has the digits of one run.
      Example: ropeconv eval merge shard1.json shard2.json --json > all.json
      """)

  @Argument(help: "Results of shards, in any order.")
  var shards: [String]

  @OptionGroup var output: OutputOptions

  func run() throws {
    let parts = try shards.map { path in
      let json = try JSONValue.parse(TokenizedText.read(path), file: path)
      // What was said of a shard holds for the whole.
      for warning in json["warnings"]?.array ?? [] { warning.string.map(output.warn) }
      return (file: path, record: try EvaluationRecord(json, file: path))
    }
    let record = try EvaluationRecord.merge(parts)
    let file = shards.first ?? ""
    let peak = ProcessMemory.peakBytes
    switch record.kind {
    case PerplexityResult.kind:
      let result = try PerplexityResult(record, file: file)
      output.show(result.json(peakBytes: peak), result.text(peakBytes: peak))
    case NeedleResult.kind:
      let result = try NeedleResult(record, file: file)
      output.show(
        result.json(peakBytes: peak), result.text(peakBytes: peak, color: .current))
    case RulerResult.kind:
      let result = try RulerResult(record, file: file)
      output.show(result.json(peakBytes: peak), result.text(peakBytes: peak))
    case InContextResult.kind:
      let result = try InContextResult(record, file: file)
      output.show(result.json(peakBytes: peak), result.text(peakBytes: peak))
    case ComparisonResult.kind:
      let result = try ComparisonResult(record, file: file)
      output.show(result.json(peakBytes: peak), result.text(peakBytes: peak))
    default:
      throw EvaluationError.record(file: file, problem: "'\(record.kind)' cannot be merged")
    }
  }
}
