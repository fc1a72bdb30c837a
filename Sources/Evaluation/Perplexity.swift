import Foundation
import Inference
import Rotary

/// Scores a text: mean negative log-likelihood and perplexity, window by window.
public struct PerplexityEvaluation: Sendable {
  public var windows: WindowPlan
  /// Variant to score the model as; the checkpoint's own by default.
  public var rotary: RotaryRequest
  /// The position of every window's first token.
  public var start: Int
  /// Windows in flight; nil: chosen so that about 16,384 tokens are. Never changes a digit.
  public var batch: Int?
  public var threads: Int

  public init(
    windows: WindowPlan = WindowPlan(), rotary: RotaryRequest = .asStored, start: Int = 0,
    batch: Int? = nil, threads: Int = 1
  ) {
    self.windows = windows
    self.rotary = rotary
    self.start = start
    self.batch = batch
    self.threads = threads
  }

  /// What has been done so far, for a progress display.
  public struct Progress: Sendable {
    /// Tokens through all layers, partial batches counted by layers done.
    public let tokens: Double
    public let totalTokens: Int
    /// Perplexity of the windows finished so far.
    public let perplexity: Double?
  }

  /// - Throws: `EvaluationError` for a text too short or contradicting settings, `ModelError` for a
  ///   token outside the vocabulary or a result that is not finite.
  public func run(
    _ model: Model, on text: TokenizedText, progress: (Progress) -> Void = { _ in }
  ) throws -> PerplexityResult {
    guard start >= 0 else { throw EvaluationError.usage("--start is \(start), expected 0 or more") }
    let clock = ContinuousClock()
    let began = clock.now
    // A variant the model cannot be is a usage error, whatever the text.
    let configuration = try model.plan.rotary.applying(
      rotary, length: start + self.windows.context)
    let windows = try self.windows.windows(of: text)
    let pass = ForwardPass(plan: model.plan, rotary: configuration, threads: threads)
    let scorer = TargetScorer(blocks: LogitBlocks(plan: model.plan, threads: threads))
    let batchSize = max(1, batch ?? 16_384 / self.windows.context)
    let total = windows.reduce(0) { $0 + $1.tokens.count }
    var result = PerplexityResult(
      model: model.checkpoint.path, text: text.name, textTokens: text.tokens.count,
      plan: self.windows, sites: configuration.sites)
    var done = 0
    for first in stride(from: 0, to: windows.count, by: batchSize) {
      let group = windows[first..<min(first + batchSize, windows.count)]
      let tokens = group.reduce(0) { $0 + $1.tokens.count }
      let sequences = group.map { window in
        var ids = Array(text.tokens[window.tokens])
        if let replacement = text.windowStart { ids[0] = replacement }
        return ids
      }
      let layers = Double(model.plan.layers.count + 1)
      let hidden = try pass.run(sequences, start: start) { layer in
        progress(
          Progress(
            tokens: Double(done) + Double(tokens) * Double(layer) / layers, totalTokens: total,
            perplexity: result.windows.isEmpty ? nil : result.perplexity))
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
      let values = try scorer.negativeLogLikelihoods(
        hidden, rows: rows, counts: group.map(\.targets.count), targets: targets)
      guard values.allSatisfy(\.isFinite) else {
        throw ModelError.notFinite(file: model.checkpoint.path, what: "the likelihood of a token")
      }
      var offset = 0
      for window in group {
        result.append(window, Array(values[offset..<(offset + window.targets.count)]))
        offset += window.targets.count
      }
      done += tokens
      progress(
        Progress(tokens: Double(done), totalTokens: total, perplexity: result.perplexity))
    }
    result.seconds = (clock.now - began) / .seconds(1)
    result.evaluatedTokens = total
    return result
  }
}

/// Negative log-likelihoods of a text's scored targets and their statistics.
public struct PerplexityResult: Sendable {
  /// Sums over one window, in nats.
  public struct WindowSum: Sendable, Equatable {
    public let index: Int
    public let scored: Int
    public let sum: Double
    public let sumOfSquares: Double

    public var mean: Double { sum / Double(scored) }
  }

  public let model: String
  public let text: String
  /// Tokens of the whole text.
  public let textTokens: Int
  public let plan: WindowPlan
  public let sites: RotarySites
  public private(set) var windows: [WindowSum] = []
  /// Every scored target's negative log-likelihood, window after window, in nats.
  public private(set) var values: [Float] = []
  public var seconds = 0.0
  /// Tokens that went through the model.
  public var evaluatedTokens = 0

  init(model: String, text: String, textTokens: Int, plan: WindowPlan, sites: RotarySites) {
    self.model = model
    self.text = text
    self.textTokens = textTokens
    self.plan = plan
    self.sites = sites
  }

  mutating func append(_ window: Window, _ nats: [Double]) {
    var sum = 0.0
    var squares = 0.0
    for value in nats {
      sum += value
      squares += value * value
    }
    windows.append(
      WindowSum(index: window.index, scored: nats.count, sum: sum, sumOfSquares: squares))
    values += nats.map(Float.init)
  }

  public var scored: Int { windows.reduce(0) { $0 + $1.scored } }

  /// Mean negative log-likelihood in nats, summed window after window.
  public var meanNegativeLogLikelihood: Double {
    windows.reduce(0) { $0 + $1.sum } / Double(scored)
  }

  public var perplexity: Double { exp(meanNegativeLogLikelihood) }

  /// `perplexity * sqrt(var(nll) / (n - 1))`.
  public var perplexityError: Double {
    let count = Double(scored)
    guard count > 1 else { return .nan }
    let mean = meanNegativeLogLikelihood
    let variance = windows.reduce(0) { $0 + $1.sumOfSquares } / count - mean * mean
    return perplexity * (max(variance, 0) / (count - 1)).squareRoot()
  }
}
