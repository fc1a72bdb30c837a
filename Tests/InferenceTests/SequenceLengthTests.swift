import Base
import Checkpoints
import Evaluation
import Foundation
import Rotary
import TestSupport
import Testing

/// Frequencies that depend on the length follow each sequence's own, whatever else is in its batch.
@Suite struct SequenceLengthTests {
  private let model: Model
  private let text: TokenizedText
  private static let batches = [1, 3, 32]

  init() throws {
    model = try Model(opening: References.file("fixtures/lantern.gguf"))
    text = try TokenizedText(.text(path: References.file("fixtures/lantern.txt")), for: model)
  }

  /// Scalings whose frequencies differ between the lengths of these tests, values turning too.
  private func requests(original: Int) -> [RotaryRequest] {
    let pairs = model.plan.rotary.pairs
    return [
      RotaryRequest(
        sites: .scores, scaling: .dynamic(factor: 4, originalContext: original)),
      RotaryRequest(sites: .all, scaling: .dynamic(factor: 4, originalContext: original)),
      RotaryRequest(
        sites: .all,
        scaling: .longRoPE(
          .init(
            short: [Float](repeating: 1, count: pairs),
            long: (0..<pairs).map { 1 + Float($0) / 4 }, originalContext: original,
            magnitude: 1.1))),
    ]
  }

  private func options(_ batch: Int) -> RunOptions { RunOptions(threads: 2, batch: batch) }

  @Test func aShorterLastWindowKeepsItsOwnFrequencies() throws {
    let part = TokenizedText(name: "part", tokens: Array(text.tokens[..<150]))
    for request in requests(original: 24) {
      let results = try Self.batches.map {
        try PerplexityEvaluation(
          windows: WindowPlan(context: 64, stride: 40), rotary: request, options: options($0)
        ).run(model, on: part)
      }
      for result in results { #expect(result.values == results[0].values) }
      // The last window alone, as a text of its own: tokens 120 to 150, 14 of them new.
      let tail = TokenizedText(name: "tail", tokens: Array(part.tokens[120...]))
      let alone = try PerplexityEvaluation(
        windows: WindowPlan(context: 30, scored: .all), rotary: request, options: options(1)
      ).run(model, on: tail)
      let last = results[2].record.units.last?.values["scored"]?.int
      #expect(last == 6)
      #expect(Array(results[2].values.suffix(6)) == Array(alone.values.suffix(6)))
    }
  }

  @Test func examplesOfSeveralLengthsShareABatch() throws {
    let tasks = try ["codes", "keepers", "recall"].map {
      try FewShotTask(path: References.file("fixtures/tasks/\($0).jsonl"))
    }
    for request in requests(original: 16) {
      let results = try Self.batches.map {
        try FewShotEvaluation(
          shots: 1, limit: 6, rotary: request, options: options($0)
        ).run(model, on: tasks).record.units
      }
      for result in results { #expect(result == results[0]) }
    }
  }

  @Test func needlesByPassAndByDecoding() throws {
    let file = References.file("fixtures/lantern.needle.json")
    var evaluation = NeedleEvaluation(
      template: try NeedleTemplate(
        JSONValue.parse(TokenizedText.read(file), file: file), file: file),
      lengths: [64, 100], depths: [0, 100], trials: 2)
    let haystack = try Haystack(path: References.file("fixtures/lantern.haystack.txt"))
    for request in requests(original: 80) {
      evaluation.rotary = request
      var found: [[EvaluationRecord.Unit]] = []
      for batch in Self.batches {
        evaluation.options = options(batch)
        evaluation.mode = .pass
        found.append(try evaluation.run(model, in: haystack).record.units)
      }
      evaluation.mode = .generate
      found.append(try evaluation.run(model, in: haystack).record.units)
      for units in found { #expect(units == found[0]) }
    }
  }

  @Test(arguments: RulerEvaluation.Mode.allCases)
  func promptsOfRuler(_ mode: RulerEvaluation.Mode) throws {
    let generator = RulerGenerator(tokenizer: try model.tokenizer(), seed: 7)
    let results = try Self.batches.map {
      try RulerEvaluation(
        tasks: [.niahSingle1], lengths: [640], samples: 4, mode: mode,
        rotary: RotaryRequest(
          sites: .all, scaling: .dynamic(factor: 4, originalContext: 64)), options: options($0)
      ).run(model, prompts: generator, haystack: "").record.units
    }
    for result in results { #expect(result == results[0]) }
  }

  @Test func comparedModels() throws {
    let part = TokenizedText(name: "part", tokens: Array(text.tokens[..<150]))
    let request = requests(original: 24)[1]
    let results = try Self.batches.map {
      try ModelComparison(
        windows: WindowPlan(context: 64, stride: 40), rotary: (.asStored, request),
        options: options($0)
      ).run(model, model, on: part).record.units
    }
    for result in results { #expect(result == results[0]) }
  }

  @Test func promptsThatAreContinuedTogether() throws {
    let prompts = [7, 40, 1, 90].map { Array(text.tokens[100..<(100 + $0)]) }
    for request in requests(original: 24) {
      let together = try model.generate(prompts, maximum: 12, rotary: request, threads: 2)
      for (prompt, found) in zip(prompts, together) {
        #expect(try model.generate([prompt], maximum: 12, rotary: request) == [found])
      }
    }
  }

  @Test func lengthsThatGiveTheSameFrequenciesShareAClass() {
    let score = model.plan.rotary
    func classes(_ scaling: FrequencyScaling, _ lengths: [Int]) -> LengthClasses {
      RotaryVariant(score, as: RotaryRequest(scaling: scaling)).lengthClasses(of: lengths)
    }
    let lengths = [10, 64, 30, 65, 90, 65]
    #expect(
      classes(.dynamic(factor: 2, originalContext: 64), lengths)
        == LengthClasses(ofSequence: [0, 0, 0, 1, 2, 1], longest: [64, 65, 90]))
    let long = FrequencyScaling.longRoPE(
      .init(short: [], long: [], originalContext: 64, magnitude: 1))
    #expect(
      classes(long, lengths) == LengthClasses(ofSequence: [0, 0, 0, 1, 1, 1], longest: [64, 90]))
    #expect(
      classes(.linear(factor: 2), lengths)
        == LengthClasses(ofSequence: [0, 0, 0, 0, 0, 0], longest: [90]))
  }
}
