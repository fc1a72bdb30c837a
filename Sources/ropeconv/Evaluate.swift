import ArgumentParser
import Checkpoints
import Evaluation
import Foundation
import Reports

struct Evaluate: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "eval", abstract: "Score a model on a text.",
    discussion: "Example: ropeconv eval perplexity model.gguf --text wiki.test.txt",
    subcommands: [EvaluatePerplexity.self])
}

struct EvaluatePerplexity: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "perplexity", abstract: "Perplexity of a model on a text.",
    discussion: """
      Example: ropeconv eval perplexity model.gguf --text wiki.test.txt --ctx 512 --chunks 32
               ropeconv eval perplexity model.gguf --text wiki.test.txt --sites qkvo --value-pairs 16
      """)

  @Argument(help: "A .gguf file, a .safetensors file with config.json beside it, or a folder.")
  var model: String

  @OptionGroup(title: "Text") var text: TextOptions
  @OptionGroup(title: "Chunks") var window: WindowOptions
  @OptionGroup(title: "Variant") var variant: VariantOptions

  @Option(
    help: ArgumentHelp(
      "Write one float32 per scored target (nats) as a NumPy file.", valueName: "out.npy"))
  var nll: String?

  @Option(help: ArgumentHelp("Exit with 1 where the perplexity is above X.", valueName: "x"))
  var maxPpl: Double?

  @Option(help: ArgumentHelp("Score only chunks c with c mod N + 1 = I.", valueName: "i/n"))
  var shard: String?

  @OptionGroup var output: OutputOptions

  func run() throws {
    let model = try Model(opening: model)
    let request = try variant.request(for: model.plan)
    let text = try TokenizedText(text.required(), for: model)
    let evaluation = PerplexityEvaluation(
      windows: window.plan(default: .secondHalf, shard: try Shard.parse(shard)), rotary: request,
      start: window.start, batch: try window.batch(for: model.plan, threads: output.threads),
      threads: output.threads)
    let display = ProgressDisplay(quiet: output.quiet)
    let result = try evaluation.run(model, on: text) { progress in
      let rate = progress.tokens / max(display.elapsed, 1e-9)
      let running = progress.perplexity.map { "  perplexity \(Format.fixed($0, 4))" } ?? ""
      display.show(
        progress.tokens / Double(max(progress.totalTokens, 1)),
        "\(Format.fixed(rate, 0)) tokens/s\(running)")
    }
    display.finish()
    if let nll { try NumPyFile.write(result.values, to: nll) }
    output.show(
      result.json(compute: "f32", peakBytes: ProcessMemory.peakBytes),
      result.text(compute: "f32", peakBytes: ProcessMemory.peakBytes))
    if let maxPpl, !(result.perplexity <= maxPpl) {
      throw ThresholdMissed(
        reason: "perplexity \(Format.fixed(result.perplexity, 4)) is above --max-ppl "
          + Format.general(maxPpl))
    }
  }
}

/// `--shard I/N`.
enum Shard {
  static func parse(_ text: String?) throws(EvaluationError) -> (Int, Int) {
    guard let text else { return (1, 1) }
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) }
    guard parts.count == 2, let index = parts[0], let count = parts[1] else {
      throw .usage("--shard is '\(text)', expected I/N such as 1/4")
    }
    return (index, count)
  }
}
