/// One prompt of a RULER task and what must be found in it.
public struct RulerSample: Sendable, Equatable {
  public let task: RulerTask
  /// Tokens that prompt and answer may take together.
  public let length: Int
  /// Number of the sample, from 0.
  public let index: Int
  /// Task text, haystack, question and the beginning of the answer.
  public let prompt: String
  /// Tokens of the prompt, with those that the tokenizer adds to a text; at most
  /// `length - maximumNewTokens`.
  public let promptTokens: Int
  /// The strings that an output should contain: each of them, or for `qa` any.
  public let references: [String]

  /// Tokens to generate after the prompt.
  public var maximumNewTokens: Int { task.maximumNewTokens }

  /// A right answer as the continuation of the prompt, for a model that is scored by the answer's
  /// negative log-likelihood: in the form that the task's solved example has, else the references
  /// joined by ", ", and before it a space where the prompt does not end with one. Where any
  /// reference will do, the first alone.
  public var answerText: String {
    let answer =
      switch task {
      case .variableTracking: references.joined(separator: " ")
      case .commonWords: RulerWords.numbered(references)
      case .questions1, .questions2: references.first ?? ""
      default: references.joined(separator: ", ")
      }
    return prompt.utf8.last == UInt8(ascii: " ") ? answer : " " + answer
  }
}
