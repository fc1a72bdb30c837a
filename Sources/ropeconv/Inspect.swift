import ArgumentParser
import Checkpoints
import Evaluation
import Reports
import Vocabulary

struct Inspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract:
      "Show a checkpoint's architecture, rotary sites and frequencies, types and tokenizer.",
    usage: "ropeconv inspect <model> [<options>]",
    discussion: HelpText.discussion(
      examples: "ropeconv inspect SmolLM2-135M-Instruct.Q4_1.gguf --tensors",
      "ropeconv inspect HuggingFaceTB/SmolLM2-135M"))

  @OptionGroup var operand: OneModel

  @Flag(help: "List every tensor with type, shape and size.")
  var tensors = false

  @OptionGroup(title: "Models") var opening: ModelOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    let path = operand.path(output)
    if let header = HeaderInspection(try Checkpoint.open(path)) {
      return output.show(header.json(), header.text())
    }
    let model = try opening.open(path, output)
    try Tokenizer.check(model.checkpoint)
    let inspection = Inspection(model.plan, listsTensors: tensors)
    output.show(inspection.json(), inspection.text(), namesDataFiles: false)
  }
}
