import ArgumentParser
import Checkpoints
import Evaluation
import Reports
import Vocabulary

struct Tokenize: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokenize",
    abstract: "Print the token ids of a text.",
    usage: "ropeconv tokenize <model> [<options>]",
    discussion: HelpText.discussion(
      examples: "echo -n 'Hello world' | ropeconv tokenize model.gguf --text -"))

  @OptionGroup var operand: OneModel

  @Option(
    name: ShortName.text.names,
    help: ArgumentHelp("The text; - is standard input.", valueName: "file|-"))
  var text = "-"

  @Flag(help: "Add no BOS or EOS and read special tokens in the text as ordinary characters.")
  var plain = false

  @OptionGroup var output: OutputOptions

  func run() throws {
    let path = operand.path(output)
    let checkpoint = try Checkpoint.open(path)
    guard let tokenizer = try Tokenizer.load(from: checkpoint) else {
      throw EvaluationError.noTokenizer(file: path)
    }
    let bytes = try TokenizedText.read(text)
    let ids = try tokenizer.encode(
      bytes, addSpecial: !plain, parseSpecial: !plain, threads: output.threads)
    TokenizerNotes.tell(of: bytes, named: text, as: ids, by: tokenizer)
    try checkpoint.checkUnchanged()
    output.show(
      [
        "kind": "tokenize", "model": .string(path),
        "tokens": .array(ids.map { .integer(Int64($0)) }),
      ],
      Format.ids(ids))
  }
}
