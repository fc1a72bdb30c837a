import Base
import Checkpoints
import Foundation
import Inference
import OrderedCollections
import Rotary

/// Needle in a haystack: a sentence hidden at some depth of a long text, and a question about it.
///
/// Accuracy is exact greedy match, told by one forward pass per trial (`CompletionScore`).
package struct NeedleEvaluation {
  /// How a trial is judged. Both give the same answers; the second takes one pass per token.
  package enum Mode: String, Sendable, CaseIterable {
    case pass
    case generate
  }

  /// What text the trials of a cell are hidden in. Tokens that trials begin with alike are computed
  /// once for all of them.
  package enum Passages: String, Sendable, CaseIterable {
    /// Each trial, at all depths, in a passage of its own.
    case own
    /// All trials in the haystack's beginning.
    case one
  }

  package var template: NeedleTemplate
  package var lengths: [Int]
  /// Percent of the haystack before the needle.
  package var depths: [Double]
  package var trials: Int
  package var seed: UInt64
  package var passages = Passages.own
  package var mode = Mode.pass
  package var chat: ChatFormat?
  package var rotary: RotaryRequest
  package var options: RunOptions

  package init(
    template: NeedleTemplate = NeedleTemplate(), lengths: [Int] = [512, 1024, 2048, 4096],
    depths: [Double] = [0, 25, 50, 75, 100], trials: Int = 5, seed: UInt64 = 42,
    chat: ChatFormat? = nil, rotary: RotaryRequest = .asStored, options: RunOptions = RunOptions()
  ) {
    self.template = template
    self.lengths = lengths
    self.depths = depths
    self.trials = trials
    self.seed = seed
    self.chat = chat
    self.rotary = rotary
    self.options = options
  }

  /// Runs the trials of all cells; `progress` is called with the share done and the accuracy of the
  /// trials finished.
  /// - Throws: `EvaluationError.usage` for a grid without cells or a length without room.
  package func run(
    _ model: Model, in haystack: Haystack, progress: (Double, Double?) -> Void = { _, _ in }
  ) throws -> NeedleResult {
    let cells = try cells()
    let trials = try trials(model, haystack)
    try checkLengths(trials, haystack)
    let units = UnitRun(
      kind: NeedleResult.self, models: [model],
      labels: [
        "model": .string(model.checkpoint.path), "haystack": .string(haystack.name),
        "haystack_tokens": JSONValue(trials.haystack.count),
      ], unitCount: cells.count, options: options
    ) { try identity(model, in: haystack) }
    let batches = try Dictionary(
      uniqueKeysWithValues: Set(cells.map(\.length)).map {
        ($0, try NeedleBatches(length: $0, passages, of: model.plan, options))
      })
    let cost = UnitCost(model.plan)
    var (total, done) = (1.0, 0.0)
    let record = try units.run { left in
      total = max(left.reduce(0) { $0 + cost.of(cells[$1].length) }, 1)
      // One batch holds trials of one length alone, so that none waits for a longer one.
      return Dictionary(grouping: left) { cells[$0].length }.sorted { $0.key < $1.key }
        .flatMap { length, units in batches[length]?.batches(units) { cells[$0] } ?? [] }
    } evaluate: { batch, finished in
      let made = try batch.map {
        try trials.trial(
          length: cells[$0].length, depth: cells[$0].depth, trial: cells[$0].trial)
      }
      let completions = made.map(\.completion)
      let tokens = completions.reduce(0) { $0 + $1.tokens.count }
      let size = batch.reduce(0) { $0 + cost.of(cells[$1].length) }
      let accuracy = NeedleResult.accuracy(finished)
      var (scores, computed) = try CompletionScorer(
        model: model, rotary: rotary, options: options
      ).score(completions) { share in
        progress((done + share * size) / total, accuracy)
      }
      if mode == .generate { scores = try decoded(model, completions, scores) }
      done += size
      let values = batch.indices.map { place in
        NeedleResult.Trial(
          cell: cells[batch[place]], score: scores[place], placed: made[place].placed
        ).json
      }
      return UnitRun.Evaluated(values: values, tokens: tokens, computed: computed)
    }
    return try NeedleResult(record, file: model.checkpoint.path)
  }

  /// What the result is of, computed without scoring anything.
  /// - Throws: `EvaluationError.usage` for settings that make no grid.
  package func identity(_ model: Model, in haystack: Haystack) throws -> EvaluationIdentity {
    let longest = lengths.max() ?? 0
    var settings = Settings.of(self, leaving: ["rotary", "options"])
    settings["prompts"] = JSONValue(NeedleTrials.version)
    let tokenizer = try model.tokenizer()
    if mode == .generate {
      settings["stops"] = Settings.json(Array(try tokenizer.ends(of: model.checkpoint)))
    }
    return EvaluationIdentity(
      of: NeedleResult.self,
      models: [
        try model.identity(
          rotary: model.plan.rotary.applying(rotary, length: longest), length: longest,
          tokenizer: tokenizer)
      ], settings: settings,
      materials: ["haystack_sha256": .string(SourceHash.sha256(bytes: haystack.bytes))],
      options: options, units: try cells().count)
  }

  /// The same scores with matches told by decoding.
  private func decoded(
    _ model: Model, _ completions: [Completion], _ scores: [CompletionScore]
  ) throws -> [CompletionScore] {
    try zip(completions, scores).map { completion, score in
      let answer = Array(completion.tokens[completion.answer])
      let generated = try model.generate(
        [Array(completion.tokens[..<completion.answer.lowerBound])], maximum: answer.count,
        rotary: rotary, threads: options.threads)
      return CompletionScore(
        negativeLogLikelihood: score.negativeLogLikelihood, tokens: score.tokens,
        isGreedy: generated == [answer])
    }
  }

  /// A length without room is told before any work is done, and that the haystack is too short to be
  /// read once.
  private func checkLengths(_ trials: NeedleTrials, _ haystack: Haystack) throws {
    let needed = try Set(lengths).reduce(0) {
      max($0, try trials.trial(length: $1, depth: 0, trial: 0).haystackTokens)
    }
    if needed > trials.haystack.count {
      TokenizerNotes.tell(
        "\(haystack.name): its \(trials.haystack.count) tokens are repeated to fill \(needed) of a"
          + " prompt")
    }
  }

  private func trials(_ model: Model, _ haystack: Haystack) throws -> NeedleTrials {
    let tokenizer = try model.tokenizer()
    return NeedleTrials(
      template: template, haystack: try TokenizedHaystack(haystack, tokenizer),
      tokenizer: tokenizer, chat: chat, seed: seed, passages: passages)
  }

  private func cells() throws(EvaluationError) -> [NeedleResult.Cell] {
    guard trials >= 1, trials <= 1_000_000 else {
      throw .setting(.trials, problem: "is \(trials), expected from 1 to 1000000")
    }
    guard !lengths.isEmpty else {
      throw .setting(.lengths, problem: "is empty")
    }
    if let length = lengths.max(), length > RulerGenerator.longestLength {
      throw .setting(
        .lengths, problem: "has \(length), expected at most \(RulerGenerator.longestLength)")
    }
    guard !depths.isEmpty, depths.allSatisfy({ (0...100).contains($0) }) else {
      throw .setting(
        .depths, problem: "needs one or more percentages from 0 to 100")
    }
    return lengths.flatMap { length in
      depths.flatMap { depth in
        (0..<trials).map { NeedleResult.Cell(length: length, depth: depth, trial: $0) }
      }
    }
  }

  /// All prompts, in the order of the units.
  /// - Throws: `EvaluationError.usage` for settings that make no grid.
  package func prompts(_ model: Model, in haystack: Haystack) throws -> NeedlePrompts {
    let cells = try cells()
    let trials = try trials(model, haystack)
    try checkLengths(trials, haystack)
    return NeedlePrompts(trials: trials, cells: cells)
  }

  /// The token ids of a trial's prompt and answer, for whoever wants to see or generate them.
  package func completion(
    _ model: Model, in haystack: Haystack, length: Int, depth: Double, trial: Int
  ) throws -> Completion {
    try trials(model, haystack).trial(length: length, depth: depth, trial: trial).completion
  }
}
