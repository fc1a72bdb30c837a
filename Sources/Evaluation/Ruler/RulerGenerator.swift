import Base
import Checkpoints
import OrderedCollections
import Vocabulary

/// Makes the prompts of RULER's tasks (arXiv:2404.06654) for a tokenizer.
///
/// The texts around the haystacks are the published ones; words, random numbers and the order of
/// draws are ours, so that prompts agree with the published tool's in kind, not letter by letter.
package struct RulerGenerator: Sendable {
  /// Grows when a seed's prompts, or their tokens, change.
  package static let version = 3
  /// Longer prompts are not made.
  package static let longestLength = 1 << 24
  /// Below it the worked example of a list is short and words are repeated less often.
  static let fullLength = 4096

  package let tokenizer: Tokenizer
  package let seed: UInt64
  let essay: EssayText?
  private let essayHash: String?
  let squad: RulerQuestions?
  let hotpot: RulerQuestions?

  /// - Parameters:
  ///   - tokenizer: the model's, which counts tokens.
  ///   - essays: text of the essay haystacks, its files joined in sorted order.
  ///   - squad: questions of `qa_1`.
  ///   - hotpot: questions of `qa_2`.
  ///   - seed: two generators of one seed make the same samples.
  package init(
    tokenizer: Tokenizer, essays: String? = nil, squad: RulerQuestions? = nil,
    hotpot: RulerQuestions? = nil, seed: UInt64 = RulerTask.publishedSeed
  ) {
    self.tokenizer = tokenizer
    self.seed = seed
    self.squad = squad
    self.hotpot = hotpot
    essay = essays.map(EssayText.init)
    essayHash = essays.map { SourceHash.sha256(text: $0) }
  }

  /// Hashes of the texts that prompts are made from, as they were read.
  var materials: OrderedDictionary<String, JSONValue> {
    var hashes: OrderedDictionary<String, JSONValue> = [:]
    if let essayHash { hashes["essays_sha256"] = .string(essayHash) }
    if let squad { hashes["squad_sha256"] = .string(squad.hash) }
    if let hotpot { hashes["hotpot_sha256"] = .string(hotpot.hash) }
    return hashes
  }

  /// One sample, with as many haystack units as fit. It depends on nothing but the generator's
  /// parts and these three: samples can be made in any order, and each alone.
  /// - Parameters:
  ///   - task: the task.
  ///   - length: tokens of prompt and answer together.
  ///   - index: number of the sample, from 0; for `qa` the number of the question.
  /// - Returns: the prompt and its references.
  /// - Throws: `EvaluationError.usage` where the essays or questions that the task needs are missing
  ///   or too few, or where not even the smallest haystack fits.
  package func sample(task: RulerTask, length: Int, index: Int) throws -> RulerSample {
    let draft = try draft(task: task, length: length, index: index)
    let search = HaystackSearch(
      budget: max(length, 0) - task.maximumNewTokens, units: draft.units)
    switch try search.run(count: { try tokens(of: draft.prompt($0)) }) {
    case .fits(let units, let tokens):
      return RulerSample(
        task: task, length: length, index: index, prompt: draft.prompt(units),
        promptTokens: tokens, references: draft.references)
    case .tooLong(let tokens):
      throw EvaluationError.usage(
        "\(task.rawValue): length \(length), expected at least "
          + "\(tokens + task.maximumNewTokens) tokens: \(tokens) of the shortest prompt and "
          + "\(task.maximumNewTokens) of the answer")
    }
  }

  /// A sample without its haystack, as `sample` begins it.
  func draft(task: RulerTask, length: Int, index: Int) throws -> RulerDraft {
    guard index >= 0 else {
      throw EvaluationError.usage("\(task.rawValue): sample \(index), expected at least 0")
    }
    guard length <= Self.longestLength else {
      throw EvaluationError.usage(
        "\(task.rawValue): length \(length), expected at most \(Self.longestLength)")
    }
    var random = SeededGenerator(seed: seed, task: task.rawValue, length: length, index: index)
    return try draft(
      task, budget: max(length, 0) - task.maximumNewTokens, length: length, index: index, &random)
  }

  /// Tokens of a text as a model reads it, with those that the tokenizer puts before one.
  func tokens(of text: String) throws -> Int {
    try tokenizer.encode(prompt: [.plain(text.utf8)]).count
  }

  private func draft(
    _ task: RulerTask, budget: Int, length: Int, index: Int, _ random: inout SeededGenerator
  ) throws -> RulerDraft {
    if let needles = task.needles {
      return try needleDraft(task, needles, budget: budget, &random)
    }
    switch task {
    case .variableTracking: return try chainDraft(budget: budget, &random)
    case .commonWords: return commonWordsDraft(length: length, &random)
    case .frequentWords: return frequentWordsDraft(budget: budget, &random)
    default: return try questionDraft(task, index: index, &random)
    }
  }
}

/// A sample whose haystack has no size yet: what is asked for is chosen and does not change with
/// the size.
struct RulerDraft {
  let references: [String]
  /// Sizes that the haystack may have.
  let units: ClosedRange<Int>
  /// The prompt with so many haystack units.
  let prompt: (Int) -> String
}

/// The line of which noise consists.
let rulerNoise =
  "The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again."

/// A haystack of lines, and others between them: the others are put before the lines with the
/// given numbers, which ascend.
func rulerLines(
  _ count: Int, line: (Int) -> String, inserting others: [String], before places: [Int]
) -> String {
  var lines: [String] = []
  lines.reserveCapacity(count + others.count)
  var next = 0
  for number in 0..<count {
    while next < min(places.count, others.count), places[next] == number {
      lines.append(others[next])
      next += 1
    }
    lines.append(line(number))
  }
  return lines.joined(separator: "\n")
}
