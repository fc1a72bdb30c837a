import Vocabulary

/// Requests as token ids, in the way of lm-evaluation-harness 0.4.13 (`TemplateLM` and its `hf`
/// model), so that its numbers can be compared.
package struct HarnessTokens {
  /// Grows when a request gets other tokens.
  static let version = 3

  let tokenizer: Tokenizer
  /// The most tokens that the model sees.
  let context: Int
  /// What stands before a text that has nothing before it: the token that begins texts, or else the
  /// one that ends them, of those that the tokenizer names.
  let prefix: Int32

  /// - Throws: `EvaluationError.usage` for a tokenizer that has neither token.
  init(_ tokenizer: Tokenizer, context: Int) throws(EvaluationError) {
    guard let prefix = tokenizer.namedBOS ?? tokenizer.namedEOS else {
      throw .usage(
        "\(tokenizer.file): the tokenizer names no token that begins or ends texts, which stands"
          + " before an empty context")
    }
    self.tokenizer = tokenizer
    self.context = context
    self.prefix = prefix
  }

  /// A request whose likelihood is asked for.
  struct Scored: Sendable {
    let completion: Completion
    /// Tokens at the beginning that the model does not see.
    let cut: Int
  }

  /// A continuation after its context.
  /// - Throws: `EvaluationError.usage` for a continuation that has no token of its own, or more of
  ///   them than the model sees.
  func scored(context: String, continuation: String) throws -> Scored {
    let (before, after) = try pair(context, continuation)
    return try scored(before, after)
  }

  /// The windows of a text: every token is predicted once, with as much before it as the model sees
  /// where windows follow each other.
  func windows(of text: String) throws -> [Completion] {
    let tokens = try encode(text)
    return try stride(from: 0, to: tokens.count, by: context).map { first in
      let last = min(first + context, tokens.count)
      // The last window is as long as the others, as far as the text goes back; what they have
      // predicted is context there.
      let start = max(last - context, 0)
      let before = start == 0 ? [prefix] : [tokens[start - 1]]
      return try Completion(
        prompt: before + tokens[start..<first], answer: Array(tokens[first..<last]))
    }
  }

  /// A text to write on after, which leaves room for `maximum` tokens.
  func prompt(_ text: String, maximum: Int) throws -> (tokens: [Int32], cut: Int) {
    guard maximum < context else {
      throw EvaluationError.usage(
        "\(maximum) tokens to generate leave no room in a context of \(context)")
    }
    let tokens = try encode(text)
    guard !tokens.isEmpty else {
      throw EvaluationError.usage("the context has no tokens that could be continued")
    }
    let kept = tokens.suffix(context - maximum)
    return (Array(kept), tokens.count - kept.count)
  }

  private func scored(_ before: [Int32], _ after: [Int32]) throws -> Scored {
    guard !after.isEmpty else {
      throw EvaluationError.usage("the continuation has no token of its own")
    }
    guard after.count <= context else {
      throw EvaluationError.usage(
        "the continuation has \(after.count) tokens, more than the context of \(context)")
    }
    // The last token predicts nothing, so that one more has room.
    let room = context + 1 - after.count
    let kept = before.suffix(room)
    return Scored(
      completion: try Completion(prompt: Array(kept), answer: after),
      cut: before.count - kept.count)
  }

  private func pair(
    _ context: String, _ continuation: String
  ) throws -> (before: [Int32], after: [Int32]) {
    guard !context.isEmpty else {
      let tokens = try tokenizer.encode(
        Array(continuation.utf8), addSpecial: false, parseSpecial: true)
      // A continuation that begins with the prefix has it as its context.
      return tokens.first == prefix ? ([prefix], Array(tokens.dropFirst())) : ([prefix], tokens)
    }
    let scalars = context.unicodeScalars
    let end = scalars.lastIndex { !$0.isPythonSpace }.map(scalars.index(after:))
    let head = String(scalars[..<(end ?? scalars.startIndex)])
    // Spaces at the end belong to the words after them. The parts are cut at code points.
    var whole = Array(context.utf8)
    whole += continuation.utf8
    let before = try encode(Array(head.utf8))
    let after = Array(try encode(whole).dropFirst(before.count))
    return (before.isEmpty ? [prefix] : before, after)
  }

  /// Token ids with what the tokenizer puts before a text, where the text does not begin with it.
  /// Special tokens in it count as such. What the tokenizer puts after a text is left out: the
  /// harness counts it as the context's end, and loses as many tokens of the continuation.
  private func encode(_ text: [UInt8]) throws -> [Int32] {
    try tokenizer.encode(prompt: [.marked(text)])
  }

  private func encode(_ text: String) throws -> [Int32] { try encode(Array(text.utf8)) }
}
