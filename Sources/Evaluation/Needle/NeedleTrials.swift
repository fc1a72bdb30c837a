import Vocabulary

/// The trials of a needle test: every one is made from the seed and its own place in the grid.
struct NeedleTrials {
  /// Grows when a seed's prompts change.
  static let version = 3

  let template: NeedleTemplate
  let haystack: TokenizedHaystack
  let tokenizer: Tokenizer
  let chat: ChatFormat?
  let seed: UInt64
  let passages: NeedleEvaluation.Passages

  /// A haystack with the needle in it.
  /// - Parameters:
  ///   - length: tokens, question and answer included.
  ///   - depth: percent of the haystack's tokens before the needle, moved back to the end of the
  ///     sentence before.
  ///   - trial: each has keys and values of its own, and a passage, which is the same at all depths
  ///     and only longer at greater lengths: what differs between cells is not the text.
  /// - Returns: the haystack with the question as the prompt, and the answer.
  /// - Throws: `EvaluationError.usage` where the length leaves no room.
  func completion(length: Int, depth: Double, trial: Int) throws -> Completion {
    var random = SeededGenerator(
      seed: seed, task: "needle at \(depth) percent", length: length, index: trial)
    let key = random.element(of: template.keys) ?? ""
    let value = template.values.lowerBound + random.integer(below: template.values.count)
    let start = start(ofTrial: trial)
    let needle = template.filled(template.needle, key: key, value: value)
    let question = template.filled(template.question, key: key, value: value)
    let answer = try encode(template.filled(template.answer, key: key, value: value))
    var head = tokenizer.addsBOS ? [tokenizer.bos].compactMap { $0 } : []
    var tail = try encode(" " + question)
    if let chat {
      head += try encode(chat.beforeUser, special: true)
      let (asked, begun) = Self.split(question)
      tail = try encode("\n\n" + asked) + encode(chat.afterUser, special: true) + encode(begun)
    }
    func text(around inserted: [Int32]) throws -> (tokens: [Int32], ends: [Bool]) {
      let room = length - head.count - tail.count - inserted.count - answer.count
      guard room >= 1 else {
        throw EvaluationError.usage(
          "length \(length) is too short: needle, question and answer take \(length - room) tokens"
        )
      }
      return haystack.passage(from: start, count: room)
    }
    var inserted = try encode(" " + needle)
    var (passage, ends) = try text(around: inserted)
    var place = Int((Double(passage.count) * depth / 100).rounded())
    if depth < 100 {
      while place > 0, !ends[place - 1] { place -= 1 }
    }
    // Most tokens begin with the space before a word; those at the beginning of a line do not.
    let isLast = place == passage.count
    let spaceBefore = place > 0 && !isSpace(tokenizer.decode([passage[place - 1]]).last)
    let spaceAfter = !isLast && !isSpace(tokenizer.decode([passage[place]]).first)
    if !spaceBefore || spaceAfter {
      inserted = try encode((spaceBefore ? " " : "") + needle + (spaceAfter ? " " : ""))
      (passage, ends) = try text(around: inserted)
      place = isLast ? passage.count : min(place, passage.count)
    }
    return try Completion(
      prompt: head + passage[..<place] + inserted + passage[place...] + tail, answer: answer)
  }

  /// The first trial reads the haystack from its beginning, as the classic test does.
  private func start(ofTrial trial: Int) -> Int {
    guard trial > 0, passages == .own else { return 0 }
    var random = SeededGenerator(seed: seed, task: "passage of a needle", length: 0, index: trial)
    return haystack.sentence(from: random.integer(below: haystack.tokens.count))
  }

  private func isSpace(_ byte: UInt8?) -> Bool {
    byte.map { [0x20, 0x0A, 0x0D, 0x09].contains($0) } ?? false
  }

  private func encode(_ text: String, special: Bool = false) throws -> [Int32] {
    try tokenizer.encode(Array(text.utf8), addSpecial: false, parseSpecial: special)
  }

  /// In a chat the question is the user's, and what follows its question mark begins the reply.
  private static func split(_ question: String) -> (asked: String, begun: String) {
    guard let mark = question.lastIndex(of: "?") else { return (question, "") }
    let rest = question[question.index(after: mark)...]
    return (String(question[...mark]), String(rest.drop { $0 == " " }))
  }
}
