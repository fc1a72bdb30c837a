/// The needle tasks: sentences that give keys their values, hidden in a haystack.
extension RulerGenerator {
  /// Needles in a text may stand at so many depths, from 0 to 100 percent at equal distances.
  private static let depths = 40

  func needleDraft(
    _ task: RulerTask, _ needles: RulerTask.Needles, budget: Int, _ random: inout SeededGenerator
  ) throws -> RulerDraft {
    let text = NeedleText(needles)
    var keys: [String] = []
    var values: [[String]] = []
    var lines: [String] = []
    for _ in 0..<needles.keys {
      let key = random.needlePart(needles.keyKind, notIn: keys)
      var own: [String] = []
      for _ in 0..<needles.values {
        let value = random.needlePart(needles.valueKind, notIn: values.joined() + own)
        own.append(value)
        lines.append(text.needle(key, value))
      }
      keys.append(key)
      values.append(own)
    }
    lines = random.shuffled(lines)
    let queries = random.shuffled(random.sample(needles.queries, below: keys.count))
    let question = text.question(queries.map { keys[$0] })
    let references = queries.flatMap { values[$0] }

    if task.haystack == .essay {
      let depths = random.sample(lines.count, below: Self.depths).map(Self.percent)
      let essay = try essay(for: task)
      return RulerDraft(references: references, units: 1...max(budget, 1)) { words in
        let haystack = essay.haystack(words: words, inserting: lines, depths: depths)
        return text.introduction + haystack + question
      }
    }
    // Every size begins with the same state, so that needles keep their relative places and a
    // haystack of needles only gets longer.
    return RulerDraft(
      references: references, units: lines.count...max(budget, lines.count)
    ) { [random, keys, lines] units in
      var random = random
      let places = random.sample(lines.count, below: units)
      let haystack = rulerLines(
        units,
        line: { _ in
          guard task.haystack == .needles else { return rulerNoise }
          // Another value of a key that is asked for would make the answer wrong.
          let key = random.needlePart(needles.keyKind, notIn: keys)
          return text.needle(key, random.needlePart(needles.valueKind, notIn: references))
        }, inserting: lines, before: places)
      return text.introduction + haystack + question
    }
  }

  private func essay(for task: RulerTask) throws -> EssayText {
    guard let essay else {
      throw EvaluationError.usage("\(task.rawValue) needs a text for its haystack")
    }
    guard essay.words > 0 else {
      throw EvaluationError.usage("\(task.rawValue): the text for the haystack holds no words")
    }
    return essay
  }

  /// Depths of 0 to 100 percent, rounded to whole ones.
  private static func percent(_ number: Int) -> Int {
    (200 * number + depths - 1) / (2 * (depths - 1))
  }
}

/// What a needle prompt says around its haystack, in the singular for one value.
private struct NeedleText {
  /// "numbers" or "uuids", as the needles have it.
  let kind: String
  let isSingle: Bool

  init(_ needles: RulerTask.Needles) {
    kind = needles.valueKind.rawValue
    isSingle = needles.queries * needles.values == 1
  }

  private var asked: String { isSingle ? String(kind.dropLast()) : kind }

  func needle(_ key: String, _ value: String) -> String {
    "One of the special magic \(kind) for \(key) is: \(value)."
  }

  var introduction: String {
    "\(isSingle ? "A" : "Some") special magic \(asked) \(isSingle ? "is" : "are") hidden within "
      + "the following text. Make sure to memorize it. I will quiz you about the \(asked) "
      + "afterwards.\n"
  }

  func question(_ keys: [String]) -> String {
    let query =
      keys.count > 1
      ? keys.dropLast().joined(separator: ", ") + ", and " + (keys.last ?? "")
      : keys.first ?? ""
    return "\nWhat \(isSingle ? "is" : "are all") the special magic \(asked) for \(query) "
      + "mentioned in the provided text? The special magic \(asked) for \(query) mentioned in the "
      + "provided text \(isSingle ? "is" : "are")"
  }
}

extension SeededGenerator {
  /// A key or value that is not among the given ones.
  fileprivate mutating func needlePart(
    _ kind: RulerTask.NeedleKind, notIn taken: [String]
  ) -> String {
    while true {
      let part =
        switch kind {
        case .word: RulerWords.pair(integer(below: RulerWords.pairs))
        case .number: String(1_000_000 + integer(below: 9_000_000))
        case .uuid: uuid()
        }
      if !taken.contains(part) { return part }
    }
  }

  /// A version 4 UUID (RFC 9562) in lower case.
  private mutating func uuid() -> String {
    let high = next() & ~0xF000 | 0x4000
    let low = next() & ~(0b11 << 62) | 0b10 << 62
    let digits = [high, low].map { half in
      let text = String(half, radix: 16)
      return String(repeating: "0", count: 16 - text.count) + text
    }.joined()
    var result = ""
    for (index, digit) in digits.enumerated() {
      if [8, 12, 16, 20].contains(index) { result.append("-") }
      result.append(digit)
    }
    return result
  }
}
