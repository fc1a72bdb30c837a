import ArgumentParser
import Checkpoints
import Evaluation
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
    output.show(
      [
        "kind": "tokenize", "model": .string(model),
        "tokens": .array(ids.map { .integer(Int64($0)) }),
      ],
      Self.text(ids))
  }

  /// Decimal numbers with spaces between them.
  static func text(_ ids: [Int32]) -> String {
    var text: [UInt8] = []
    text.reserveCapacity(6 * ids.count)
    var digits: [UInt8] = []
    for id in ids {
      if !text.isEmpty { text.append(0x20) }
      var rest = id.magnitude
      repeat {
        digits.append(UInt8(truncatingIfNeeded: rest % 10) + 0x30)
        rest /= 10
      } while rest > 0
      while let digit = digits.popLast() { text.append(digit) }
    }
    return String(decoding: text, as: UTF8.self)
  }
}
