import Inference
import Models
import Rotary

/// A prompt followed by an answer, as token ids.
package struct Completion: Sendable, Equatable {
  /// Prompt and answer.
  package let tokens: [Int32]
  /// Where the answer stands in `tokens`; it begins after the first token.
  package let answer: Range<Int>

  /// - Throws: `EvaluationError.usage` for an empty prompt or answer.
  package init(prompt: [Int32], answer: [Int32]) throws(EvaluationError) {
    guard !prompt.isEmpty, !answer.isEmpty else {
      throw .usage("a prompt and an answer need at least one token each")
    }
    tokens = prompt + answer
    self.answer = prompt.count..<(prompt.count + answer.count)
  }
}

/// What a model thinks of an answer after its prompt, the answer's own tokens given to it.
///
/// Greedy decoding yields the answer exactly when each of its tokens is the most likely one with
/// those before it given, so one pass per prompt tells both.
package struct CompletionScore: Sendable, Equatable {
  /// Sum over the answer's tokens, in nats.
  package let negativeLogLikelihood: Double
  /// Tokens of the answer.
  package let tokens: Int
  /// Whether greedy decoding gives the answer.
  package let isGreedy: Bool

  /// In nats per token.
  package var meanNegativeLogLikelihood: Double { negativeLogLikelihood / Double(max(tokens, 1)) }
}

/// Scores answers after prompts, several at a time.
struct CompletionScorer {
  let model: Model
  let rotary: RotaryRequest
  let options: RunOptions
  /// Whether the last token of an answer goes through the model too. It predicts nothing, but a
  /// sequence is longer with it, which some frequencies depend on.
  var passesLast = true

  /// Scores the answers in one pass, in which what prompts begin with in common is computed once.
  /// - Parameters:
  ///   - completions: prompts with their answers.
  ///   - onLayer: called after each layer with the share done.
  /// - Returns: the scores, and how many tokens were computed for them.
  /// - Throws: the errors of the pass, `ModelError.notFinite`.
  func score(
    _ completions: [Completion], onLayer: (Double) -> Void = { _ in }
  ) throws -> (scores: [CompletionScore], computedTokens: Int) {
    let layers = Double(model.plan.layers.count + 1)
    let pass = ForwardPass(
      plan: model.plan, as: rotary, arithmetic: options.arithmetic, threads: options.threads)
    let sequences = completions.map(\.tokens)
    let answers = completions.map(\.answer)
    let hidden = try pass.run(
      passesLast ? sequences : sequences.map { $0.dropLast() },
      wanted: ForwardPass.Wanted(ScoredPlaces.predicting(answers), sharesPrefixes: true)
    ) { onLayer(Double($0) / layers) }
    let scored = ScoredPlaces(sequences, answers, in: hidden)
    let found = try TargetScorer(blocks: LogitBlocks(of: pass)).scores(hidden, at: scored)
    let scores = try scored.bySequence(found).map { own in
      let sum = own.reduce(0) { $0 + $1.negativeLogLikelihood }
      guard sum.isFinite else {
        throw ModelError.notFinite(
          file: model.checkpoint.path, what: "the likelihood of an answer's token")
      }
      return CompletionScore(
        negativeLogLikelihood: sum, tokens: own.count, isGreedy: own.allSatisfy(\.isTop))
    }
    return (scores, hidden.rows)
  }
}
