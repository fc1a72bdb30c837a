import ArgumentParser
import Base
import Checkpoints
import Evaluation
import Foundation
import Reports

struct Generate: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate",
    abstract: "Continue a prompt, to see what a model says.",
    usage: "ropeconv generate <model> --prompt <text> [<options>]",
    discussion: HelpText.discussion(
      "The text of one prompt is printed as it is made. Several prompts are continued "
        + "side by side; each gets the tokens that it gets alone.",
      examples: "ropeconv generate model.rove.gguf --prompt 'The capital of France is'",
      "ropeconv generate model.gguf --chat auto --prompt 'Why is the sky blue?' "
        + "--temperature 0.8"))

  @OptionGroup var operand: OneModel

  @Option(help: ArgumentHelp("Text to continue; may be repeated.", valueName: "text"))
  var prompt: [String] = []

  @Option(
    help: ArgumentHelp(
      "File whose whole text is a prompt; may be repeated; - is standard input.",
      valueName: "file|-"))
  var promptFile: [String] = []

  @Option(
    help: ArgumentHelp(
      "Chat format: none, auto (the checkpoint's), \(ChatFormat.names).",
      valueName: "name"))
  var chat = "none"

  @Option(help: ArgumentHelp("The most tokens after a prompt.", valueName: "n"))
  var maxTokens = 128

  @Option(
    help: ArgumentHelp(
      "Stop at this text, which is no part of the result; may be repeated.", valueName: "text"))
  var until: [String] = []

  @Option(
    help: ArgumentHelp(
      "0 takes the most likely token; more draws tokens from logits divided by T.",
      valueName: "t"))
  var temperature = 0.0

  @Option(
    help: ArgumentHelp(
      "Draw only from the likeliest tokens that together have this share of the probability.",
      valueName: "p"))
  var topP = 1.0

  @Option(help: ArgumentHelp("Seed of the drawing.", valueName: "s"))
  var seed: UInt64 = 0

  @OptionGroup(title: "Models") var opening: ModelOptions
  @OptionGroup(title: "Variant") var variant: VariantOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    try refuseUnused()
    let path = operand.path(output)
    var files = CallFiles(models: path)
    try files.read(opening.folder, orFilesOf: .dataFiles)
    for path in promptFile { files.read(path) }
    try files.check()
    let texts =
      try prompt
      + promptFile.map { path in
        String(decoding: try TokenizedText.readText(path), as: UTF8.self)
      }
    guard !texts.isEmpty else {
      throw UsageError("a prompt is needed: --prompt TEXT or --prompt-file FILE")
    }
    guard !until.contains("") else {
      throw UsageError("--until is empty: expected a text to stop at")
    }
    let model = try opening.open(path, output)
    try variant.refuseUnused(in: [model.plan])
    let generation = TextGeneration(
      maximum: maxTokens, temperature: temperature, topP: topP, seed: seed, until: until,
      chat: try ChatFormat.named(chat, for: model),
      rotary: try variant.request(for: model.plan, warning: output),
      options: RunOptions(threads: output.threads))
    let prompts = try generation.prompts(texts, for: model)
    warn(of: prompts, generation, model)
    for note in try generation.chat?.notes(for: model) ?? [] { output.warn(note) }
    if output.threads > 1, output.json || model.checkpoint.statesSums { model.digest.begin() }
    let streams = !output.json && prompts.count == 1
    // What is printed while it is made cannot be taken back.
    if streams { try model.checkRead() }
    let display = ProgressDisplay(quiet: output.quiet || streams)
    let result = try generation.run(prompts, model) { _, piece in
      !streams || StandardOutput.stream(piece)
    } progress: {
      display.show($0, "tokens")
    }
    display.finish()
    /// Where what was made is lost, that error is the last word.
    func say(_ line: String) { if !StandardOutput.isLost { output.note(line) } }
    if streams {
      StandardOutput.endStream()
      for line in UsedDataFiles.lines.split(separator: "\n") { say(String(line)) }
    } else if output.json {
      let json = result.json(
        of: try generation.identity(prompts, model), model: model.checkpoint.path,
        peakBytes: ProcessMemory.peakBytes)
      output.show(json, "")
    } else {
      output.show(.null, Self.text(of: result))
    }
    say(result.costText)
  }

  /// What surprises: the model's context, or its last position, ends before the text.
  private func warn(
    of prompts: [TextGeneration.Prompt], _ generation: TextGeneration, _ model: Model
  ) {
    let longest = prompts.map { $0.tokens.count + $0.maximum }.max() ?? 0
    output.warn(model, beyond: longest, rotary: generation.rotary)
    for (index, prompt) in prompts.enumerated() where prompt.maximum < maxTokens {
      output.warn(
        "prompt \(index + 1): after its \(prompt.tokens.count) tokens the model has positions for"
          + " \(prompt.maximum) of the \(maxTokens) asked for")
    }
  }

  /// Several texts, each below a line that names its prompt.
  private static func text(of result: GeneratedTexts) -> String {
    result.texts.enumerated().map { index, text in
      let length = counted(text.tokens.count, "token")
      let title = "==> prompt \(index + 1): \(length), \(text.end.words) <=="
      return "\(title)\n\(printableText(text.text))"
    }.joined(separator: "\n\n")
  }
}
