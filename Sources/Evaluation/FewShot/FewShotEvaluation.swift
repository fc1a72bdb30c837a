import Base
import Checkpoints
import Inference
import OrderedCollections
import Rotary

/// Few-shot tasks: multiple choice, schemas and language modelling, as CORE has them (DCLM,
/// arXiv:2406.11794).
package struct FewShotEvaluation {
  package var shots: Int
  package var seed: UInt64
  /// The first so many examples of each task; nil: all.
  package var limit: Int?
  /// What stands between context and continuation.
  package var delimiter: String
  package var rotary: RotaryRequest
  package var options: RunOptions
  /// Called with the tokens of a longest prompt so far, before it is evaluated.
  package var onLength: (Int) -> Void = { _ in }

  package init(
    shots: Int = 0, seed: UInt64 = 1234, limit: Int? = nil, delimiter: String = " ",
    rotary: RotaryRequest = .asStored, options: RunOptions = RunOptions()
  ) {
    self.shots = shots
    self.seed = seed
    self.limit = limit
    self.delimiter = delimiter
    self.rotary = rotary
    self.options = options
  }

  /// Scores a model on the tasks; `progress` is called with the share done.
  /// - Throws: `EvaluationError.usage` for too few examples; `.questions` for malformed tasks.
  package func run(
    _ model: Model, on tasks: [FewShotTask], progress: (Double) -> Void = { _ in }
  ) throws -> FewShotResult {
    guard !tasks.isEmpty, shots >= 0, limit ?? 1 >= 1 else {
      throw EvaluationError.usage(
        "expected at least one task, one example and 0 shots")
    }
    var names: Set<String> = []
    for task in tasks where !names.insert(task.name).inserted {
      throw EvaluationError.usage("two tasks are named '\(task.name)'")
    }
    for task in tasks where task.examples.count <= shots {
      throw EvaluationError.usage(
        "\(task.name) has \(counted(task.examples.count, "example")), too few for"
          + " \(counted(shots, "shot"))")
    }
    let tokenizer = try model.tokenizer()
    for task in tasks {
      let text = task.examples.prefix(count(task)).flatMap { $0.contexts + $0.continuations }
        .joined(separator: "\n\n").utf8
      let ids = try tokenizer.encode(Array(text), addSpecial: false, parseSpecial: false)
      TokenizerNotes.tell(of: text, named: task.name, as: ids, by: tokenizer)
    }
    let places = tasks.indices.flatMap { task in
      (0..<count(tasks[task])).map { (task: task, example: $0) }
    }
    func completions(_ unit: Int) throws -> [Completion] {
      let place = places[unit]
      return try FewShotPrompts(
        task: tasks[place.task], tokenizer: tokenizer, shots: shots, seed: seed,
        delimiter: delimiter
      ).completions(place.example)
    }
    // An example without a token to score is refused before any work; those of other shards are theirs.
    let largest = try LongPhase.run("tokenizing the examples") {
      try places.indices.filter(options.shard.contains).reduce(1) { largest, unit in
        max(largest, try completions(unit).reduce(0) { $0 + $1.tokens.count })
      }
    }
    var batchSize = options.batch ?? 16
    if options.memory != nil {
      // A cap must hold the largest example with all its choices.
      batchSize = min(batchSize, try options.batch(for: [model.plan], context: largest))
    }
    let units = UnitRun(
      kind: FewShotResult.self, models: [model], labels: ["model": .string(model.checkpoint.path)],
      unitCount: places.count, options: options,
      expected: ExpectedUnits { unit in
        let task = tasks[places[unit].task]
        return FewShotResult.facts(
          task: task.name, example: places[unit].example,
          answers: task.examples[places[unit].example].options)
      }
    ) { try identity(model, on: tasks) }
    // Long examples cost more; their bytes tell before they are tokenized.
    let sizes = places.map { place in
      let example = tasks[place.task].examples[place.example]
      let bytes = (example.contexts + example.continuations).reduce(0) { $0 + $1.utf8.count }
      return Double(max(bytes, 1))
    }
    var (total, done) = (1.0, 0.0)
    var longestBefore = 0
    let record = try units.run { units in
      total = max(units.reduce(0) { $0 + sizes[$1] }, 1)
      return units.batches(of: batchSize)
    } evaluate: { batch, _ in
      var asked: [Completion] = []
      var counts: [Int] = []
      for unit in batch {
        let made = try completions(unit)
        asked += made
        counts.append(made.count)
      }
      let size = batch.reduce(0) { $0 + sizes[$1] }
      let longest = asked.map(\.tokens.count).max() ?? 0
      if longest > longestBefore {
        longestBefore = longest
        onLength(longest)
      }
      let (scores, computed) = try CompletionScorer(
        model: model, rotary: rotary, options: options
      ).score(asked) { progress((done + $0 * size) / total) }
      done += size
      var next = 0
      let values = zip(batch, counts).map { unit, count in
        let own = Array(scores[next..<(next + count)])
        next += count
        let task = tasks[places[unit].task]
        return FewShotResult.Answer(
          task: task.name, example: places[unit].example,
          isCorrect: Self.isCorrect(task, task.examples[places[unit].example], own),
          nats: own.map(\.meanNegativeLogLikelihood)
        ).json
      }
      return UnitRun.Evaluated(
        values: values, tokens: asked.reduce(0) { $0 + $1.tokens.count }, computed: computed)
    }
    return try FewShotResult(record, file: model.checkpoint.path)
  }

  /// Examples of a task that are evaluated.
  private func count(_ task: FewShotTask) -> Int { min(limit ?? .max, task.examples.count) }

  /// What the result is of, computed without scoring anything.
  package func identity(_ model: Model, on tasks: [FewShotTask]) throws -> EvaluationIdentity {
    // The lengths of prompts are their own; the scaling's parameters tell what depends on them.
    let length = model.plan.shape.context
    var settings = Settings.of(
      self, leaving: ["rotary", "options", "onLength"], names: ["limit": "examples"])
    settings["prompts"] = JSONValue(FewShotPrompts.version)
    return EvaluationIdentity(
      of: FewShotResult.self,
      models: [
        try model.identity(
          rotary: model.plan.rotary.applying(rotary, length: length), length: length,
          tokenizer: model.tokenizer())
      ], settings: settings,
      materials: [
        "tasks": .array(
          tasks.map { task in
            [
              "task": .string(task.name), "type": .string(task.kind.rawValue),
              "sha256": .string(task.hash),
              "baseline": task.baseline.map { JSONValue.number($0) } ?? .null,
            ]
          })
      ], options: options, units: tasks.reduce(0) { $0 + count($1) })
  }

  private static func isCorrect(
    _ task: FewShotTask, _ example: FewShotTask.Example, _ scores: [CompletionScore]
  ) -> Bool {
    if task.kind == .languageModeling { return scores[0].isGreedy }
    let nats = scores.map(\.meanNegativeLogLikelihood)
    return nats.firstIndex(of: nats.min() ?? 0) == example.gold
  }
}
