import ArgumentParser
import Checkpoints
import Evaluation
import Reports
import Vocabulary

struct Tokenize: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Print the token ids of a text.",
    discussion: "Example: echo -n 'Hello world' | ropeconv tokenize model.gguf --text -")

  @Argument(help: "A checkpoint with a tokenizer.")
  var model: String

  @Option(help: ArgumentHelp("The text; - (the default) is standard input.", valueName: "file|-"))
  var text = "-"

  @Flag(help: "Add no BOS or EOS and read special tokens in the text as ordinary characters.")
  var plain = false

  @OptionGroup var output: OutputOptions

  func run() throws {
    let checkpoint = try Checkpoint.open(model)
    guard let tokenizer = try Tokenizer.load(from: checkpoint) else {
      throw EvaluationError.noTokenizer(file: model)
    }
    let bytes = try TokenizedText.read(text)
    let ids = try tokenizer.encode(
      bytes, addSpecial: !plain, parseSpecial: !plain, threads: output.threads)
    TokenizerNotes.tell(of: bytes, named: text, as: ids, by: tokenizer)
    try checkpoint.checkUnchanged()
    output.show(
      [
        "kind": "tokenize", "model": .string(model),
        "tokens": .array(ids.map { .integer(Int64($0)) }),
      ],
      Format.ids(ids))
  }
}
