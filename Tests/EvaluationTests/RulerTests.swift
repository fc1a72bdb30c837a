import Base
import Checkpoints
import Evaluation
import Foundation
import TestSupport
import Testing
import Vocabulary

/// RULER's prompts for real tokenizers.
@Suite struct RulerTests {
  /// A generator with all that the tasks need: its text is the fixtures', its questions are ours.
  static func generator(_ tokenizer: Tokenizer, seed: UInt64 = 42) throws -> RulerGenerator {
    RulerGenerator(
      tokenizer: tokenizer,
      essays: try String(contentsOfFile: References.file("fixtures/lantern.txt"), encoding: .utf8),
      squad: try RulerQuestions(squad: RulerPartsTests.squad, file: "s.json"),
      hotpot: try RulerQuestions(hotpot: manyQuestions, file: "h.json"), seed: seed)
  }

  static func lantern(seed: UInt64 = 42) throws -> RulerGenerator {
    try generator(
      Model(opening: References.file("fixtures/lantern.gguf")).tokenizer(), seed: seed)
  }

  /// 400 questions on two paragraphs each, which share none.
  static var manyQuestions: JSONValue {
    .array(
      (0..<400).map { number in
        let facts = ["Farm \(number)", "Mill \(number)"].map { title -> JSONValue in
          [.string(title), [.string("It has \(number + 7) doors."), " It is old."]]
        }
        return [
          "question": .string("How many doors has mill \(number)?"),
          "answer": .string("\(number + 7) doors"), "context": .array(facts),
        ]
      })
  }

  /// The prompt up to the question.
  static func haystack(of sample: RulerSample) throws -> String {
    let mark =
      switch sample.task {
      case .questions1, .questions2: "\n\nAnswer the question"
      case .variableTracking, .commonWords, .frequentWords: "\nQuestion: "
      default: "\nWhat "
      }
    let range = try #require(sample.prompt.range(of: mark, options: .backwards))
    return String(sample.prompt[..<range.lowerBound])
  }

  private func check(_ generator: RulerGenerator, lengths: [Int], indices: [Int]) throws {
    for task in RulerTask.allCases {
      for length in lengths {
        for index in indices where task != .questions1 || index < 2 {
          let name: Comment = "\(task.rawValue) \(length) \(index)"
          let sample = try generator.sample(task: task, length: length, index: index)
          let tokens = try generator.tokenizer.encode(
            Array(sample.prompt.utf8), addSpecial: true, parseSpecial: false
          ).count
          #expect(tokens == sample.promptTokens, name)
          #expect(tokens + sample.maximumNewTokens <= length, name)
          // One more unit is at most a noise line or a needle; the small set of qa_1 ends before.
          if task != .questions1 {
            #expect(tokens + sample.maximumNewTokens > length - 160, "\(name): \(tokens)")
          }
          let haystack = try Self.haystack(of: sample)
          #expect(!sample.references.isEmpty, name)
          for reference in sample.references { #expect(haystack.contains(reference), name) }
        }
      }
    }
  }

  @Test func promptsFitWithTheEmbeddedTokenizer() throws {
    try check(Self.lantern(), lengths: [1800, 2500, 4095, 4500], indices: [0, 1, 5])
  }

  @Test(arguments: ["gpt-2", "llama-bpe", "llama-spm"])
  func promptsFitWithSharedTokenizers(name: String) throws {
    guard let path = try References.shared("vocab/ggml-vocab-\(name).gguf") else { return }
    let tokenizer = try #require(try Tokenizer.load(from: Checkpoint.open(path)))
    try check(Self.generator(tokenizer), lengths: [1024, 8192], indices: [0, 3])
  }

  @Test func aSampleDependsOnItsNumbersAlone() throws {
    let one = try Self.lantern()
    let other = try Self.lantern()
    for task in RulerTask.allCases {
      let sample = try one.sample(task: task, length: 2048, index: 1)
      _ = try other.sample(task: task, length: 1900, index: 0)
      #expect(try other.sample(task: task, length: 2048, index: 1) == sample)
      #expect(try one.sample(task: task, length: 2048, index: 0).prompt != sample.prompt)
    }
    let seeded = try Self.lantern(seed: 43).sample(task: .niahSingle1, length: 2048, index: 1)
    #expect(
      try one.sample(task: .niahSingle1, length: 2048, index: 1).references != seeded.references)
  }

  /// Golden/ruler.json holds the beginning and the end of one prompt per task. It changes only with
  /// the prompts themselves; then results of before and after must not be compared.
  @Test func promptsAreTheOnesOfBefore() throws {
    let golden = try JSONValue.read(
      contentsOf: References.file("Tests/EvaluationTests/Golden/ruler.json"))
    let generator = try Self.lantern()
    for task in RulerTask.allCases {
      let sample = try generator.sample(task: task, length: 2048, index: 0)
      let expected = golden[task.rawValue]
      #expect(String(sample.prompt.prefix(200)) == expected?["first"]?.string, "\(task)")
      #expect(String(sample.prompt.suffix(200)) == expected?["last"]?.string, "\(task)")
      #expect(sample.references == expected?["references"]?.array?.compactMap(\.string), "\(task)")
      #expect(sample.answerText == expected?["answer"]?.string, "\(task)")
      if References.environment["ROPECONV_PRINT_RULER"] != nil {
        let entry: JSONValue = [
          "first": .string(String(sample.prompt.prefix(200))),
          "last": .string(String(sample.prompt.suffix(200))),
          "references": .array(sample.references.map { .string($0) }),
          "answer": .string(sample.answerText),
        ]
        print("ruler \(task.rawValue) \(entry.serialized(pretty: false))")
      }
    }
  }

  // MARK: - What the tasks ask

  private func needles(_ text: String) -> [(key: String, value: String)] {
    text.matches(of: #/One of the special magic (?:numbers|uuids) for (\S+) is: (\S+)\./#)
      .map { (String($0.output.1), String($0.output.2)) }
  }

  @Test func needlesAreThereAsTheTaskSays() throws {
    let generator = try Self.lantern()
    for task in RulerTask.allCases {
      guard let kinds = task.needles else { continue }
      let sample = try generator.sample(task: task, length: 3000, index: 2)
      let found = needles(try Self.haystack(of: sample))
      if task.haystack == .needles {
        #expect(found.count > 10, "\(task)")
      } else {
        #expect(found.count == kinds.keys * kinds.values, "\(task)")
        #expect(Set(found.map(\.key)).count == kinds.keys, "\(task)")
      }
      #expect(sample.references.count == kinds.queries * kinds.values)
      let question = try #require(sample.prompt.components(separatedBy: "\n").last)
      let asked = found.filter {
        question.contains(" \($0.key) ") || question.contains(" \($0.key),")
      }
      #expect(Set(asked.map(\.value)) == Set(sample.references), "\(task)")
      #expect(sample.references.allSatisfy { value in found.count { $0.value == value } == 1 })
      let key = kinds.keyKind == .word ? #/[a-z]+-[a-z]+/# : uuid
      #expect(found.allSatisfy { $0.key.wholeMatch(of: key) != nil }, "\(task)")
      let value = kinds.valueKind == .number ? #/[1-9][0-9]{6}/# : uuid
      #expect(found.allSatisfy { $0.value.wholeMatch(of: value) != nil }, "\(task)")
      let isSingle = sample.references.count == 1
      #expect(sample.prompt.hasPrefix(isSingle ? "A special magic " : "Some special magic "))
      #expect(sample.prompt.hasSuffix(isSingle ? "provided text is" : "provided text are"))
    }
  }

  private var uuid: Regex<Substring> {
    #/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/#
  }

  @Test func fourQueriesAreListed() throws {
    let sample = try Self.lantern().sample(task: .niahMultiquery, length: 2048, index: 0)
    let list = #/ for ([a-z]+-[a-z]+), ([a-z]+-[a-z]+), ([a-z]+-[a-z]+), and ([a-z]+-[a-z]+) men/#
    #expect(sample.prompt.matches(of: list).count == 2)
  }

  /// Needles keep their relative places while the haystack grows.
  @Test func needleDepthsAreSpread() throws {
    let generator = try Self.lantern()
    var depths: [Double] = []
    for index in 0..<24 {
      let sample = try generator.sample(task: .niahSingle1, length: 1500, index: index)
      let lines = sample.prompt.components(separatedBy: "\n")
      let place = try #require(lines.firstIndex { $0.hasPrefix("One of the special magic") })
      depths.append(Double(place) / Double(lines.count))
    }
    #expect(depths.contains { $0 < 0.3 } && depths.contains { $0 > 0.7 })
    #expect(Set(depths).count > 8)
  }

  @Test func chainsAreInOrder() throws {
    let sample = try Self.lantern().sample(task: .variableTracking, length: 3000, index: 0)
    #expect(sample.references.count == 5)
    let value = try #require(
      sample.prompt.wholeMatch(of: #/(?s).*are assigned the value ([0-9]{5}), they are: /#)?.output
        .1)
    var rest = sample.prompt[...]
    for (index, name) in sample.references.enumerated() {
      let source = index == 0 ? String(value) : "VAR \(sample.references[index - 1])"
      let end = index == 0 ? "\n" : " \n"
      let line = try #require(rest.range(of: "\nVAR \(name) = \(source)\(end)"))
      rest = rest[rest.index(before: line.upperBound)...]
    }
    #expect(sample.prompt.matches(of: #/VAR [A-Z]{3} = /#).count == 5)
    #expect(sample.prompt.contains(#/they are:  [A-Z]{3}( [A-Z]{3}){4}\n\nMemorize/#))
    #expect(sample.answerText == sample.references.joined(separator: " "))
    let (input, prefix) = sample.parts
    #expect(input.hasSuffix(" in the text above.") && prefix.hasPrefix(" Answer: According to"))
    #expect(input + prefix == sample.prompt)
  }

  @Test(arguments: [(2500, 6, 1), (9000, 30, 3)])
  func commonWordsAreTheMostCommon(length: Int, common: Int, other: Int) throws {
    let sample = try Self.lantern().sample(task: .commonWords, length: length, index: 0)
    let list = try #require(try Self.haystack(of: sample).components(separatedBy: "\n").last)
    var counts: [String: Int] = [:]
    for (index, match) in list.matches(of: #/([0-9]+)\. ([a-z]+)/#).enumerated() {
      #expect(Int(match.output.1) == index + 1)
      counts[String(match.output.2), default: 0] += 1
    }
    #expect(counts.filter { $0.value == common }.keys.sorted() == sample.references.sorted())
    #expect(counts.values.count { $0 == other } == counts.count - 10)
    #expect(counts.count > 20)
  }

  @Test func longListsConsistOfPairs() throws {
    guard let path = try References.shared("vocab/ggml-vocab-gpt-2.gguf") else { return }
    let tokenizer = try #require(try Tokenizer.load(from: Checkpoint.open(path)))
    let sample = try Self.generator(tokenizer).sample(
      task: .commonWords, length: 65_536, index: 0)
    #expect(sample.references.allSatisfy { $0.contains("-") })
    #expect(sample.promptTokens > 65_536 - 120 - 40)
  }

  @Test func frequentWordsAreTheMostFrequent() throws {
    for length in [1500, 6000] {
      let sample = try Self.lantern().sample(task: .frequentWords, length: length, index: 0)
      let text = try #require(
        try Self.haystack(of: sample).components(separatedBy: "coded words. ").last)
      var counts: [Substring: Int] = [:]
      for word in text.split(separator: " ") { counts[word, default: 0] += 1 }
      let ranked = counts.sorted { $0.value > $1.value }
      #expect(ranked[0].key == "...")
      #expect(Set(ranked[1...3].map { String($0.key) }) == Set(sample.references))
      #expect(ranked[3].value > ranked[4].value)
    }
  }

  @Test func paragraphsHoldTheGoldOnes() throws {
    let sample = try Self.lantern().sample(task: .questions2, length: 2000, index: 17)
    #expect(sample.prompt.contains(":\nMill 17\nIt has 24 doors. It is old.\n\n"))
    #expect(sample.prompt.contains(":\nFarm 17\n"))
    #expect(sample.prompt.hasSuffix("\n\nQuestion: How many doors has mill 17? Answer:"))
    #expect(sample.prompt.matches(of: #/Document [0-9]+:\n/#).count > 20)
    let other = try Self.lantern().sample(task: .questions1, length: 2000, index: 0)
    #expect(other.prompt.matches(of: #/Document [0-9]+:\n/#).count == 3)
    #expect(other.answerText == " 1871")
  }

  // MARK: - Errors

  private func summary(_ body: () throws -> RulerSample) throws -> String {
    let error = try #require(#expect(throws: EvaluationError.self) { _ = try body() })
    #expect(error.exitStatus == .usage)
    return error.summary
  }

  @Test func tooShortLengthsNameTheLeast() throws {
    let generator = try Self.lantern()
    for task in RulerTask.allCases {
      for length in [Int.min, -1, 0, 1, 60] {
        let text = try summary { try generator.sample(task: task, length: length, index: 0) }
        #expect(text.hasPrefix("\(task.rawValue): length \(length), expected at least "), "\(text)")
        let least = try #require(text.firstMatch(of: #/at least ([0-9]+) tokens/#)?.output.1)
        // Another length draws other words, which may take some more tokens.
        let number = try #require(Int(least))
        let sample = try generator.sample(task: task, length: number + 120, index: 0)
        #expect(sample.promptTokens > 0 && number > 60)
      }
    }
    #expect(
      try summary { try generator.sample(task: .frequentWords, length: .max, index: 0) }
        .contains("expected at most 16777216"))
    #expect(
      try summary { try generator.sample(task: .niahSingle1, length: 2048, index: -1) }
        .contains("sample -1, expected at least 0"))
  }

  @Test func missingTextsAreNamed() throws {
    let tokenizer = try Self.lantern().tokenizer
    for (essays, problem) in [(nil, "needs a text"), ("", "holds no words"), (" \n", "no words")] {
      let generator = RulerGenerator(tokenizer: tokenizer, essays: essays)
      for task in RulerTask.allCases where task.haystack == .essay {
        let text = try summary { try generator.sample(task: task, length: 2048, index: 0) }
        #expect(text.contains(problem) && text.hasPrefix(task.rawValue), "\(text)")
      }
      #expect(try generator.sample(task: .niahSingle1, length: 2048, index: 0).promptTokens > 0)
    }
    let generator = RulerGenerator(tokenizer: tokenizer)
    for (task, format) in [(RulerTask.questions1, "SQuAD"), (.questions2, "HotpotQA")] {
      let text = try summary { try generator.sample(task: task, length: 2048, index: 0) }
      #expect(text == "\(task.rawValue) needs a file of questions in \(format)'s JSON format")
    }
    #expect(
      try summary { try Self.lantern().sample(task: .questions1, length: 2048, index: 2) }
        == "qa_1: sample 2, but the file has 2 questions")
  }
}
