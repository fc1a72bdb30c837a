import Base
import Checkpoints
import Evaluation
import TestSupport
import Testing

/// The parts that RULER's prompts and scores are made of.
@Suite struct RulerPartsTests {
  // MARK: - Random numbers

  /// Vectors published with the two algorithms.
  @Test func generatorsGiveTheirPublishedNumbers() {
    var filler = SplitMix64(state: 1_234_567)
    #expect(
      (0..<5).map { _ in filler.next() } == [
        6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
        4_593_380_528_125_082_431, 16_408_922_859_458_223_821,
      ])
    var random = SeededGenerator(state: (1, 2, 3, 4))
    #expect(
      (0..<4).map { _ in random.next() } == [11_520, 0, 1_509_978_240, 1_215_971_899_390_074_240])
  }

  @Test func everyPartOfASeedCounts() {
    func first(_ seed: UInt64, _ task: String, _ length: Int, _ index: Int) -> UInt64 {
      var random = SeededGenerator(seed: seed, task: task, length: length, index: index)
      return random.next()
    }
    let values = [
      first(42, "vt", 4096, 0), first(43, "vt", 4096, 0), first(42, "vs", 4096, 0),
      first(42, "vt", 4097, 0), first(42, "vt", 4096, 1), first(42, "vt", 0, 4096),
    ]
    #expect(Set(values).count == values.count)
    #expect(values[0] == first(42, "vt", 4096, 0))
  }

  @Test func integersAreEvenAndGrowWithTheirBound() {
    var random = SeededGenerator(seed: 1)
    var counts = [0, 0, 0]
    for _ in 0..<30_000 { counts[random.integer(below: 3)] += 1 }
    #expect(counts.allSatisfy { abs($0 - 10_000) < 400 }, "\(counts)")
    for seed in 0..<20 {
      var (small, large) = (
        SeededGenerator(seed: UInt64(seed)), SeededGenerator(seed: UInt64(seed))
      )
      let (a, b) = (small.integer(below: 10), large.integer(below: 1000))
      #expect(b / 100 == a)
    }
    #expect(random.integer(below: 0) == 0)
    #expect(random.integer(below: -3) == 0)
  }

  @Test func samplesAreDistinctAndOrdersComplete() {
    var random = SeededGenerator(seed: 2)
    var hits = Array(repeating: 0, count: 6)
    for _ in 0..<6_000 {
      let sample = random.sample(2, below: 6)
      #expect(sample.count == 2 && sample[0] < sample[1])
      for number in sample { hits[number] += 1 }
    }
    #expect(hits.allSatisfy { abs($0 - 2_000) < 200 }, "\(hits)")
    #expect(random.sample(5, below: 3) == [0, 1, 2])
    #expect(random.sample(-1, below: 3) == [])
    #expect(random.sample(2, below: 0) == [])
    var orders: [[Int]: Int] = [:]
    for _ in 0..<6_000 { orders[random.shuffled([1, 2, 3]), default: 0] += 1 }
    #expect(orders.count == 6)
    #expect(orders.values.allSatisfy { abs($0 - 1_000) < 150 }, "\(orders)")
  }

  // MARK: - Words and texts

  @Test func wordListsAreLargeAndDistinct() {
    #expect(RulerWords.adjectives.count >= 300)
    #expect(RulerWords.nouns.count >= 300)
    #expect(RulerWords.singles.count >= 800)
    #expect(Set(RulerWords.singles).count == RulerWords.singles.count)
    #expect(RulerWords.singles.allSatisfy { $0.utf8.allSatisfy { (97...122).contains($0) } })
    #expect(RulerWords.pair(0) == "able-acorn")
    #expect(RulerWords.pair(RulerWords.pairs - 1) == "zealous-zoo")
  }

  @Test func needlesStandBetweenSentences() {
    let essay = EssayText(" One  two.\nMr. Smith said \"three.\" Four five!\t(Six) seven? eight.\n")
    #expect(essay.words == 11)
    let sentences = ["One two.", "Mr. Smith said \"three.\"", "Four five!", "(Six) seven? eight."]
    let whole = sentences.joined(separator: " ")
    #expect(essay.haystack(words: 11, inserting: [], depths: []) == whole)
    for (depth, place) in [(0, 0), (24, 0), (25, 1), (50, 2), (99, 3), (100, 4)] {
      var expected = sentences
      expected.insert("N.", at: place)
      #expect(
        essay.haystack(words: 11, inserting: ["N."], depths: [depth])
          == expected.joined(separator: " "), "\(depth)")
    }
    #expect(
      essay.haystack(words: 13, inserting: ["N.", "M."], depths: [80, 100])
        == whole + " N. One two. M.")
    #expect(essay.haystack(words: 1, inserting: ["N."], depths: [50]) == "N. One")
    #expect(EssayText(" \n").haystack(words: 3, inserting: ["N."], depths: [50]) == "N.")
  }

  // MARK: - Search

  @Test func searchFindsTheLargestThatFitsWithFewCounts() {
    var random = SeededGenerator(seed: 3)
    for round in 0..<200 {
      let start = random.integer(below: 100)
      let slope = 1 + random.integer(below: 40)
      let least = 1 + random.integer(below: 5)
      let budget = random.integer(below: round < 100 ? 3_000 : 130_000)
      let most = least + random.integer(below: 20_000)
      // Steps of unequal height.
      func cost(_ units: Int) -> Int {
        start + slope * units + (units * units) % slope * (units % 2)
      }
      var counts = 0
      let outcome = HaystackSearch(budget: budget, units: least...most).run { units in
        counts += 1
        return cost(units)
      }
      switch outcome {
      case .tooLong(let tokens):
        #expect(tokens == cost(least) && tokens > budget)
      case .fits(let units, let tokens):
        #expect(tokens == cost(units) && tokens <= budget)
        #expect(units == most || cost(units + 1) > budget)
        #expect(counts <= 24, "\(counts) counts: \(start) \(slope) \(least)...\(most) \(budget)")
      }
    }
    let single = HaystackSearch(budget: 5, units: 3...3).run { $0 }
    #expect(single == .fits(units: 3, tokens: 3))
  }

  // MARK: - Scores

  @Test func scoresOfWorkedExamples() {
    #expect(RulerScore.stringMatchAll("They are 1234567 and ABC.", ["1234567", "abc"]) == 1)
    #expect(RulerScore.stringMatchAll("It is 1234567.", ["1234567", "7654321"]) == 0.5)
    #expect(RulerScore.stringMatchAll("", ["1"]) == 0)
    #expect(RulerScore.stringMatchAll("x", []) == 0)
    #expect(RulerScore.stringMatchAll("in paris", ["PARIS"]) == 1)
    #expect(RulerScore.stringMatchPart("In PARIS.", ["London", "paris"]) == 1)
    #expect(RulerScore.stringMatchPart("In Rome.", ["London", "Paris"]) == 0)
    #expect(RulerScore.stringMatchPart("Rome", []) == 0)
    #expect(RulerScore.stringMatchAll("naif\u{301}", ["naif"]) == 1)
    #expect(RulerScore.task([1, 0.5, 0.5]) == 66.67)
    #expect(RulerScore.task([1, 0, 0]) == 33.33)
    #expect(RulerScore.task([]) == nil)
    #expect(RulerScore.overall([100, 50, 66.67]) == 72.22)
    #expect(RulerScore.overall([]) == nil)
    #expect(RulerScore.effectiveLength([4096: 96, 8192: 85.6, 16384: 85.59]) == 8192)
    #expect(RulerScore.effectiveLength([4096: 80, 8192: 90]) == 8192)
    #expect(RulerScore.effectiveLength([4096: 12]) == nil)
  }

  // MARK: - Questions

  static let squad: JSONValue = [
    "data": [
      [
        "title": "A",
        "paragraphs": [
          [
            "context": "The bridge was built in 1871.",
            "qas": [
              [
                "question": "When was it built?", "is_impossible": false,
                "answers": [["text": "1871"], ["text": "in 1871"], ["text": "1871"]],
              ], ["question": "By whom?", "is_impossible": true, "answers": []],
            ],
          ], ["context": "It crosses the river Ilm.", "qas": []],
        ],
      ],
      [
        "paragraphs": [
          [
            "context": "Rye is a grain.",
            "qas": [["question": "What is rye?", "answers": [["text": "a grain"]]]],
          ]
        ]
      ],
    ]
  ]

  static let hotpot: JSONValue = [
    [
      "question": "Which is older?", "answer": "Mill",
      "context": [["Mill", ["Built in 1700.", " It grinds."]], ["Barn", ["Built in 1800."]]],
    ],
    [
      "question": "What grinds?", "answer": "yes",
      "context": [["Barn", ["Built in 1800."]], ["Shed", ["Empty."]]],
    ],
  ]

  @Test func questionsAreRead() throws {
    let squad = try RulerQuestions(squad: Self.squad, file: "s.json")
    #expect(
      squad.documents == [
        "The bridge was built in 1871.", "It crosses the river Ilm.", "Rye is a grain.",
      ])
    #expect(squad.questions.map(\.text) == ["When was it built?", "What is rye?"])
    #expect(squad.questions[0].answers == ["1871", "in 1871"])
    #expect(squad.questions.map(\.gold) == [[0], [2]])
    #expect(squad.questions.map { squad.related(to: $0) } == [[1], []])

    let hotpot = try RulerQuestions(hotpot: Self.hotpot, file: "h.json")
    #expect(
      hotpot.documents == [
        "Mill\nBuilt in 1700. It grinds.", "Barn\nBuilt in 1800.", "Shed\nEmpty.",
      ])
    #expect(hotpot.questions.map(\.gold) == [[0, 1], [1, 2]])
    #expect(hotpot.questions[0].answers == ["Mill"])
    #expect(hotpot.questions.allSatisfy { hotpot.related(to: $0).isEmpty })
  }

  /// One article of 6,000 paragraphs with a question each: a list of the others for every question has
  /// 36 million numbers, which were kept, and printed for the hash.
  @Test func aLongArticleIsKeptOnce() throws {
    let count = 6000
    let paragraphs = (0..<count).map { index -> JSONValue in
      [
        "context": .string("Paragraph \(index)."),
        "qas": [["question": "Which?", "answers": [["text": .string("\(index)")]]]],
      ]
    }
    let json: JSONValue = ["data": [["paragraphs": .array(paragraphs)]]]
    let model = try Model(opening: References.file("fixtures/lantern.gguf"))
    let tokenizer = try model.tokenizer()
    let time = try ContinuousClock().measure {
      let squad = try RulerQuestions(squad: json, file: "s.json")
      #expect(squad.articles == [Array(0..<count)])
      #expect(squad.related(to: squad.questions[7]).count == count - 1)
      _ = try RulerEvaluation(tasks: [.questions1]).identity(
        model, prompts: RulerGenerator(tokenizer: tokenizer, squad: squad))
    }
    #expect(time < .seconds(3))
  }

  @Test(arguments: [
    (#"{"rows": []}"#, "expected an object with the key 'data'"),
    (#"{"data": 1}"#, "data: expected a list"),
    (#"{"data": []}"#, "the file holds no question that has an answer"),
    (#"{"data": [{"paragraphs": [{"qas": []}]}]}"#, "data[0].paragraphs[0]: expected an object"),
    (
      #"{"data": [{"paragraphs": [{"context": "x", "qas": [{"question": "?"}]}]}]}"#,
      "data[0].paragraphs[0].qas[0]: expected an object with the key 'answers'"
    ),
    (
      #"{"data": [{"paragraphs": [{"context": "x", "qas": [{"answers": []}]}]}]}"#,
      "data[0].paragraphs[0].qas[0]: expected at least one answer"
    ),
    (
      #"{"data": [{"paragraphs": [{"context": "x", "qas": [{"answers": [{"text": 1}]}]}]}]}"#,
      "qas[0].answers[0].text: expected a string"
    ),
  ])
  func faultsOfSQuAD(text: String, problem: String) throws {
    let json = try JSONValue.parse(Array(text.utf8), file: "s.json")
    let error = #expect(throws: EvaluationError.self) {
      try RulerQuestions(squad: json, file: "s.json")
    }
    #expect(error?.summary.contains(problem) == true, "\(error?.summary ?? "")")
    #expect(error?.file == "s.json")
    #expect(error?.exitStatus == .malformedData)
  }

  @Test(arguments: [
    (#"{"data": []}"#, "expected a list"),
    (#"[]"#, "the file holds no question"),
    (#"[{"question": "?", "answer": "x", "context": []}]"#, "[0]: expected at least one answer"),
    (#"[{"question": "?", "answer": "x", "context": [["T"]]}]"#, "[0].context[0]: expected a pair"),
    (#"[{"answer": "x", "context": [["T", ["s"]]]}]"#, "[0]: expected an object with the key 'qu"),
    (#"[{"answer": "x", "context": [["T", "s"]]}]"#, "[0].context[0][1]: expected a list"),
  ])
  func faultsOfHotpotQA(text: String, problem: String) throws {
    let json = try JSONValue.parse(Array(text.utf8), file: "h.json")
    let error = #expect(throws: EvaluationError.self) {
      try RulerQuestions(hotpot: json, file: "h.json")
    }
    #expect(error?.summary.contains(problem) == true, "\(error?.summary ?? "")")
  }
}
