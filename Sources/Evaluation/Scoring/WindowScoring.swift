import Base
import Inference
import Models
import OrderedCollections
import Rotary

/// Scores the targets of a text's windows with one model: the loop of evaluations whose units are
/// windows.
struct WindowScoring {
  /// What the windows are units of.
  let kind: any EvaluationResult.Type
  let model: Model
  let text: TokenizedText
  let windows: [Window]
  /// Tokens of the longest window.
  let context: Int
  let rotary: RotaryRequest
  /// The position of every window's first token.
  var start = 0
  let options: RunOptions

  /// - Parameters:
  ///   - identity: what the result is of.
  ///   - progress: called with the tokens through all layers (partial batches counted by layers
  ///     done), the tokens of the whole run, and the units finished.
  ///   - values: what a unit is, from its window and the negative log-likelihoods of its targets in
  ///     nats; called in order.
  /// - Returns: the record of all windows, and where the time went.
  /// - Throws: `ModelError` for a token outside the vocabulary or a likelihood that is not finite.
  func run(
    identity: @escaping () throws -> EvaluationIdentity,
    progress: (Double, _ total: Int, _ finished: [EvaluationRecord.Unit]) -> Void,
    values: (Window, ArraySlice<Double>) -> JSONValue
  ) throws -> (record: EvaluationRecord, times: PhaseTimes) {
    var pass = ForwardPass(
      plan: model.plan, as: rotary, arithmetic: options.arithmetic, threads: options.threads)
    pass.form = options.form ?? model.plan.form
    let scorer = TargetScorer(blocks: LogitBlocks(of: pass), times: pass.times)
    let vocabulary = model.plan.shape.vocabulary
    let layers = Double(model.plan.layers.count + 1)
    var labels: OrderedDictionary<String, JSONValue> = ["model": .string(model.checkpoint.path)]
    labels.merge(text.labels.sorted { $0.key < $1.key }) { own, _ in own }
    let units = UnitRun(
      kind: kind, models: [model], labels: labels, unitCount: windows.count, options: options,
      identity: identity)
    let part = pass.partTokens ?? context
    let batchSize = try options.batch(for: [model.plan], context: min(context, part))
    var (done, total) = (0, 0)
    let record = try units.run { left in
      total = left.reduce(0) { $0 + windows[$1].tokens.count }
      return left.batches(of: batchSize)
    } evaluate: { batch, finished in
      let group = batch.map { windows[$0] }
      let tokens = group.reduce(0) { $0 + $1.tokens.count }
      let sequences = text.sequences(group)
      for (sequence, window) in zip(sequences, group) {
        for target in sequence[window.targets] where Int(target) >= vocabulary {
          throw ModelError.tokenOutsideVocabulary(
            file: text.name, id: Int(target), position: 0, vocabulary: vocabulary)
        }
      }
      let longest = sequences.map(\.count).max() ?? 0
      let states =
        pass.partTokens == nil ? nil : SequenceStates(model.plan, lengths: sequences.map(\.count))
      var nats = group.map { _ in [Double]() }
      for first in stride(from: 0, to: longest, by: states == nil ? max(longest, 1) : part) {
        let last = states == nil ? longest : min(first + part, longest)
        // A token predicts the next one, which may be in the next part.
        let places = group.map { $0.targets.clamped(to: (first + 1)..<(last + 1)) }
        let parts =
          states == nil ? sequences : sequences.map { Array($0.dropFirst(first).prefix(part)) }
        let hidden = try pass.run(
          parts, start: start,
          wanted: ForwardPass.Wanted(ScoredPlaces.predicting(places, from: first)),
          continuing: states
        ) { layer in
          let share = (Double(first) + Double(last - first) * Double(layer) / layers)
          progress(
            Double(done) + Double(tokens) * share / Double(max(longest, 1)), total, finished)
        }
        let scored = ScoredPlaces(sequences, places, in: hidden, from: first)
        let found = try scorer.negativeLogLikelihoods(hidden, at: scored)
        guard found.allSatisfy(\.isFinite) else {
          throw ModelError.notFinite(
            file: model.checkpoint.path, what: "the likelihood of a scored token")
        }
        for (index, own) in scored.bySequence(found).enumerated() { nats[index] += own }
      }
      done += tokens
      let results = zip(group, nats).map { values($0, $1[...]) }
      progress(Double(done), total, finished)
      return UnitRun.Evaluated(values: results, tokens: tokens)
    }
    return (record, pass.times)
  }
}
