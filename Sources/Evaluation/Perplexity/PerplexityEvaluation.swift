import Rotary

/// Scores a text: mean negative log-likelihood and perplexity, window by window.
public struct PerplexityEvaluation {
  /// How the text is cut.
  public var windows: WindowPlan
  /// Variant to score the model as; the checkpoint's own by default.
  public var rotary: RotaryRequest
  /// The position of every window's first token.
  public var start: Int
  /// What the evaluation is run with.
  public var options: RunOptions

  /// An evaluation with these options, or with the defaults and so many threads.
  public init(
    windows: WindowPlan = WindowPlan(), rotary: RotaryRequest = .asStored, start: Int = 0,
    threads: Int = 1, options: RunOptions? = nil
  ) {
    self.windows = windows
    self.rotary = rotary
    self.start = start
    self.options = options ?? RunOptions(threads: threads)
  }

  /// What has been done so far, for a progress display.
  public struct Progress: Sendable {
    /// Tokens through all layers, partial batches counted by layers done.
    public let tokens: Double
    /// Tokens of the whole run.
    public let totalTokens: Int
    /// Perplexity of the windows finished so far.
    public let perplexity: Double?
  }

  /// - Throws: `EvaluationError` for a text too short or contradicting settings, `ModelError` for a
  ///   token outside the vocabulary or a result that is not finite.
  public func run(
    _ model: Model, on text: TokenizedText, progress: (Progress) -> Void = { _ in }
  ) throws -> PerplexityResult {
    // A variant the model cannot be is a usage error, whatever the text.
    let length = try self.windows.length(from: start)
    _ = try model.plan.rotary.applying(rotary, length: length)
    let scoring = WindowScoring(
      kind: PerplexityResult.self, model: model, text: text,
      windows: try self.windows.windows(of: text),
      context: self.windows.context, rotary: rotary, start: start, options: options)
    var values: [Float] = []
    let (record, times) = try scoring.run {
      try identity(model, on: text)
    } progress: { done, total, finished in
      progress(
        Progress(
          tokens: done, totalTokens: total, perplexity: PerplexityResult.perplexity(finished)))
    } values: { window, nats in
      values += nats.map(Float.init)
      return PerplexityResult.WindowSum(
        index: window.index, nats, bytes: text.bytes(of: window)
      ).json
    }
    var result = try PerplexityResult(record, file: model.checkpoint.path)
    result.values = values
    result.times = times
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
      of: PerplexityResult.self,
      models: [try model.identity(rotary: configuration, length: length)],
      text: text, settings: Settings.of(stated, leaving: ["rotary", "options"]),
      options: options.with(form: options.form ?? model.plan.form),
      units: try windows.windows(of: text).count)
  }
}
