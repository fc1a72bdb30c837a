import Base
import Checkpoints
import Evaluation
import Foundation
import Rotary
import TestSupport
import Testing

@Suite struct NeedleTests {
  private func fixture() throws -> (Model, NeedleTemplate, Haystack) {
    let file = References.file("fixtures/lantern.needle.json")
    let json = try JSONValue.parse(TokenizedText.read(file), file: file)
    return (
      try Model(opening: References.file("fixtures/lantern.gguf")),
      try NeedleTemplate(json, file: file),
      try Haystack(path: References.file("fixtures/lantern.haystack.txt"))
    )
  }

  @Test func theNeedleStandsWhereItShould() throws {
    let (model, template, haystack) = try fixture()
    let evaluation = NeedleEvaluation(template: template)
    let tokenizer = try model.tokenizer()
    for length in [48, 200, 512] {
      for depth in [0.0, 33, 50, 100] {
        for trial in 0..<3 {
          let made = try evaluation.completion(
            model, in: haystack, length: length, depth: depth, trial: trial)
          #expect(made.tokens.count == length)
          let text = String(decoding: tokenizer.decode(made.tokens), as: UTF8.self)
          let answer = String(
            decoding: tokenizer.decode(Array(made.tokens[made.answer])), as: UTF8.self)
          let needle = try #require(text.range(of: "\(answer)."))
          #expect(text.hasSuffix("?\(answer)"))
          // A space, or the end of a line, stands between any two sentences.
          #expect(!text.contains(#/[.!?][A-Z]/#) && !text.contains(#/[ \n] /#), "\(text)")
          let question = try #require(text.range(of: "What is the code of", options: .backwards))
          #expect(needle.lowerBound < question.lowerBound)
          // The sentence before the needle is whole, and stands about where the depth says.
          let start = try #require(
            text.range(
              of: "The code of", options: .backwards, range: text.startIndex..<needle.lowerBound))
          let before = text[..<start.lowerBound].trimmingCharacters(in: .whitespaces)
          #expect(before.isEmpty || ".!?\n".contains(before.last!) || depth == 100)
          let tokensBefore = try tokenizer.encode(
            Array(before.utf8), addSpecial: true, parseSpecial: false
          ).count
          let reach = Double(max(length / 20, 8))
          #expect(Double(tokensBefore) <= Double(length) * depth / 100 + reach + 1)
        }
      }
    }
  }

  @Test func trialsAreTheSameEveryTimeAndDifferFromEachOther() throws {
    let (model, template, haystack) = try fixture()
    func made(_ trial: Int, seed: UInt64 = 42) throws -> Completion {
      try NeedleEvaluation(template: template, seed: seed)
        .completion(model, in: haystack, length: 128, depth: 50, trial: trial)
    }
    #expect(try made(1) == made(1))
    #expect(try made(1) != made(2))
    #expect(try made(1) != made(1, seed: 43))
  }

  @Test func depthsOfATrialShareItsPassage() throws {
    let (model, template, haystack) = try fixture()
    func begin(
      _ passages: NeedleEvaluation.Passages, trial: Int, depth: Double, length: Int
    ) throws -> [Int32] {
      var evaluation = NeedleEvaluation(template: template)
      evaluation.passages = passages
      let made = try evaluation.completion(
        model, in: haystack, length: length, depth: depth, trial: trial)
      return Array(made.tokens[..<64])
    }
    for trial in 0..<3 {
      #expect(
        try begin(.own, trial: trial, depth: 60, length: 256)
          == begin(.own, trial: trial, depth: 100, length: 512))
      #expect(
        try begin(.one, trial: trial, depth: 80, length: 256)
          == begin(.own, trial: 0, depth: 60, length: 256))
    }
    #expect(
      try begin(.own, trial: 1, depth: 60, length: 256)
        != begin(.own, trial: 2, depth: 60, length: 256))
  }

  @Test func theEmbeddedModelFindsNeedlesAndNotWithoutRotation() throws {
    let (model, template, haystack) = try fixture()
    var evaluation = NeedleEvaluation(
      template: template, lengths: [128, 256], depths: [0, 50, 100], trials: 5,
      options: RunOptions(threads: 2))
    let result = try evaluation.run(model, in: haystack)
    #expect(result.grid.count == 6)
    #expect(result.grid.allSatisfy { $0.trials == 5 })
    #expect(result.accuracy >= 0.95)
    evaluation.rotary.sites = RotarySites.none
    let still = try evaluation.run(model, in: haystack)
    #expect(still.accuracy < 0.5)
    #expect(
      still.grid[0].answerNegativeLogLikelihood > result.grid[0].answerNegativeLogLikelihood)
  }

  @Test func batchAndThreadsChangeNoDigit() throws {
    let (model, template, haystack) = try fixture()
    func units(_ threads: Int, _ batch: Int) throws -> [EvaluationRecord.Unit] {
      try NeedleEvaluation(
        template: template, lengths: [64, 100], depths: [10, 90], trials: 3,
        options: RunOptions(threads: threads, batch: batch)
      ).run(model, in: haystack).record.units
    }
    #expect(try units(1, 1) == units(2, 5))
  }

  @Test func lengthsWithoutRoomAndEmptyGridsAreRefused() throws {
    let (model, template, haystack) = try fixture()
    for evaluation in [
      NeedleEvaluation(template: template, lengths: [12]),
      NeedleEvaluation(template: template, lengths: []),
      NeedleEvaluation(template: template, depths: [101]),
      NeedleEvaluation(template: template, trials: 0),
    ] {
      #expect(throws: EvaluationError.self) { try evaluation.run(model, in: haystack) }
    }
  }

  @Test(arguments: [
    #"[]"#, #"{"needle": 1}"#, #"{"needle": "no place for a number"}"#, #"{"answer": "x"}"#,
    #"{"keys": []}"#, #"{"keys": [1]}"#, #"{"value_minimum": 5, "value_maximum": 4}"#,
    #"{"value_minimum": "1"}"#,
  ])
  func badTemplates(_ text: String) throws {
    let json = try JSONValue.parse(Array(text.utf8), file: "t.json")
    #expect(throws: EvaluationError.self) { try NeedleTemplate(json, file: "t.json") }
  }

  /// A thousand places for a key of a thousand letters, in a template of 7 KB.
  @Test(arguments: ["needle", "question", "answer"])
  func templatesThatStandForTooMuchAreRefused(_ name: String) throws {
    func template(letters: Int) throws -> NeedleTemplate {
      let text = String(repeating: "{key}", count: 1000) + "{value}"
      let key = String(repeating: "k", count: letters)
      return try NeedleTemplate(
        [name: .string(text), "keys": ["short", .string(key)]] as JSONValue, file: "t.json")
    }
    // 1,048,007 bytes of 1,048,576, and 1,049,007.
    #expect(try template(letters: 1048).keys.count == 2)
    let error = #expect(throws: EvaluationError.self) { try template(letters: 1049) }
    #expect(error?.summary.contains("1049007 bytes") == true, "\(error?.summary ?? "")")
    #expect(error?.file == "t.json" && error?.exitStatus == .malformedData)
  }

  @Test func foldersAreReadInTheOrderOfNames() throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    for (name, text) in [("b.txt", "two"), ("a.txt", "one"), ("c.md", "no"), ("B.txt", "zero")] {
      try text.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
    }
    #expect(try Haystack(path: folder).bytes == Array("zero\n\none\n\ntwo".utf8))
  }
}
