import Base
import Checkpoints

/// Questions with the paragraphs that answer them, for RULER's `qa` tasks.
package struct RulerQuestions: Sendable, Equatable {
  /// One question. Paragraphs are given by their number in `documents`.
  package struct Question: Sendable, Equatable {
    package let text: String
    /// Right answers, at least one, none twice.
    package let answers: [String]
    /// The paragraphs that every prompt holds.
    package let gold: [Int]
    /// The article in `articles` that its paragraph stands in; nil where there is none.
    package let article: Int?
  }

  /// All paragraphs in the order of the file, none twice.
  package private(set) var documents: [String] = []
  /// The paragraphs of each article, none twice.
  package private(set) var articles: [[Int]] = []
  /// In the order of the file.
  package private(set) var questions: [Question] = []

  private var numbers: [String: Int] = [:]

  /// Reads the format of SQuAD 1.1 and 2.0 (arXiv:1806.03822): `data`, a list of articles with
  /// `paragraphs`, each a `context` with its `qas`. Questions with `is_impossible` are left out.
  /// - Parameters:
  ///   - json: the contents of the file.
  ///   - file: the file that errors name.
  /// - Throws: `EvaluationError.questions` naming the place of what is missing.
  package init(squad json: JSONValue, file: String) throws(EvaluationError) {
    let root = Node(json, file: file, place: "")
    for article in try root.list("data") {
      let paragraphs = try article.list("paragraphs")
      var numbers: [Int] = []
      for paragraph in paragraphs { numbers.append(number(of: try paragraph.text("context"))) }
      articles.append(Self.distinct(numbers))
      for (paragraph, number) in zip(paragraphs, numbers) {
        for question in try paragraph.list("qas")
        where question.json["is_impossible"]?.bool != true {
          var answers: [String] = []
          for answer in try question.list("answers") { answers.append(try answer.text("text")) }
          try append(question, answers: answers, gold: [number], article: articles.count - 1)
        }
      }
    }
    try finish(file)
  }

  /// Reads the format of HotpotQA's distractor setting (arXiv:1809.09600): a list of objects with
  /// `question`, `answer` and `context`, a list of pairs of title and sentences. All paragraphs of a
  /// question are its gold ones, as in RULER.
  /// - Parameters:
  ///   - json: the contents of the file.
  ///   - file: the file that errors name.
  /// - Throws: `EvaluationError.questions` naming the place of what is missing.
  package init(hotpot json: JSONValue, file: String) throws(EvaluationError) {
    for question in try Node(json, file: file, place: "").list() {
      var gold: [Int] = []
      for pair in try question.list("context") {
        let parts = try pair.list()
        guard parts.count == 2 else {
          throw pair.fault("expected a pair of title and sentences")
        }
        var text = try parts[0].text() + "\n"
        for sentence in try parts[1].list() { text += try sentence.text() }
        gold.append(number(of: text))
      }
      try append(question, answers: [try question.text("answer")], gold: gold, article: nil)
    }
    try finish(file)
  }

  /// Paragraphs of the same article that do not answer a question; they come before those of others.
  package func related(to question: Question) -> [Int] {
    guard let article = question.article else { return [] }
    return articles[article].filter { !question.gold.contains($0) }
  }

  /// The identity of all questions, paragraphs and articles.
  var hash: String {
    var text = documents.joined(separator: "\u{0}")
    for question in questions {
      let article = question.article.map { "article \($0)" } ?? "[]"
      text += "\u{0}\(question.text)\u{0}\(question.answers);\(question.gold);\(article)"
    }
    for article in articles { text += "\u{0}\(article)" }
    return SourceHash.sha256(text: text)
  }

  private mutating func number(of document: String) -> Int {
    if let number = numbers[document] { return number }
    numbers[document] = documents.count
    documents.append(document)
    return documents.count - 1
  }

  private mutating func append(
    _ question: Node, answers: [String], gold: [Int], article: Int?
  ) throws(EvaluationError) {
    let distinct = Self.distinct(answers)
    guard !distinct.isEmpty, !gold.isEmpty else {
      throw question.fault("expected at least one answer and one paragraph")
    }
    questions.append(
      Question(
        text: try question.text("question"), answers: distinct, gold: Self.distinct(gold),
        article: article))
  }

  private mutating func finish(_ file: String) throws(EvaluationError) {
    numbers = [:]
    guard !questions.isEmpty else {
      throw .questions(file: file, problem: "the file holds no question that has an answer")
    }
  }

  private static func distinct<Element: Hashable>(_ elements: [Element]) -> [Element] {
    var seen: Set<Element> = []
    return elements.filter { seen.insert($0).inserted }
  }
}

/// A JSON value and where it stands, for errors.
private struct Node {
  let json: JSONValue
  let file: String
  let place: String

  init(_ json: JSONValue, file: String, place: String) {
    self.json = json
    self.file = file
    self.place = place
  }

  func fault(_ problem: String) -> EvaluationError {
    .questions(file: file, problem: place.isEmpty ? problem : "\(place): \(problem)")
  }

  private func child(_ key: String) throws(EvaluationError) -> Node {
    guard let value = json[key] else { throw fault("expected an object with the key '\(key)'") }
    return Node(value, file: file, place: place.isEmpty ? key : "\(place).\(key)")
  }

  func list() throws(EvaluationError) -> [Node] {
    guard let values = json.array else { throw fault("expected a list") }
    return values.enumerated().map { Node($1, file: file, place: "\(place)[\($0)]") }
  }

  func text() throws(EvaluationError) -> String {
    guard let text = json.string else { throw fault("expected a string") }
    return text
  }

  func list(_ key: String) throws(EvaluationError) -> [Node] { try child(key).list() }
  func text(_ key: String) throws(EvaluationError) -> String { try child(key).text() }
}
