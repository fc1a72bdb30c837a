import Evaluation
import Rotary
import Vocabulary

/// A text whose perplexity is to be measured before and after a conversion.
public struct ScoringRequest {
  /// The text.
  public let source: TextSource
  /// With the most windows to score.
  public let windows: WindowPlan
  /// The position of a window's first token.
  public let start: Int
  /// What the scoring is run with.
  public let options: RunOptions

  /// A text to score in these windows, the first token of each at the position `start`.
  public init(_ source: TextSource, windows: WindowPlan, start: Int = 0, options: RunOptions) {
    self.source = source
    self.windows = windows
    self.start = start
    self.options = options
  }
}

/// Perplexity of one text, measured alike of several models.
struct ConversionScoring {
  private let text: TokenizedText
  private let evaluation: PerplexityEvaluation
  /// Tokens of all windows scored.
  let tokens: Int
  let scored: ScoredText
  /// Where the output's own tokenizer would make other tokens of the text; all models are scored on
  /// those of the source.
  let otherTokens: DifferentTokens?

  /// - Parameters:
  ///   - request: the text, and how it is scored.
  ///   - model: the source.
  ///   - written: the tokenizer of the output; nil where it is the source's.
  ///   - threads: never changes a token.
  /// - Throws: `EvaluationError` for a text that cannot be read or is too short.
  init(
    _ request: ScoringRequest, of model: Model, writtenWith written: Tokenizer?, threads: Int
  ) throws {
    let source = try request.source.loaded()
    text = try TokenizedText(source, for: model, threads: threads)
    if let written, case .bytes(let bytes, _) = source {
      otherTokens = try model.tokenizer().differentTokens(
        of: bytes, from: written, parseSpecial: false, threads: threads)
    } else {
      otherTokens = nil
    }
    var all = request.windows
    all.limit = nil
    let available = try all.windows(of: text).count
    let chosen = try request.windows.windows(of: text)
    tokens = chosen.reduce(0) { $0 + $1.tokens.count }
    evaluation = PerplexityEvaluation(
      windows: request.windows, start: request.start, options: request.options)
    scored = ScoredText(
      conditions: try TextConditions(text, request.windows, start: request.start),
      available: available, windows: request.windows, start: request.start,
      compute: request.options.arithmetic.rawValue)
  }

  /// Scores a model on the text; `progress` gets the share of the tokens done, and perplexity so far.
  func run(
    _ model: Model, as rotary: RotaryRequest = .asStored, progress: (Double, Double?) -> Void
  ) throws -> PerplexityResult {
    var evaluation = evaluation
    evaluation.rotary = rotary
    return try evaluation.run(model, on: text) {
      progress($0.tokens / Double(max($0.totalTokens, 1)), $0.perplexity)
    }
  }
}
