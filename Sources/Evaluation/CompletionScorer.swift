import Inference
import Models
import Rotary

/// A prompt with an answer behind it, as token ids.
package struct Completion: Sendable, Equatable {
  /// Prompt and answer.
  package let tokens: [Int32]
  /// Where the answer stands in `tokens`; it begins behind the first token.
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

/// What a model thinks of an answer behind its prompt, the answer's own tokens given to it.
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

/// Scores answers behind prompts, several at a time.
struct CompletionScorer {
  let model: Model
  let rotary: RotaryRequest
  let options: RunOptions

  /// - Parameter onLayer: called after each layer with the share done.
  func score(
    _ completions: [Completion], onLayer: (Double) -> Void = { _ in }
  ) throws -> [CompletionScore] {
    let layers = Double(model.plan.layers.count + 1)
    let pass = ForwardPass(
      plan: model.plan, as: rotary, arithmetic: options.arithmetic, threads: options.threads)
    let hidden = try pass.run(completions.map(\.tokens)) { onLayer(Double($0) / layers) }
    var rows: [Int] = []
    var targets: [Int32] = []
    for (index, completion) in completions.enumerated() {
      for place in completion.answer {
        rows.append(hidden.starts[index] + place - 1)
        targets.append(completion.tokens[place])
      }
    }
    let scores = try TargetScorer(blocks: LogitBlocks(of: pass))
      .scores(hidden, rows: rows, counts: completions.map(\.answer.count), targets: targets)
    var next = 0
    return try completions.map { completion in
      let own = scores[next..<(next + completion.answer.count)]
      next += completion.answer.count
      let sum = own.reduce(0) { $0 + $1.negativeLogLikelihood }
      guard sum.isFinite else {
        throw ModelError.notFinite(
          file: model.checkpoint.path, what: "the likelihood of an answer's token")
      }
      return CompletionScore(
        negativeLogLikelihood: sum, tokens: own.count, isGreedy: own.allSatisfy(\.isTop))
    }
  }
}
