import Base
import Checkpoints
import Foundation
import OrderedCollections

/// Examples of one few-shot task in the format of the CORE bundle (DCLM, arXiv:2406.11794): a JSON
/// object a line.
package struct FewShotTask: Sendable {
  /// How examples are written and judged.
  package enum Kind: String, Sendable {
    /// `query`, `choices`, `gold`: the choice with the least mean negative log-likelihood.
    case multipleChoice = "multiple_choice"
    /// `context_options`, `continuation`, `gold`: the context after which the continuation is most
    /// likely.
    case schema
    /// `context`, `continuation`: greedy decoding gives the continuation.
    case languageModeling = "language_modeling"
  }

  package struct Example: Sendable, Equatable {
    /// What stands before: one text, or for a schema one for each option.
    package let contexts: [String]
    /// What follows: one text, or the choices.
    package let continuations: [String]
    /// The right context or continuation.
    package let gold: Int

    /// Whether the right answer is equal to one before it. Of equal ones the first is chosen, as
    /// the reference does, so that such an example is never right.
    var repeatsItsAnswer: Bool {
      let answers = contexts.count > 1 ? contexts : continuations
      return answers[..<gold].contains { $0.utf8.elementsEqual(answers[gold].utf8) }
    }

    /// The number of answers to choose from.
    var options: Int { max(contexts.count, continuations.count) }

    /// Bytes of all its texts, one for each answer: what they share stands in every one.
    var textBytes: Int {
      [contexts, continuations].reduce(0) { sum, parts in
        let bytes = parts.reduce(0) { $0 + $1.utf8.count }
        return sum + (parts.count > 1 ? bytes : bytes * options)
      }
    }
  }

  /// Bytes that the texts of a line have at most: a few kB stand for any number, with a long text
  /// and many answers, and each is tokenized whole.
  static let mostTextBytes = 1 << 24

  package let name: String
  /// Where the examples were read.
  let file: String
  package let kind: Kind
  package let examples: [Example]
  /// The accuracy of guessing that is published for the task, one of `baselines`; nil: none is
  /// known.
  package var baseline: Double?
  /// What a task can be centred by: it divides by what is left to 1.
  static let baselines = 0...0.999
  /// Answers that a choice or a schema has at least: of one alone nothing is chosen.
  static let leastAnswers = 2
  /// Identity of the examples.
  let hash: String
  /// Members that no line of the task's kind is read for, with the first line that has each.
  private let unread: OrderedDictionary<String, Int>
  /// Lines of the file that the examples stand in, from 1.
  private let lines: [Int]

  /// Reads a `.jsonl` file; the task is named after it.
  /// - Parameters:
  ///   - path: the file.
  ///   - isGiven: whether the user named it, and not the folder it lies in.
  /// - Throws: `EvaluationError.questions` naming the line that is not what it should be, and what
  ///   opening the file throws.
  package init(path: String, isGiven: Bool = true) throws {
    self.file = path
    name = URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent
    let file = try InputFile(path, .lines, isGiven: isGiven)
    var examples: [Example] = []
    var kind: Kind?
    var lines: [Int] = []
    var unread: OrderedDictionary<String, Int> = [:]
    try file.forEachLine(
      refused: { EvaluationError.questions(file: path, problem: "line \($0) \($1)") }
    ) { (number, line) throws(EvaluationError) in
      guard !line.isEmpty else { return }
      let place = "line \(number)"
      var json = JSONValue.null
      do throws(FileError) { json = try JSONValue.parse(line, file: path) } catch {
        if let problem = error.tooManyValues {
          throw EvaluationError.questions(file: path, problem: "\(place): \(problem)")
        }
      }
      guard json.object != nil else {
        throw EvaluationError.questions(file: path, problem: "\(place) is not a JSON object")
      }
      let parsed: (kind: Kind, example: Example)
      do throws(Malformed) { parsed = try Self.example(json) } catch {
        throw EvaluationError.questions(file: path, problem: "\(place): \(error.problem)")
      }
      let (own, example) = parsed
      guard example.textBytes <= Self.mostTextBytes else {
        throw EvaluationError.questions(
          file: path,
          problem: "\(place): \(example.options) answers, each with what all of them share, are"
            + " \(example.textBytes) bytes, which is more than \(Self.mostTextBytes)")
      }
      guard kind == nil || kind == own else {
        throw EvaluationError.questions(
          file: path, problem: "\(place) is of another kind than the lines before")
      }
      kind = own
      let read = Self.members(own)
      for member in json.members ?? [] where !read.contains(member.key) {
        if unread[member.key] == nil, unread.count < Self.mostUnread {
          unread[member.key] = number
        }
      }
      examples.append(example)
      lines.append(number)
    }
    guard let kind else {
      throw EvaluationError.questions(file: path, problem: "expected at least one example")
    }
    self.kind = kind
    self.examples = examples
    self.lines = lines
    self.unread = unread
    hash = file.sha256()
  }

  /// The tasks of files and of the `.jsonl` files of folders, in the order of their names.
  /// - Throws: what reading one throws, and `EvaluationError.unreadable` for a folder without any.
  package static func tasks(at paths: [String]) throws -> [FewShotTask] {
    try paths.flatMap { path -> [FewShotTask] in
      guard FileStamp(path: path)?.isFolder == true else { return [try FewShotTask(path: path)] }
      let members = FolderMembers.tasks
      let names = try members.names(in: path)
      guard !names.isEmpty else {
        throw EvaluationError.unreadable(
          file: path, problem: "the folder holds no \(members.ending) file")
      }
      return try names.map { try FewShotTask(path: "\(path)/\($0)", isGiven: false) }
    }
  }

  /// What a line is not.
  private struct Malformed: Error {
    let problem: String
  }

  /// Which members of a line are read, by its kind.
  private static func members(_ kind: Kind) -> [String] {
    switch kind {
    case .multipleChoice: ["query", "choices", "gold"]
    case .schema: ["context_options", "continuation", "gold"]
    case .languageModeling: ["context", "continuation"]
    }
  }

  private static func example(_ json: JSONValue) throws(Malformed) -> (
    kind: Kind, example: Example
  ) {
    func text(_ key: String, mayBeEmpty: Bool = true) throws(Malformed) -> String {
      guard let text = json[key]?.string else {
        throw Malformed(problem: "\(key) is \(shown(key)), expected a text")
      }
      guard mayBeEmpty || !text.isEmpty else { throw Malformed(problem: "\(key) is empty") }
      return text
    }
    func texts(_ key: String) throws(Malformed) -> [String] {
      let list = json[key]?.array ?? []
      let texts = list.compactMap(\.string)
      guard texts.count == list.count, texts.count >= leastAnswers else {
        throw Malformed(problem: "\(key) is not a list of at least two texts")
      }
      return texts
    }
    func gold(_ count: Int) throws(Malformed) -> Int {
      guard let gold = json["gold"]?.int, (0..<count).contains(gold) else {
        throw Malformed(
          problem: "gold is \(shown("gold")), expected a whole number from 0 to \(count - 1)")
      }
      return gold
    }
    func shown(_ key: String) -> String {
      guard let value = json[key] else { return "missing" }
      let text = value.serialized(pretty: false)
      return text.count > 48 ? "\(text.prefix(45))..." : text
    }
    func has(_ keys: String...) -> Bool { keys.allSatisfy { json[$0] != nil } }
    let isText = has("context", "continuation")
    let isOther = isText || has("context_options")
    if has("query", "choices") || !isOther && (has("query") || has("choices")) {
      let (query, choices) = (try text("query"), try texts("choices"))
      return (
        .multipleChoice,
        Example(contexts: [query], continuations: choices, gold: try gold(choices.count))
      )
    }
    if has("context_options") {
      let options = try texts("context_options")
      let continuation = try text("continuation", mayBeEmpty: false)
      return (
        .schema,
        Example(contexts: options, continuations: [continuation], gold: try gold(options.count))
      )
    }
    guard isText else {
      throw Malformed(
        problem: "expected query, choices and gold; context_options, continuation and gold; or"
          + " context and continuation")
    }
    let (context, continuation) = (try text("context"), try text("continuation", mayBeEmpty: false))
    return (
      .languageModeling, Example(contexts: [context], continuations: [continuation], gold: 0)
    )
  }

  /// The line of an example, from 1.
  func line(of example: Int) -> Int { lines[example] }

  /// Names of members that a warning has at most.
  private static let mostUnread = 8

  /// A sentence about members of lines that are not read; nil where there are none.
  package var warningOfUnread: String? {
    guard !unread.isEmpty else { return nil }
    let names = unread.map { "'\(printable(String($0.key.prefix(80))))' (line \($0.value))" }
    return "\(name): not read of its lines, and without effect: \(names.joined(separator: ", "))"
  }

  /// A sentence about examples that can never be right, among the first so many; nil where there
  /// are none.
  package func warning(ofFirst limit: Int?) -> String? {
    let doubled = examples.prefix(max(limit ?? .max, 0)).indices.filter {
      examples[$0].repeatsItsAnswer
    }
    guard let first = doubled.first else { return nil }
    let isOne = doubled.count == 1
    let what = isOne ? "an example has" : "\(doubled.count) examples have"
    let place = (isOne ? "line" : "the first in line") + " \(lines[first])"
    return "\(name): \(what) a right answer that is equal to one before it, which is chosen:"
      + " counted as wrong whatever the model says (\(place))"
  }
}
