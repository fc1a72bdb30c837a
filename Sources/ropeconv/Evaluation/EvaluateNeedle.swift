import ArgumentParser
import Base
import Checkpoints
import Evaluation
import Foundation
import Reports

extension NeedleEvaluation.Mode: ExpressibleByArgument {}
extension NeedleEvaluation.Passages: ExpressibleByArgument {}

extension NeedleResult: CommandedResult {
  static var command: any ParsableCommand.Type { EvaluateNeedle.self }
}

struct EvaluateNeedle: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "needle", abstract: "Needle in a haystack: retrieval by length and depth.",
    usage: "ropeconv eval needle <model> [--haystack <dir|file>] [<options>]",
    discussion: HelpText.discussion(
      "A cell's accuracy is exact greedy match, from one forward pass per trial.",
      examples: "ropeconv eval needle model.gguf --haystack essays/ --lengths 512,1024,2048 "
        + "--svg n.svg"))

  @OptionGroup var operand: OneModel

  @Option(
    help: ArgumentHelp(
      "Text to hide needles in: a file, or a folder of .txt files in the order of their names."
        + " (default: the template's)",
      valueName: "dir|file"))
  var haystack: String?

  @Option(help: ArgumentHelp("Tokens of prompt and answer.", valueName: "n,n,..."))
  var lengths = "512,1024,2048,4096"

  @Option(help: ArgumentHelp("Percent of the haystack before the needle.", valueName: "p,p,..."))
  var depths = "0,25,50,75,100"

  @Option(help: ArgumentHelp("Trials of every cell, each with a key and value of its own."))
  var trials = 5

  @Option(
    help: ArgumentHelp(
      "own: each trial in a passage of its own, the same at all depths; one: all trials at the beginning"
        + " of the haystack, which is faster.",
      valueName: "kind"))
  var passages = NeedleEvaluation.Passages.own

  @Option(help: ArgumentHelp("Seed of keys, values and passages.", valueName: "s"))
  var seed: UInt64 = 42

  @Option(
    help: ArgumentHelp(
      "pass: exact matches from one forward pass; generate: by greedy decoding, which is slower.",
      valueName: "mode"))
  var mode = NeedleEvaluation.Mode.pass

  @OptionGroup var prompts: PromptOptions

  @OptionGroup(title: "Template") var template: NeedleTemplateOptions
  @OptionGroup(title: "Models") var opening: ModelOptions
  @OptionGroup(title: "Variant") var variant: VariantOptions
  @OptionGroup(title: "Work") var work: WorkOptions
  @OptionGroup(title: "Long runs") var longRun: LongRunOptions

  @Option(help: ArgumentHelp("Write the heat map as a picture.", valueName: "file"))
  var svg: String?

  @Option(help: ArgumentHelp("Write a page with the heat maps.", valueName: "file"))
  var html: String?

  @Option(help: ArgumentHelp("Exit with 1 where the accuracy is below X (0 to 1).", valueName: "x"))
  var minAccuracy: Double?

  @Flag(help: "Replace existing --svg, --html, --prompts and --junit files.")
  var force = false

  @OptionGroup(title: "Thresholds") var thresholds: ThresholdOptions
  @OptionGroup var output: OutputOptions

  func validate() throws { try ThresholdOptions.checkShare(minAccuracy, "--min-accuracy") }

  func run() throws {
    try refuseUnused()
    try longRun.refuseInShard("--min-accuracy")
    let (texts, path) = try template.read(haystack: haystack)
    let place = operand.path(output)
    var files = CallFiles(models: place)
    try files.read(opening.folder, orFilesOf: .dataFiles)
    try files.read(path, orFilesOf: .texts)
    files.read(template.template)
    files.write(svg, "--svg", force: force)
    files.write(html, "--html", force: force)
    files.write(prompts.prompts, "--prompts", force: force)
    files.write(longRun, thresholds, force: force)
    try files.check()
    let model = try opening.open(place, output)
    try variant.refuseUnused(in: [model.plan])
    let text = try Haystack(path: path, isGiven: haystack != nil)
    var evaluation = NeedleEvaluation(
      template: texts, lengths: try NumberList.whole(lengths, option: "--lengths"),
      depths: try NumberList.numbers(depths, option: "--depths"), trials: trials, seed: seed,
      chat: try ChatFormat.named(template.chat, for: model),
      rotary: try variant.request(for: model.plan, warning: output),
      options: try work.options(longRun, threads: output.threads))
    for note in try evaluation.chat?.notes(for: model) ?? [] { output.warn(note) }
    evaluation.mode = mode
    evaluation.passages = passages
    if let file = prompts.prompts {
      let made = try evaluation.prompts(model, in: text)
      return try prompts.write(
        Array(0..<made.count), to: file, force: force,
        inputs: files.inputs, output, prompt: made.json(at:))
    }
    output.warn(model, beyond: evaluation.lengths.max() ?? 0, rotary: evaluation.rotary)
    let display = ProgressDisplay(quiet: output.quiet)
    let result = try evaluation.run(model, in: text) { share, accuracy in
      let running = accuracy.map { "accuracy \(Format.fixed(100 * $0, 1)) %" } ?? ""
      display.show(share, running)
    }
    display.finish()
    if let warning = result.placeWarning { output.warn(warning) }
    if let svg {
      _ = try WholeFile.write(
        Array(result.heatMap().svg().utf8), to: svg, force: force, inputs: files.inputs)
    }
    if let html {
      let page = ReportPage(
        results: [
          try ResultFile(
            name: model.checkpoint.path, json: result.json(peakBytes: ProcessMemory.peakBytes))
        ])
      _ = try WholeFile.write(
        Array(try page.html().utf8), to: html, force: force, inputs: files.inputs)
    }
    output.show(result, of: work)
    try thresholds.check(
      result, force: force, "--min-accuracy",
      minAccuracy.map { .least($0, of: "accuracy", result.accuracy, digits: 4) })
  }
}

/// What is hidden and asked.
struct NeedleTemplateOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "JSON with needle, question, begin, answer, keys, value_minimum, value_maximum, haystack.",
      valueName: "file"))
  var template: String?

  @Option(help: ArgumentHelp("The hidden sentence, with {key} and {value}.", valueName: "text"))
  var needle: String?

  @Option(
    help: ArgumentHelp(
      "The question, with {key}; in a chat it is the user's turn, and the reply begins with the answer.",
      valueName: "text"))
  var question: String?

  @Option(help: ArgumentHelp("What must follow the question, with {value}.", valueName: "text"))
  var answer: String?

  @Option(
    help: ArgumentHelp(
      "Chat format: none, auto (the checkpoint's), \(ChatFormat.names).",
      valueName: "name"))
  var chat = "none"

  /// The template and the haystack's path; a template's own haystack stands beside it.
  func read(haystack: String?) throws -> (NeedleTemplate, String) {
    var texts = NeedleTemplate()
    var beside: String?
    if let template {
      let json = try InputFile(template, .template).json()
      texts = try NeedleTemplate(json, file: template)
      if haystack == nil { beside = try NeedleTemplate.haystack(of: json, file: template) }
    }
    if let needle { texts.needle = needle }
    if let question {
      texts.question = question
      texts.begin = ""
    }
    if let answer { texts.answer = answer }
    do { try texts.check(file: "") } catch {
      throw UsageError("--needle and --answer need {value} in them")
    }
    try texts.checkLength(file: template ?? "")
    guard let path = haystack ?? beside else {
      throw UsageError(
        "a text to hide needles in is needed: --haystack DIR|FILE, or a --template that names one")
    }
    return (texts, path)
  }
}

/// Lists of numbers on the command line.
enum NumberList {
  /// What `numbers` takes, in an error's words.
  static let anyNumbers = "numbers such as 0,50,100"
  /// What `whole` takes.
  static let wholeNumbers = "whole numbers such as 512,1024"

  static func numbers(
    _ text: String, option: String, expected: String = NumberList.anyNumbers
  ) throws(UsageError) -> [Double] {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false).map { Double($0) }
    let numbers = parts.compactMap { $0 }.filter(\.isFinite)
    guard numbers.count == parts.count else {
      throw UsageError("\(option) is '\(text)', expected \(expected)")
    }
    guard Set(numbers).count == numbers.count else {
      throw UsageError("\(option) is '\(text)', expected each number once")
    }
    return numbers
  }

  static func whole(_ text: String, option: String) throws(UsageError) -> [Int] {
    let expected = wholeNumbers
    let numbers = try numbers(text, option: option, expected: expected).compactMap {
      Int(exactly: $0)
    }
    guard numbers.count == text.split(separator: ",").count,
      numbers.allSatisfy({ (1...(1 << 30)).contains($0) })
    else { throw UsageError("\(option) is '\(text)', expected \(expected)") }
    return numbers
  }
}
