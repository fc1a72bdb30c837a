import Base
import Checkpoints
import Inference
import Models
import OrderedCollections
import Rotary

/// How much one model's predictions differ from another's on a text: what llama-perplexity's KL
/// mode reports, with both models run side by side over the same batches and nothing written.
package struct ModelComparison {
  package var windows: WindowPlan
  /// The variants to compute base and other as.
  package var rotary: (base: RotaryRequest, other: RotaryRequest)
  package var start: Int
  package var options: RunOptions

  package init(
    windows: WindowPlan = WindowPlan(),
    rotary: (base: RotaryRequest, other: RotaryRequest) = (.asStored, .asStored), start: Int = 0,
    options: RunOptions = RunOptions()
  ) {
    self.windows = windows
    self.rotary = rotary
    self.start = start
    self.options = options
  }

  /// Compares two models on a text; `progress` is called with the share done and the mean KL
  /// divergence so far.
  /// - Throws: `EvaluationError.vocabulariesDiffer`, `.textTooShort`, `.usage`; `ModelError` for a
  ///   result that is not finite.
  package func run(
    _ base: Model, _ other: Model, on text: TokenizedText,
    progress: (Double, Double?) -> Void = { _, _ in }
  ) throws -> ComparisonResult {
    guard base.plan.shape.vocabulary == other.plan.shape.vocabulary else {
      throw EvaluationError.vocabulariesDiffer(
        one: base.plan.shape.vocabulary, other: other.plan.shape.vocabulary)
    }
    let length = try self.windows.length(from: start)
    // A variant that a model cannot be is a usage error, whatever the text.
    _ = try base.plan.rotary.applying(rotary.base, length: length)
    _ = try other.plan.rotary.applying(rotary.other, length: length)
    let windows = try self.windows.windows(of: text)
    let models = [base, other]
    let passes = zip(models, [rotary.base, rotary.other]).map {
      ForwardPass(
        plan: $0.plan, as: $1, arithmetic: options.arithmetic, threads: options.threads)
    }
    let scorer = DivergenceScorer(LogitBlocks(of: passes[0]), LogitBlocks(of: passes[1]))
    let batchSize = try options.batch(
      for: [base.plan, other.plan], context: self.windows.context, tokens: 8_192)
    var labels: OrderedDictionary<String, JSONValue> = [
      "base": .string(base.checkpoint.path), "other": .string(other.checkpoint.path),
    ]
    labels.merge(text.labels.sorted { $0.key < $1.key }) { own, _ in own }
    let units = UnitRun(
      kind: ComparisonResult.self, models: models, labels: labels, unitCount: windows.count,
      options: options
    ) { try identity(base, other, on: text) }
    var left = 1
    var done = 0.0
    let record = try units.run { units in
      left = max(units.count, 1)
      return units.batches(of: batchSize)
    } evaluate: { batch, finished in
      let group = batch.map { windows[$0] }
      let mean = ComparisonResult.meanDivergence(finished)
      let sequences = text.sequences(group)
      let layers = Double(base.plan.layers.count + other.plan.layers.count + 2)
      var before = 0
      let wanted = ForwardPass.Wanted(ScoredPlaces.predicting(group.map(\.targets)))
      var hidden: [ForwardPass.HiddenStates] = []
      for pass in passes {
        hidden.append(
          try pass.run(sequences, start: start, wanted: wanted) { layer in
            let share = Double(before + layer) / layers
            progress((done + share * Double(batch.count)) / Double(left), mean)
          })
        before += pass.plan.layers.count
      }
      let scored = ScoredPlaces(sequences, group.map(\.targets), in: hidden[0])
      let found = try scorer.compare((hidden[0], hidden[1]), at: scored)
      for (index, model) in models.enumerated()
      where !found.allSatisfy({ (index == 0 ? $0.base : $0.other).isFinite }) {
        throw ModelError.notFinite(
          file: model.checkpoint.path, what: "the likelihood of a scored token")
      }
      guard found.allSatisfy(\.divergence.isFinite) else {
        throw ModelError.notFinite(
          file: other.checkpoint.path, what: "the KL divergence of a scored token")
      }
      done += Double(batch.count)
      let values = scored.bySequence(found).map { ComparisonResult.Targets($0).json }
      return UnitRun.Evaluated(
        values: values, tokens: 2 * group.reduce(0) { $0 + $1.tokens.count })
    }
    return try ComparisonResult(record, file: base.checkpoint.path)
  }

  /// What the result is of, computed without scoring anything.
  /// - Throws: what `run` throws for settings that make no sense.
  package func identity(
    _ base: Model, _ other: Model, on text: TokenizedText
  ) throws -> EvaluationIdentity {
    let length = try windows.length(from: start)
    let models = try [("base", base, rotary.base), ("other", other, rotary.other)].map {
      role, model, request in
      try model.identity(
        role: role, rotary: model.plan.rotary.applying(request, length: length), length: length)
    }
    return EvaluationIdentity(
      of: ComparisonResult.self, models: models, text: text,
      settings: Settings.of(self, leaving: ["rotary", "options"]), options: options,
      units: try windows.windows(of: text).count)
  }
}
