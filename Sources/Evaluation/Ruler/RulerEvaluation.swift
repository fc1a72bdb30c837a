import Base
import Checkpoints
import Inference
import OrderedCollections
import Rotary

/// RULER's synthetic tasks (arXiv:2404.06654) on a model.
package struct RulerEvaluation {
  /// How an answer is judged.
  package enum Mode: String, Sendable, CaseIterable {
    /// The official score: what greedy decoding writes is searched for the references.
    case generate
    /// The negative log-likelihood of a right answer, as in the RoVE paper, from one pass.
    case nll
  }

  package var tasks: [RulerTask]
  package var lengths: [Int]
  package var samples: Int
  package var mode: Mode
  /// Tasks and lengths that are not evaluated, such as `RulerGenerator.leftOut` finds.
  package var leftOut: [RulerResult.LeftOut] = []
  package var rotary: RotaryRequest
  package var options: RunOptions

  package init(
    tasks: [RulerTask], lengths: [Int] = [4096], samples: Int = RulerTask.publishedSamples,
    mode: Mode = .generate, rotary: RotaryRequest = .asStored, options: RunOptions = RunOptions()
  ) {
    self.tasks = tasks
    self.lengths = lengths
    self.samples = samples
    self.mode = mode
    self.rotary = rotary
    self.options = options
  }

  /// - Parameters:
  ///   - model: the model.
  ///   - generator: makes the prompts with the model's tokenizer.
  ///   - haystack: what else the prompts were made from than what the generator holds.
  ///   - progress: called with the share done and the mean of the samples finished.
  /// - Returns: the scores of the samples.
  /// - Throws: `EvaluationError.usage` for no tasks, lengths or samples and for what the generator
  ///   cannot make.
  package func run(
    _ model: Model, prompts generator: RulerGenerator, haystack: String = "",
    progress: (Double, Double?) -> Void = { _, _ in }
  ) throws -> RulerResult {
    guard !tasks.isEmpty, !lengths.isEmpty, samples >= 1, samples <= 1_000_000 else {
      throw EvaluationError.usage("at least one task, one length and one sample are needed")
    }
    guard Set(tasks).count == tasks.count, Set(lengths).count == lengths.count else {
      throw EvaluationError.usage("each task and length is evaluated once: one was given twice")
    }
    let cells = try checkedCells()
    let places = cells.flatMap { task, length in
      (0..<samples).map { RulerResult.Place(task: task, length: length, index: $0) }
    }
    var prompts: [UInt8] = []
    // What cannot be made is told before any work is done.
    for (task, length) in cells {
      prompts += Array(try generator.sample(task: task, length: length, index: 0).prompt.utf8)
    }
    TokenizerNotes.tell(
      of: prompts, named: "the prompts",
      as: try generator.tokenizer.encode(prompts, addSpecial: false, parseSpecial: false),
      by: generator.tokenizer)
    let batchSizes = try Dictionary(
      uniqueKeysWithValues: Set(lengths).map { ($0, try batchSize(model, $0)) })
    let units = UnitRun(
      kind: RulerResult.self, models: [model], labels: ["model": .string(model.checkpoint.path)],
      unitCount: places.count, options: options
    ) { try identity(model, prompts: generator, haystack: haystack, units: places.count) }
    let cost = UnitCost(model.plan)
    var (total, done) = (1.0, 0.0)
    let record = try units.run { left in
      total = max(left.reduce(0) { $0 + cost.of(places[$1].length) }, 1)
      var groups: OrderedDictionary<[String], [Int]> = [:]
      for unit in left {
        let place = places[unit]
        groups[[place.task.rawValue, String(place.length)], default: []].append(unit)
      }
      return groups.values.flatMap {
        $0.batches(of: batchSizes[places[$0[0]].length] ?? 1)
      }
    } evaluate: { batch, finished in
      let made = try batch.map {
        try generator.sample(
          task: places[$0].task, length: places[$0].length, index: places[$0].index)
      }
      let mean = RulerResult.mean(finished)
      let size = batch.reduce(0) { $0 + cost.of(places[$1].length) }
      let judged = try judge(model, generator, made) { share in
        progress((done + share * size) / total, mean)
      }
      done += size
      return UnitRun.Evaluated(
        values: judged.samples.map(\.json), tokens: judged.tokens, computed: judged.computed)
    }
    return try RulerResult(record, file: model.checkpoint.path)
  }

  /// Tasks with their lengths, without those left out.
  /// - Throws: `EvaluationError` where nothing is left.
  package func checkedCells() throws(EvaluationError) -> [(task: RulerTask, length: Int)] {
    let cells = tasks.flatMap { task in
      lengths.compactMap { length in
        leftOut.contains { $0.covers(task, length) } ? nil : (task: task, length: length)
      }
    }
    guard !cells.isEmpty else {
      let least = leftOut.compactMap(\.needed).min()
      let reason = RulerResult.LeftOut.lines(leftOut).first ?? "none was asked for"
      throw .usage(
        least.map { "no task has room in the lengths given, expected at least \($0) tokens" }
          ?? "no task can be made: \(reason)")
    }
    return cells
  }

  /// What the result is of, computed without scoring anything; `units` are the samples of all tasks
  /// and lengths, nil: every task at every length.
  package func identity(
    _ model: Model, prompts generator: RulerGenerator, haystack: String = "", units: Int? = nil
  ) throws -> EvaluationIdentity {
    let longest = lengths.max() ?? 0
    var settings = Settings.of(self, leaving: ["rotary", "options"])
    settings["prompts"] = JSONValue(RulerGenerator.version)
    settings["seed"] = Settings.json(generator.seed)
    if mode == .generate {
      settings["stops"] = Settings.json(Array(try generator.tokenizer.ends(of: model.checkpoint)))
    }
    var materials = generator.materials
    if !haystack.isEmpty {
      materials["haystack_sha256"] = .string(SourceHash.sha256(text: haystack))
    }
    return EvaluationIdentity(
      of: RulerResult.self,
      models: [
        try model.identity(
          rotary: model.plan.rotary.applying(rotary, length: longest), length: longest,
          tokenizer: generator.tokenizer)
      ], settings: settings, materials: materials, options: options,
      units: units ?? tasks.count * lengths.count * samples)
  }

  /// Samples in flight.
  private func batchSize(_ model: Model, _ length: Int) throws -> Int {
    mode == .generate
      ? try options.growing(model.plan, length: length)
      : try options.batch(for: [model.plan], context: length)
  }

  private func judge(
    _ model: Model, _ generator: RulerGenerator, _ made: [RulerSample],
    progress: (Double) -> Void
  ) throws -> (samples: [RulerResult.Sample], tokens: Int, computed: Int?) {
    let tokenizer = generator.tokenizer
    if mode == .nll {
      let completions = try made.map { sample in
        let (prompt, answer) = try tokenizer.encode(
          prompt: [.plain(sample.prompt.utf8)], continuation: Array(sample.answerText.utf8))
        return try Completion(prompt: prompt, answer: answer)
      }
      let (scores, computed) = try CompletionScorer(
        model: model, rotary: rotary, options: options
      ).score(completions, onLayer: progress)
      let samples = zip(made, scores).map { sample, score in
        RulerResult.Sample(
          place: RulerResult.Place(sample),
          outcome: .answer(
            negativeLogLikelihood: score.meanNegativeLogLikelihood, isGreedy: score.isGreedy))
      }
      return (samples, completions.reduce(0) { $0 + $1.tokens.count }, computed)
    }
    let prompts = try made.map { try tokenizer.encode(prompt: [.plain($0.prompt.utf8)]) }
    let maximum = made.map(\.maximumNewTokens).max() ?? 0
    let generated = try model.generate(
      prompts, maximum: maximum, rotary: rotary, threads: options.threads,
      onStep: { progress(Double($0) / Double(max(maximum, 1))) })
    let samples = zip(made, generated).map { sample, tokens in
      let text = String(decoding: tokenizer.decode(tokens), as: UTF8.self)
      return RulerResult.Sample(
        place: RulerResult.Place(sample),
        outcome: .output(text: text, score: RulerScore.score(text, of: sample)))
    }
    return (samples, made.reduce(0) { $0 + $1.promptTokens }, nil)
  }
}
