import Vocabulary

/// One trial: a haystack with a needle in it, the question, and the answer.
struct NeedleTrial {
  let completion: Completion
  /// What the completion's tokens are of, without the token that begins every text.
  let prompt: [UInt8]
  let answer: [UInt8]
  /// Tokens of the haystack.
  let haystackTokens: Int
  /// Percent of them that stand before the needle.
  let placed: Double
}

/// The trials of a needle test: every one is made from the seed and its own place in the grid.
struct NeedleTrials {
  /// Grows when a seed's prompts, or their tokens, change.
  static let version = 5
  /// Sizes of a haystack that are tried; nearly always the second has the length.
  private static let attempts = 20

  let template: NeedleTemplate
  let haystack: TokenizedHaystack
  let tokenizer: Tokenizer
  let chat: ChatFormat?
  let seed: UInt64
  let passages: NeedleEvaluation.Passages

  /// A haystack with the needle in it.
  /// - Parameters:
  ///   - length: tokens, question and answer included. Where no number of the haystack's tokens gives
  ///     so many, since some join their neighbours, there are a few less.
  ///   - depth: percent of the haystack's tokens before the needle, moved to the end of a sentence
  ///     near by.
  ///   - trial: each has keys and values of its own, and a passage, which is the same at all depths
  ///     and only longer at greater lengths: what differs between cells is not the text.
  /// - Returns: the haystack with the question as the prompt, and the answer.
  /// - Throws: `EvaluationError.usage` where the length leaves no room.
  func trial(length: Int, depth: Double, trial: Int) throws -> NeedleTrial {
    var random = SeededGenerator(
      seed: seed, task: "needle at \(depth) percent", length: length, index: trial)
    let key = random.element(of: template.keys) ?? ""
    let value = template.values.lowerBound + random.integer(below: template.values.count)
    func filled(_ text: String) -> String { template.filled(text, key: key, value: value) }
    let draft = Draft(
      needle: filled(template.needle), question: filled(template.question),
      begin: filled(template.begin), answer: answer(filled(template.answer)),
      start: start(ofTrial: trial), depth: depth)
    let bare = try made(draft, room: 0).completion.tokens.count
    // Tokens at the joints may be more or fewer than those of the parts.
    var room = length - bare
    var best: NeedleTrial?
    var tried: Set<Int> = []
    while room >= 1, tried.count < Self.attempts, tried.insert(room).inserted {
      let found = try made(draft, room: room)
      let count = found.completion.tokens.count
      if count <= length, count > best?.completion.tokens.count ?? 0 { best = found }
      if count == length { break }
      room =
        count > length
        ? min(room * (length - bare) / (count - bare), room - 1) : room + length - count
    }
    guard let best, best.haystackTokens > 0 else {
      throw EvaluationError.usage(
        "length \(length) is too short: needle, question and answer take \(bare) tokens")
    }
    return best
  }

  /// What a trial is made of, but for the size of its haystack.
  private struct Draft {
    let needle: String
    let question: String
    /// What the reply begins with.
    let begin: String
    let answer: [UInt8]
    /// Where in the haystack its passage begins.
    let start: Int
    let depth: Double
  }

  /// The trial with so many tokens of the haystack.
  private func made(_ draft: Draft, room: Int) throws -> NeedleTrial {
    let passage = haystack.passage(from: draft.start, count: room)
    let place = passage.place(at: draft.depth)
    var before = passage.text(0..<place)
    let after = passage.text(place..<passage.count)
    // A text begins without a space: one would stand there twice where the tokenizer, or what is
    // before it in a chat, has one.
    if before.first == 0x20, tokenizer.addsSpacePrefix || chat != nil { before.removeFirst() }
    // Most words come with the space before them; those at the beginning of a line do not.
    if let last = before.last, !SentenceEnds.isSpace(last) { before.append(0x20) }
    before += draft.needle.utf8
    if let first = after.first, !SentenceEnds.isSpace(first) { before.append(0x20) }
    let text = before + after
    let parts: [(text: [UInt8], isMarked: Bool)]
    if let chat {
      parts = [
        (Array(chat.beforeUser.utf8), true), (text + Array("\n\n\(draft.question)".utf8), false),
        (Array(chat.afterUser.utf8), true), (Array(draft.begin.utf8), false),
      ]
    } else {
      let joint = text.last == 0x20 ? "" : " "
      let begun = draft.begin.isEmpty ? "" : " \(draft.begin)"
      parts = [(text + Array("\(joint)\(draft.question)\(begun)".utf8), false)]
    }
    let (prompt, answer) = try tokenizer.encode(
      prompt: parts.map { $0.isMarked ? PromptPart.marked($0.text) : .plain($0.text) },
      continuation: draft.answer)
    return NeedleTrial(
      completion: try Completion(prompt: prompt, answer: answer), prompt: parts.flatMap { $0.text },
      answer: draft.answer, haystackTokens: passage.count,
      placed: 100 * Double(place) / Double(max(passage.count, 1)))
  }

  /// The first trial reads the haystack from its beginning, as the classic test does.
  private func start(ofTrial trial: Int) -> Int {
    guard trial > 0, passages == .own else { return 0 }
    var random = SeededGenerator(seed: seed, task: "passage of a needle", length: 0, index: trial)
    return haystack.sentence(from: random.integer(below: haystack.count))
  }

  /// The answer as bytes: a chat's reply begins without a space.
  private func answer(_ text: String) -> [UInt8] {
    let bytes = Array(text.utf8)
    return chat != nil && template.begin.isEmpty ? Array(bytes.drop { $0 == 0x20 }) : bytes
  }
}
