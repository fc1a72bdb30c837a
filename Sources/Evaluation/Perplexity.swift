import Base
import Checkpoints
import Foundation
import Inference
import Models
import OrderedCollections
import Rotary

/// Scores a text: mean negative log-likelihood and perplexity, window by window.
package struct PerplexityEvaluation {
  package var windows: WindowPlan
  /// Variant to score the model as; the checkpoint's own by default.
  package var rotary: RotaryRequest
  /// The position of every window's first token.
  package var start: Int
  package var options: RunOptions

  package init(
    windows: WindowPlan = WindowPlan(), rotary: RotaryRequest = .asStored, start: Int = 0,
    threads: Int = 1, options: RunOptions? = nil
  ) {
    self.windows = windows
    self.rotary = rotary
    self.start = start
    self.options = options ?? RunOptions(threads: threads)
  }

  /// What has been done so far, for a progress display.
  package struct Progress: Sendable {
    /// Tokens through all layers, partial batches counted by layers done.
    package let tokens: Double
    package let totalTokens: Int
    /// Perplexity of the windows finished so far.
    package let perplexity: Double?
  }

  /// - Throws: `EvaluationError` for a text too short or contradicting settings, `ModelError` for a
  ///   token outside the vocabulary or a result that is not finite.
  package func run(
    _ model: Model, on text: TokenizedText, progress: (Progress) -> Void = { _ in }
  ) throws -> PerplexityResult {
    // A variant the model cannot be is a usage error, whatever the text.
    let length = try self.windows.length(from: start)
    _ = try model.plan.rotary.applying(rotary, length: length)
    let windows = try self.windows.windows(of: text)
    let pass = ForwardPass(
      plan: model.plan, as: rotary, arithmetic: options.arithmetic,
      threads: options.threads)
    let scorer = TargetScorer(blocks: LogitBlocks(of: pass), times: pass.times)
    var labels: OrderedDictionary<String, JSONValue> = ["model": .string(model.checkpoint.path)]
    labels.merge(text.labels.sorted { $0.key < $1.key }) { own, _ in own }
    let units = UnitRun(
      models: [model], labels: labels, unitCount: windows.count, options: options
    ) { try identity(model, on: text) }
    var values: [Float] = []
    var done = 0
    var total = 0
    let batchSize = try options.batch(for: [model.plan], context: self.windows.context)
    let record = try units.run { left in
      total = left.reduce(0) { $0 + windows[$1].tokens.count }
      return left.batches(of: batchSize)
    } evaluate: { batch, finished in
      let group = batch.map { windows[$0] }
      let tokens = group.reduce(0) { $0 + $1.tokens.count }
      let layers = Double(model.plan.layers.count + 1)
      let hidden = try pass.run(text.sequences(group), start: start) { layer in
        progress(
          Progress(
            tokens: Double(done) + Double(tokens) * Double(layer) / layers, totalTokens: total,
            perplexity: Self.running(finished)))
      }
      var rows: [Int] = []
      var targets: [Int32] = []
      for (offset, window) in group.enumerated() {
        for target in window.targets {
          rows.append(hidden.starts[offset] + target - 1)
          targets.append(text.tokens[window.tokens.lowerBound + target])
        }
      }
      for target in targets where Int(target) >= model.plan.shape.vocabulary {
        throw ModelError.tokenOutsideVocabulary(
          file: text.name, id: Int(target), position: 0, vocabulary: model.plan.shape.vocabulary)
      }
      let nats = try scorer.negativeLogLikelihoods(
        hidden, rows: rows, counts: group.map(\.targets.count), targets: targets)
      guard nats.allSatisfy(\.isFinite) else {
        throw ModelError.notFinite(
          file: model.checkpoint.path, what: "the likelihood of a scored token")
      }
      values += nats.map(Float.init)
      done += tokens
      var first = 0
      let results = group.map { window in
        defer { first += window.targets.count }
        return PerplexityResult.WindowSum(
          index: window.index, nats[first..<(first + window.targets.count)]
        ).json
      }
      progress(
        Progress(tokens: Double(done), totalTokens: total, perplexity: Self.running(finished)))
      return (results, tokens)
    }
    var result = try PerplexityResult(record, file: model.checkpoint.path)
    result.values = values
    result.times = pass.times
    return result
  }

  /// What the result is of, computed without scoring anything.
  /// - Throws: what `run` throws for settings that make no sense.
  package func identity(_ model: Model, on text: TokenizedText) throws -> EvaluationIdentity {
    let length = try windows.length(from: start)
    let configuration = try model.plan.rotary.applying(rotary, length: length)
    var stated = self
    // Windows that score what they would score anyway are plain ones.
    if windows.targetContext == windows.context { stated.windows.targetContext = nil }
    return EvaluationIdentity(
      kind: .perplexity, models: [try model.identity(rotary: configuration, length: length)],
      text: text, settings: Settings.of(stated, leaving: ["rotary", "options"]), options: options,
      units: try windows.windows(of: text).count)
  }

  private static func running(_ units: [EvaluationRecord.Unit]) -> Double? {
    let sums = units.compactMap { PerplexityResult.WindowSum($0) }
    let scored = sums.reduce(0) { $0 + $1.scored }
    return scored > 0 ? exp(sums.reduce(0) { $0 + $1.sum } / Double(scored)) : nil
  }
}

extension TokenizedText {
  /// The token ids of windows, their first ones replaced where the tokenizer adds one to a text.
  func sequences(_ windows: [Window]) -> [[Int32]] {
    windows.map { window in
      var ids = Array(tokens[window.tokens])
      if let windowStart { ids[0] = windowStart }
      return ids
    }
  }
}
