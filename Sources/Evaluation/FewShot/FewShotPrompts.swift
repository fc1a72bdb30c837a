import Vocabulary

/// Writes a task's examples as prompts: shots with their right answers, then the example.
struct FewShotPrompts {
  /// Grows when a seed's prompts change.
  static let version = 2

  let task: FewShotTask
  let tokenizer: Tokenizer
  let shots: Int
  let seed: UInt64
  /// What stands between context and continuation.
  let delimiter: String

  /// One completion for each answer of an example; what is scored is what the answers differ in.
  /// - Throws: `EvaluationError.questions` where an answer has no token of its own.
  func completions(_ index: Int) throws -> [Completion] {
    let example = task.examples[index]
    let head = shotIndices(index).map { text(task.examples[$0]) + "\n\n" }.joined()
    let texts = (0..<example.options).map { head + text(example, option: $0) }
    let tokens = try texts.map(encode)
    switch task.kind {
    case .multipleChoice:
      let common = Self.commonPrefix(tokens)
      if let short = tokens.firstIndex(where: { $0.count == common }) {
        let choices = example.continuations
        let other = short == 0 ? 1 : 0
        throw malformed(
          index,
          "the tokens of choice \(Self.quoted(choices[short])) are the first ones of choice"
            + " \(Self.quoted(choices[other])): none is left to tell it by")
      }
      return try tokens.map { try completion($0, answer: common..<$0.count, index) }
    case .schema:
      let common = Self.commonPrefix(tokens.map { $0.reversed() })
      if let short = tokens.firstIndex(where: { $0.count == common }) {
        throw malformed(
          index,
          "with option \(Self.quoted(example.contexts[short])) every token is one that the"
            + " other options end with: none is left to tell it by")
      }
      guard common > 0 else {
        throw malformed(index, "the options leave the continuation no token in common to score")
      }
      return try tokens.map { try completion($0, answer: ($0.count - common)..<$0.count, index) }
    case .languageModeling:
      // What stands before the continuation may end in other tokens alone than it has before it.
      let context = try encode(
        (head + example.contexts[0].trimmingSpace() + delimiter).trimmingTrailingSpace())
      let common = Self.commonPrefix([tokens[0], context])
      return [try completion(tokens[0], answer: common..<tokens[0].count, index)]
    }
  }

  /// Other examples, drawn for this one.
  private func shotIndices(_ index: Int) -> [Int] {
    var random = SeededGenerator(seed: seed, task: task.name, length: shots, index: index)
    let others = random.sample(shots, below: task.examples.count - 1)
      .map { $0 < index ? $0 : $0 + 1 }
    return random.shuffled(others)
  }

  /// An example with one of its answers, the right one by default.
  private func text(_ example: FewShotTask.Example, option: Int? = nil) -> String {
    let option = option ?? example.gold
    let context = example.contexts.count > 1 ? example.contexts[option] : example.contexts[0]
    let continuation =
      example.continuations.count > 1 ? example.continuations[option] : example.continuations[0]
    let before = task.kind == .languageModeling ? context.trimmingSpace() : context
    return before + delimiter + continuation
  }

  private func encode(_ text: String) throws -> [Int32] {
    try tokenizer.encode(prompt: [.plain(text.utf8)])
  }

  private func completion(
    _ tokens: [Int32], answer: Range<Int>, _ index: Int
  ) throws -> Completion {
    guard !answer.isEmpty else {
      throw malformed(index, "the continuation has no token of its own after its context")
    }
    guard answer.lowerBound >= 1 else {
      throw malformed(index, "no token stands before the answer, to predict its first one from")
    }
    return try Completion(
      prompt: Array(tokens[..<answer.lowerBound]), answer: Array(tokens[answer]))
  }

  private func malformed(_ index: Int, _ problem: String) -> EvaluationError {
    .questions(
      file: task.file, problem: "task \(task.name), line \(task.line(of: index)): \(problem)")
  }

  /// The end of a text, where what tells it from others is likelier.
  private static func quoted(_ text: String) -> String {
    "'\(text.count > 40 ? "...\(text.suffix(37))" : text)'"
  }

  private static func commonPrefix(_ lists: [[Int32]]) -> Int {
    guard let first = lists.first else { return 0 }
    var count = 0
    while lists.allSatisfy({ count < $0.count && $0[count] == first[count] }) { count += 1 }
    return count
  }
}

extension String {
  fileprivate func trimmingSpace() -> String {
    String(drop(while: \.isWhitespace)).trimmingTrailingSpace()
  }

  fileprivate func trimmingTrailingSpace() -> String {
    var text = self
    while text.last?.isWhitespace == true { text.removeLast() }
    return text
  }
}
