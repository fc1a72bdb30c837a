import ArgumentParser
import Base
import Evaluation
import Foundation
import Models
import Reports
import Rotary
import Tensors

/// Options of every command.
struct OutputOptions: ParsableArguments {
  @Flag(help: "Print one JSON object, and nothing else, on standard output.")
  var json = false

  @Flag(help: "No progress and no warnings.")
  var quiet = false

  @Option(
    name: ShortName.threads.names,
    help: ArgumentHelp("Threads to use; results do not depend on it.", valueName: "n"))
  var threads: Int = ProcessInfo.processInfo.activeProcessorCount

  func validate() throws {
    guard threads >= 1, threads <= 1024 else {
      throw ValidationError("--threads is \(threads), expected a number from 1 to 1024")
    }
  }

  func warn(_ text: String) {
    if Warnings.keep(text), !quiet { Failure.line(text, prefix: "ropeconv: warning: ") }
  }

  /// A line about the work as it goes on, on standard error.
  func note(_ text: String) {
    if !quiet { Failure.line(text, prefix: "ropeconv: ") }
  }

  /// Prints a result: JSON where asked for, else the text; with the user's data files that models
  /// were read by, unless the text names them itself.
  func show(
    _ json: @autoclosure () -> JSONValue, _ text: @autoclosure () -> String,
    namesDataFiles: Bool = true
  ) {
    guard !self.json else {
      let result = UsedDataFiles.added(to: Warnings.added(to: json()))
      return StandardOutput.write(result)
    }
    let text = text() + (namesDataFiles ? UsedDataFiles.lines : "")
    StandardOutput.write(
      TerminalLine.outputColumns.map { Format.wrapped(lines: text, columns: $0) } ?? text)
  }
}

/// The text to score.
struct TextOptions: ParsableArguments {
  @Option(
    name: ShortName.text.names,
    help: ArgumentHelp(
      "Text to score, tokenized once as a whole; - is standard input.", valueName: "file|-"))
  var text: String?

  @Option(
    help: ArgumentHelp("Token ids to score instead of a text: a JSON list.", valueName: "ids.json"))
  var tokens: String?

  func validate() throws {
    guard text == nil || tokens == nil else {
      throw ValidationError("--text and --tokens exclude each other")
    }
  }

  var source: TextSource? {
    text.map { .text(path: $0) } ?? tokens.map { .tokens(path: $0) }
  }

  func required() throws -> TextSource {
    guard let source else {
      throw UsageError("a text is needed: --text FILE or --tokens IDS.json")
    }
    return source
  }
}

extension ScoredTargets: ExpressibleByArgument {}

/// How a text is cut into chunks.
struct WindowOptions: ParsableArguments {
  @Option(
    name: ShortName.ctx.names,
    help: ArgumentHelp("Tokens of a chunk, each scored alone.", valueName: "n"))
  var ctx = 512

  @Option(
    help: ArgumentHelp(
      "Only the first N chunks. (default: all; convert: \(Convert.defaultChunks))", valueName: "n"))
  var chunks: Int?

  @Option(
    help: ArgumentHelp(
      "Which targets to score: second-half, as llama-perplexity does, or all."
        + " (default: second-half; verify: all)",
      valueName: "which"))
  var score: ScoredTargets?

  @Option(
    help: ArgumentHelp(
      "Sliding windows starting at multiples of S, every target scored once.", valueName: "s"))
  var stride: Int?

  @Option(help: ArgumentHelp("Position of a chunk's first token.", valueName: "pos"))
  var start = 0

  func validate() throws {
    if stride != nil, score != nil {
      throw ValidationError("--score has no effect: --stride scores every target once")
    }
  }

  func plan(default scored: ScoredTargets) -> WindowPlan {
    WindowPlan(
      context: ctx, limit: chunks, scored: stride == nil ? score ?? scored : .all, stride: stride)
  }
}

/// How an evaluation computes, and in how much memory.
struct WorkOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Arithmetic of matrix products: f32, bf16, or auto: bf16 where that is faster on this CPU.",
      valueName: "type"))
  var compute = "auto"

  @Option(
    help: ArgumentHelp(
      "Chunks or trials computed at the same time; never changes a digit.", valueName: "n"))
  var batch: Int?

  @Option(help: ArgumentHelp("A memory cap such as 4G that chooses the batch.", valueName: "size"))
  var memory: String?

  func validate() throws {
    guard compute == "auto" || Arithmetic(rawValue: compute) != nil else {
      throw ValidationError("--compute is '\(compute)', expected auto, f32 or bf16")
    }
    if let batch, batch < 1 { throw ValidationError("--batch is \(batch), expected at least 1") }
    if batch != nil, memory != nil {
      throw ValidationError("--batch and --memory exclude each other")
    }
  }

  /// What an evaluation is run with; `fastest` is what `auto` stands for.
  func options(
    _ longRun: LongRunOptions? = nil, threads: Int, auto fastest: Arithmetic = .fastest
  ) throws -> RunOptions {
    RunOptions(
      shard: try longRun?.shard.map { try Shard(parsing: $0) } ?? .whole,
      state: try longRun?.state.map { try StateFile($0) }, threads: threads, batch: batch,
      memory: try memory.map { try ByteSize.parse($0, option: "--memory") },
      arithmetic: Arithmetic(rawValue: compute) ?? fastest)
  }
}

/// How a long evaluation is shared out and kept.
struct LongRunOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Evaluate part I of N (every Nth chunk or trial); see 'eval merge'."
        + " (default: 1/1)",
      valueName: "i/n"))
  var shard: String?

  @Option(
    help: ArgumentHelp(
      "Append finished chunks or trials to a file; a run that was stopped continues from it.",
      valueName: "file"))
  var state: String?

  @Flag(
    name: ShortName.verbose.names,
    help: "Print the result of each chunk or trial on standard error as it finishes.")
  var verbose = false

  /// Whether the flag is among a command line's arguments.
  static func isVerbose(_ arguments: [String]) -> Bool {
    GivenOptions(arguments).contains("--verbose")
  }

  func validate() throws {
    if verbose, GivenOptions.all.contains("--quiet") {
      throw ValidationError("--quiet and --verbose exclude each other")
    }
  }

  /// Refuses what judges an evaluation where this call evaluates a shard of it: what is true of some
  /// units may be false of all. `--junit` is refused beside the thresholds.
  /// - Throws: `UsageError` for the first option that was given; `EvaluationError` where `--shard`
  ///   names none.
  func refuseInShard(_ thresholds: String...) throws {
    guard let part = try shard.map({ try Shard(parsing: $0) }), part.isPart else { return }
    if let option = (thresholds + ["--junit"]).first(where: { GivenOptions.all.contains($0) }) {
      throw UsageError(
        "\(option) is for a whole evaluation, not for a shard of it: 'eval merge' puts shards"
          + " together")
    }
  }
}

/// Sizes such as 4G or 512M on the command line.
enum ByteSize {
  static func parse(_ text: String, option: String) throws(UsageError) -> Int {
    let units: [Character: Int] = ["K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40]
    let upper = text.uppercased()
    let unit = upper.last.flatMap { units[$0] }
    guard let number = Double(unit == nil ? upper : String(upper.dropLast())), number > 0,
      number * Double(unit ?? 1) < 1e18
    else {
      throw UsageError("\(option) is '\(text)', expected a number with K, M, G or T, such as 4G")
    }
    return Int(number * Double(unit ?? 1))
  }
}

/// Which value pairs turn, and how fast.
struct ValueRotationOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Rotate only the N slowest value pairs; a list gives one N per layer. (default: all)",
      valueName: "n|n,n,...|all"))
  var valuePairs: String?

  @Option(
    help: ArgumentHelp(
      "Frequency base of the values. (default: the scores')", valueName: "b"))
  var valueBase: Double?

  func validate() throws {
    guard let valueBase, !(valueBase.isFinite && valueBase > 0) else { return }
    throw ValidationError("--value-base is \(valueBase), expected a finite number above 0")
  }

  /// One count for every layer, or a list with one per layer; both nil where nothing is asked for.
  /// The model may have stored fewer pairs than `all`.
  func pairs(for plan: ModelPlan) throws -> (all: Int?, byLayer: [Int]?) {
    guard let text = valuePairs else { return (nil, nil) }
    if text == "all" {
      let pairs = plan.rotary.layers.map(\.pairs)
      return pairs.agreed.map { ($0, nil) } ?? (nil, pairs)
    }
    let numbers = try Self.counts(text)
    return numbers.count == 1 ? (numbers[0], nil) : (nil, numbers)
  }

  /// The counts of a text other than `all`: one, or one per layer.
  static func counts(_ text: String) throws(UsageError) -> [Int] {
    let counts = text.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
    guard counts.allSatisfy({ $0 ?? -1 >= 0 }) else {
      throw UsageError(
        "--value-pairs is '\(text)', expected a number, one per layer (8,8,16), or all")
    }
    return counts.compactMap { $0 }
  }
}

/// The variant to score a model as.
struct VariantOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Score as if these sites rotated: qk, vo, qkvo, rope, rove, nope, ... (default: the model's)",
      valueName: "sites"))
  var sites: String?

  @OptionGroup var values: ValueRotationOptions

  @Option(
    help: ArgumentHelp(
      "checkpoint, none, linear, ntk, dynamic or yarn; yarn:qk or yarn:vo scale only those sites.",
      valueName: "method"))
  var ropeScaling = "checkpoint"

  @Option(help: ArgumentHelp("Factor of --rope-scaling.", valueName: "f"))
  var ropeFactor: Double?

  @Option(
    help: ArgumentHelp(
      "Context length before scaling; of a model that is already scaled, the one before its scaling."
        + " (default: the model's)",
      valueName: "n"))
  var ropeOriginalCtx: Int?

  /// The scalings of a list, in its order.
  var scalingMethods: [String] {
    ropeScaling.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
  }

  /// What a model is scored as; `method` is a scaling in the place of `--rope-scaling`, `factor`
  /// its factor where `--rope-factor` is not given.
  func request(
    for plan: ModelPlan, method: String? = nil, factor: Double? = nil
  ) throws -> RotaryRequest {
    let pairs = try values.pairs(for: plan)
    let asked = try ScalingMethod(method ?? ropeScaling)
    var request = RotaryRequest(
      sites: try sites.map { try RotarySites(parsing: $0) }, valuePairs: pairs.all,
      valuePairsByLayer: pairs.byLayer, valueBase: values.valueBase,
      scaling: try scaling(plan, asked.name, factor))
    request.scaledSites = asked.sites
    return request
  }

  private func scaling(
    _ plan: ModelPlan, _ ropeScaling: String, _ fallback: Double?
  ) throws -> FrequencyScaling? {
    func factor() throws(UsageError) -> Double {
      guard let ropeFactor = ropeFactor ?? fallback else {
        throw UsageError("--rope-scaling \(ropeScaling) needs --rope-factor")
      }
      guard ropeFactor.isFinite, ropeFactor > 0 else {
        throw UsageError("--rope-factor is \(ropeFactor), expected a finite number above 0")
      }
      return ropeFactor
    }
    let original = ropeOriginalCtx ?? plan.originalContext
    guard original >= 1 else {
      throw UsageError("--rope-original-ctx is \(original), expected at least 1")
    }
    switch ropeScaling {
    case "checkpoint":
      guard ropeFactor == nil || fallback != nil, ropeOriginalCtx == nil || fallback != nil else {
        throw UsageError("--rope-factor and --rope-original-ctx need --rope-scaling")
      }
      return nil
    case "none": return FrequencyScaling.none
    case "linear": return .linear(factor: try factor())
    case "ntk": return .ntk(factor: try factor())
    case "dynamic": return .dynamic(factor: try factor(), originalContext: original)
    default: return .yarn(.init(factor: try factor(), originalContext: original))
    }
  }
}
