import ArgumentParser
import Evaluation
import Reports
import Vocabulary

struct Inspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract:
      "Show a checkpoint's architecture, rotary sites and frequencies, types and tokenizer.",
    discussion: "Example: ropeconv inspect SmolLM2-135M-Instruct.Q4_1.gguf --tensors")

  @Argument(help: modelHelp)
  var model: String

  @Flag(help: "List every tensor with type, shape and size.")
  var tensors = false

  @OptionGroup var output: OutputOptions

  func run() throws {
    let model = try Model(opening: model)
    try Tokenizer.check(model.checkpoint)
    if let ignored = model.plan.ignoredStatement { output.warn(ignored) }
    let inspection = Inspection(model.plan, listsTensors: tensors)
    output.show(inspection.json(), inspection.text())
  }
}
