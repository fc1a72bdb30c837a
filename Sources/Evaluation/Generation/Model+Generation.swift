import Inference
import Rotary

extension Model {
  /// Greedy continuations of prompts, at most `maximum` tokens each, up to a token that ends a text:
  /// EOS, and those that the checkpoint names besides.
  /// - Parameters:
  ///   - prompts: token ids, at least one each.
  ///   - maximum: tokens of the longest continuation.
  ///   - rotary: the variant to compute; the checkpoint's own by default.
  ///   - threads: threads to work with.
  ///   - isDone: called after each token with the prompt's index and what was generated; true ends
  ///     that sequence.
  ///   - onStep: called after each step with the number of steps done.
  /// - Returns: the token ids generated, in the order of the prompts.
  /// - Throws: `ModelError` for a token outside the vocabulary or logits that are not finite.
  public func generate(
    _ prompts: [[Int32]], maximum: Int, rotary: RotaryRequest = .asStored,
    threads: Int = 1, isDone: (Int, [Int32]) -> Bool = { _, _ in false },
    onStep: (Int) -> Void = { _ in }
  ) throws -> [[Int32]] {
    let stops = try tokenizer().ends(of: checkpoint)
    return try TokenGenerator(
      ForwardPass(plan: plan, as: rotary, threads: threads), stops: Set(stops)
    ).generate(prompts, maximum: maximum, isDone: isDone, onStep: onStep)
  }
}
