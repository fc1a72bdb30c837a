import ArgumentParser
import Base
import Checkpoints
import Reports

/// Prompts of an evaluation in the place of its result: to be seen, or to be run elsewhere.
struct PromptOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Write the prompts, one JSON object a line with the fields of RULER's files, and evaluate"
        + " nothing.", valueName: "out.jsonl"))
  var prompts: String?

  /// Writes a line for every place, which `prompt` makes; `inputs` are files that must not be the
  /// output.
  func write<Place>(
    _ places: [Place], to path: String, force: Bool, inputs: [String], _ output: OutputOptions,
    prompt: (Place) throws -> JSONValue
  ) throws {
    let display = ProgressDisplay(quiet: output.quiet)
    var done = 0
    let bytes = try WholeFile.write(to: path, force: force, inputs: inputs) {
      guard done < places.count else { return nil }
      let line = try prompt(places[done]).serialized(pretty: false) + "\n"
      done += 1
      display.show(Double(done) / Double(places.count), counted(done, "prompt"))
      return Array(line.utf8)
    }
    display.finish()
    output.show(
      .object([
        "kind": "prompts", "output": .string(path), "bytes": JSONValue(bytes),
        "prompts": JSONValue(places.count),
      ]), "\(path)  \(Format.bytes(bytes)), \(counted(places.count, "prompt"))")
  }
}
