import Base
import Checkpoints

/// One prompt of a RULER task and what must be found in it.
package struct RulerSample: Sendable, Equatable {
  package let task: RulerTask
  /// Tokens that prompt and answer may take together.
  package let length: Int
  /// Number of the sample, from 0.
  package let index: Int
  /// Task text, haystack, question and the beginning of the answer.
  package let prompt: String
  /// Tokens of the prompt, with those that the tokenizer puts before a text; at most
  /// `length - maximumNewTokens`.
  package let promptTokens: Int
  /// The strings that an output should contain: each of them, or for `qa` any.
  package let references: [String]

  /// Tokens to generate after the prompt.
  package var maximumNewTokens: Int { task.maximumNewTokens }

  /// A right answer as the continuation of the prompt, for a model that is scored by the answer's
  /// negative log-likelihood: in the form that the task's solved example has, else the references
  /// joined by ", ", and before it a space where the prompt does not end with one. Where any
  /// reference will do, the first alone.
  package var answerText: String {
    let answer =
      switch task {
      case .variableTracking: references.joined(separator: " ")
      case .commonWords: RulerWords.numbered(references)
      case .questions1, .questions2: references.first ?? ""
      default: references.joined(separator: ", ")
      }
    return prompt.utf8.last == UInt8(ascii: " ") ? answer : " " + answer
  }

  /// The prompt as the published tools keep it: the question, and the beginning of the answer, which
  /// a chat's reply begins with.
  package var parts: (input: String, answerPrefix: String) {
    let beginning = task.needles == nil ? " Answer:" : " The special magic"
    // A prompt ends with the beginning of its answer, so that the last one found is it.
    guard let start = prompt.ranges(of: beginning).last?.lowerBound else { return (prompt, "") }
    return (String(prompt[..<start]), String(prompt[start...]))
  }

  /// The sample with the published tools' names (`index`, `input`, `outputs`, `length`,
  /// `answer_prefix`), and what a whole file of one task says there once for all samples.
  package var json: JSONValue {
    let (input, answerPrefix) = parts
    return [
      "index": JSONValue(index), "input": .string(input),
      "outputs": .array(references.map { .string($0) }),
      "length": JSONValue(promptTokens + maximumNewTokens), "answer_prefix": .string(answerPrefix),
      "task": .string(task.rawValue), "max_seq_length": JSONValue(length),
      "tokens_to_generate": JSONValue(maximumNewTokens),
    ]
  }
}
