import ArgumentParser
import Base
import Checkpoints
import Reports

struct Diff: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "List metadata, tensors and tokenizer files in which two checkpoints differ.",
    usage: "ropeconv diff <one> <other> [<options>]",
    discussion: HelpText.discussion(
      "Both are GGUF, or both safetensors (convert one where they are not). Numbers "
        + "of different types are compared after decoding. Exit code 1 where anything "
        + "differs.",
      examples: "ropeconv diff model.gguf model.rove.gguf"))

  @OptionGroup var operands: TwoModels

  @OptionGroup var output: OutputOptions

  func validate() throws { try operands.checkBoth() }

  func run() throws {
    let (one, other) = operands.both(output)
    let (a, b) = (try opened(one), try opened(other))
    // Where an archive states sums: before a comparison that could be for nothing.
    for checkpoint in [a, b] {
      try LongPhase.run("hashing \(checkpoint.path)") { try checkpoint.checkSums() }
    }
    let display = ProgressDisplay(quiet: output.quiet)
    let difference = try CheckpointDifference(a, b, threads: output.threads) {
      display.show($0, "comparing tensors")
    }
    display.finish()
    for checkpoint in [a, b] { try checkpoint.checkUnchanged() }
    output.show(difference.json(one, other), difference.text())
    if !difference.isEmpty {
      throw ThresholdMissed(reason: difference.counts)
    }
  }

  private func opened(_ path: String) throws -> Checkpoint {
    try LongPhase.run("opening \(path)") { try Checkpoint.open(path) }
  }
}
