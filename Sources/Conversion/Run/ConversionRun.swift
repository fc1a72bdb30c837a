import Base
import Evaluation
import OrderedCollections
import Tensors

/// A whole conversion: scores the source, fits, writes, opens what was written and scores that.
///
/// Whatever can be refused is refused when a run is made, before any output exists.
public struct ConversionRun {
  /// The source.
  public let model: Model
  /// What the source is converted to.
  public let request: ConversionRequest
  /// What is going to be written, before a fit.
  package let plan: ConversionPlan
  private let fit: ConversionFit?
  private let scoring: ConversionScoring?

  /// - Parameters:
  ///   - model: the source.
  ///   - request: what it is converted to.
  ///   - fit: nil where the weights are only rewritten.
  ///   - scoring: the text whose perplexity is measured before and after, if any.
  /// - Throws: `ConversionError` for settings that contradict each other or do not suit the model,
  ///   `FileError` for an output that cannot be created, `EvaluationError` for a text that cannot
  ///   be read or is too short.
  public init(
    _ model: Model, _ request: ConversionRequest, fit: FitRequest? = nil,
    scoring: ScoringRequest? = nil
  ) throws {
    var request = request
    request.expectsFit = fit != nil
    var plan = try ConversionPlan(model.plan, request)
    try plan.checkOutput()
    self.model = model
    self.request = request
    self.fit = try fit.map { try ConversionFit($0, of: model, request, plan) }
    let scoring = try scoring.map {
      try ConversionScoring(
        $0, of: model, writtenWith: try? plan.outputTokenizer(), threads: request.threads)
    }
    if let tokens = scoring?.otherTokens { plan.add(.otherTokensScored(tokens)) }
    self.scoring = scoring
    self.plan = plan
  }

  /// What the run is going to do, with nothing written or measured.
  public func planned() -> ConversionOutcome {
    var outcome = ConversionOutcome(plan)
    outcome.maxIncrease = fit?.maxIncrease
    outcome.plannedFit = fit?.planned
    return outcome
  }

  /// Does the conversion.
  /// - Parameter progress: told the share of all the work that is done, from 0 to 1, from any thread.
  /// - Returns: what was written and measured.
  /// - Throws: `FileError` for what cannot be written or read, `ConversionError` for weights that
  ///   cannot be fitted or stored.
  public func run(
    progress: @escaping @Sendable (Double) -> Void = { _ in }
  ) throws -> ConversionOutcome {
    try run(manifest: { _ in [:] }) { event in
      if case .progress(let share, _) = event { progress(share) }
    }
  }

  /// Does all of the work.
  /// - Parameters:
  ///   - manifest: what an archive's manifest says of the conversion, from what is known before it
  ///     is written.
  ///   - observer: told of the work as it goes on, from any thread.
  /// - Returns: what was done and measured.
  /// - Throws: what scoring, fitting and writing throw.
  package func run(
    manifest: (ConversionOutcome) -> OrderedDictionary<String, JSONValue> = { _ in [:] },
    observer: @escaping @Sendable (ConversionEvent) -> Void
  ) throws -> ConversionOutcome {
    try Libraries.takeBuffers(threads: request.threads)
    // Writing alone compares what it reads as it goes; before longer work, damage is looked for first.
    if fit != nil || scoring != nil { try model.checkRead() }
    let stages = Stages(self)
    func show(_ stage: Int, _ share: Double, _ work: ConversionEvent.Work) {
      observer(.progress(stages.estimate.fraction(stage: stage, share: share), work))
    }

    var scores = ConversionScores()
    scores.before = try scoring?.run(model) {
      show(stages.before, $0, .scoringSource(perplexity: $1))
    }
    if tellsCostsApart {
      scores.rotated = try scoring?.run(model, as: request.rotary) {
        show(stages.rotated, $0, .scoringRotated(perplexity: $1))
      }
    }
    var plan = plan
    var trials: [RotationBudget.Trial] = []
    if let fit {
      let result = try fit.run(model, request, plan) { step in
        switch step {
        case .layer(let share, let work): show(stages.fit, share, work)
        case .trial(let trial): observer(.trial(trial))
        }
      }
      trials = result.trials
      var request = result.request
      request.expectsFit = false
      plan = try ConversionPlan(model.plan, request, fit: result.fit)
      if let tokens = scoring?.otherTokens { plan.add(.otherTokensScored(tokens)) }
      for warning in plan.warnings where !self.plan.warnings.contains(warning) {
        observer(.warning(warning))
      }
    }
    var outcome = ConversionOutcome(plan)
    outcome.maxIncrease = fit?.maxIncrease
    outcome.trials = trials
    outcome.scores = scores
    outcome.scored = scoring?.scored

    let total = Double(max(plan.tensorBytes, 1))
    let began = ContinuousClock.now
    outcome.bytes = try plan.write(version: Program.version, report: manifest(outcome)) {
      [estimate = stages.estimate, stage = stages.write] written in
      observer(
        .progress(
          estimate.fraction(stage: stage, share: Double(written) / total), .writing(bytes: written))
      )
    }
    outcome.seconds = (ContinuousClock.now - began) / .seconds(1)

    if fit != nil || scoring != nil {
      // The output once for both: opening an archive may mean unpacking it.
      let written = try Model(opening: plan.output, in: plan.source.catalog)
      outcome.perplexityHeldOut = try fit?.heldOutPerplexity(of: written, plan) {
        show(stages.heldOut, $0, .scoringHeldOut)
      }
      outcome.scores.after = try scoring?.run(written) {
        show(stages.after, $0, .scoringOutput(perplexity: $1))
      }
    }
    try plan.record(outcome.measured, version: Program.version)
    return outcome
  }

  /// Whether what quantizing and rotating cost is measured apart on the text to score. A fit tells it of
  /// the windows held out, and what a stilled pair costs is in no other model than the one written.
  private var tellsCostsApart: Bool {
    scoring != nil && fit == nil && request.type.mainType != nil && plan.siteChange != nil
      && plan.absorbed.allSatisfy(\.isExact)
  }

  /// What each part of the work is going to cost.
  private struct Stages {
    private(set) var estimate = WorkEstimate()
    let before: Int
    let rotated: Int
    let fit: Int
    let write: Int
    let heldOut: Int
    let after: Int

    init(_ run: ConversionRun) {
      let weights = run.model.plan.decodedBytes / 4
      let threads = run.request.threads
      let shape = run.model.plan.shape
      let fitted = run.fit?.tokens ?? 0
      let scoring = WorkEstimate.scoring(
        tokens: run.scoring?.tokens ?? 0, weights: weights, threads: threads)
      before = estimate.add(scoring)
      rotated = estimate.add(run.tellsCostsApart ? scoring : 0)
      fit = estimate.add(
        Double(run.fit?.mostTrials ?? 0)
          * WorkEstimate.fitting(
            tokens: fitted, weights: weights, layers: shape.layers,
            inputs: run.model.plan.capacity.outputs, threads: threads))
      write = estimate.add(WorkEstimate.writing(bytes: run.plan.tensorBytes))
      heldOut = estimate.add(
        WorkEstimate.scoring(tokens: fitted / 5, weights: weights, threads: threads))
      after = estimate.add(scoring)
    }
  }
}
