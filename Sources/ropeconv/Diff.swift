import ArgumentParser
import Checkpoints
import Reports

struct Diff: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List metadata and tensors in which two checkpoints differ.",
    discussion: """
      Both are GGUF, or both safetensors (convert one where they are not). Numbers of different \
      types are compared after decoding. Exit code 1 where anything differs.
      Example: ropeconv diff model.gguf model.rove.gguf
      """)

  @Argument(help: "The reference.")
  var one: String

  @Argument(help: "The checkpoint to hold against it.")
  var other: String

  @OptionGroup var output: OutputOptions

  func run() throws {
    let (a, b) = (try Checkpoint.open(one), try Checkpoint.open(other))
    let display = ProgressDisplay(quiet: output.quiet)
    let difference = try CheckpointDifference(a, b, threads: output.threads) {
      display.show($0, "comparing tensors")
    }
    display.finish()
    for checkpoint in [a, b] { try checkpoint.checkUnchanged() }
    output.show(difference.json(one, other), difference.text())
    if !difference.isEmpty {
      throw ThresholdMissed(
        reason: "\(difference.metadata.count) keys and \(difference.tensors.count) tensors differ")
    }
  }
}
