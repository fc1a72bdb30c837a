import Base
import Checkpoints
import Evaluation
import Foundation
import Inference
import Rotary
import TestSupport
import Testing

@Suite struct GenerationTests {
  /// The most likely next token, from a whole pass over all tokens so far.
  private func next(_ model: Model, _ tokens: [Int32], _ rotary: RotaryRequest) throws -> Int32 {
    let vocabulary = model.plan.shape.vocabulary
    let last = try model.logits(tokens, rotary: rotary, threads: 2).suffix(vocabulary)
    let top = try #require(last.max())
    return Int32(try #require(last.firstIndex(of: top)) - last.startIndex)
  }

  @Test(arguments: [RotarySites.scores, .message, .all, .none])
  func cachedDecodingEqualsWholePasses(_ sites: RotarySites) throws {
    let model = try Model(opening: References.file("fixtures/lantern.gguf"))
    let ids = try TokenizedText(
      .text(path: References.file("fixtures/lantern.txt")), for: model
    ).tokens
    let rotary = RotaryRequest(sites: sites)
    let prompts = [Array(ids[..<7]), Array(ids[100..<220]), Array(ids[300..<301])]
    let generated = try model.generate(
      prompts, maximum: 12, rotary: rotary, threads: 2)
    for (prompt, found) in zip(prompts, generated) {
      var tokens = prompt
      for token in found {
        #expect(try next(model, tokens, rotary) == token)
        tokens.append(token)
      }
      #expect(!found.isEmpty)
    }
    // A sequence alone gives what it gives among others.
    #expect(try model.generate([prompts[1]], maximum: 12, rotary: rotary) == [generated[1]])
  }

  /// Bit for bit: alone or among others, whatever the others are and on any number of threads.
  @Test func othersChangeNoDigit() throws {
    let model = try Model(opening: References.file("fixtures/lantern.gguf"))
    let ids = try TokenizedText(
      .text(path: References.file("fixtures/lantern.txt")), for: model
    ).tokens
    func last(_ starts: [Int], threads: Int) throws -> [[UInt32]] {
      let sequences = try CachedSequences(
        ForwardPass(plan: model.plan, threads: threads), count: starts.count, capacity: 64,
        keepsWeights: true)
      try sequences.append(starts.map { Array(ids[$0..<($0 + 1 + $0 % 50)]) })
      for step in 0..<5 { try sequences.append(starts.map { [ids[$0 + 60 + step]] }) }
      let width = model.plan.shape.width
      return sequences.states.last.map { row in
        (0..<width).map { sequences.states.hidden.values.pointer[row * width + $0].bitPattern }
      }
    }
    let starts = (0..<11).map { $0 * 37 }
    let together = try last(starts, threads: 2)
    let backward = try last(starts.reversed(), threads: 3)
    for index in starts.indices { #expect(backward[10 - index] == together[index]) }
    for index in [0, 6, 10] {
      #expect(try last([starts[index]], threads: 1) == [together[index]])
    }
  }

  @Test func everyArchitectureOfTheParitySet() throws {
    guard let parity = try References.shared("parity") else { return }
    for name in ParityTests.names {
      let model = try Model(opening: "\(parity)/\(name)")
      let prompt: [Int32] = [5, 17, 3, 40, 8, 21, 30, 2, 11]
      let generated = try TokenGenerator(ForwardPass(plan: model.plan, threads: 2)).generate(
        [prompt], maximum: 6)[0]
      var tokens = prompt
      for token in generated {
        let vocabulary = model.plan.shape.vocabulary
        let last = try model.logits(tokens).suffix(vocabulary)
        // Random weights leave near ties: the token's logit must be the largest but for rounding.
        let gap = try #require(last.max()) - last[last.startIndex + Int(token)]
        #expect(gap < 1e-4, "\(name)")
        tokens.append(token)
      }
      #expect(generated.count == 6, "\(name)")
    }
  }

  @Test func needleMatchesAreWhatGreedyDecodingGives() throws {
    let model = try Model(opening: References.file("fixtures/lantern.gguf"))
    let file = References.file("fixtures/lantern.needle.json")
    let template = try NeedleTemplate(
      JSONValue.parse(TokenizedText.read(file), file: file), file: file)
    let haystack = try Haystack(path: References.file("fixtures/lantern.haystack.txt"))
    for (sites, pairs) in [(RotarySites.scores, 8), (.all, 4), (.message, 8)] {
      let evaluation = NeedleEvaluation(
        template: template, lengths: [64, 200], depths: [0, 60], trials: 3,
        rotary: RotaryRequest(sites: sites, valuePairs: sites == .scores ? nil : pairs),
        options: RunOptions(threads: 2))
      let units = try evaluation.run(model, in: haystack).record.units
      for unit in units {
        let made = try evaluation.completion(
          model, in: haystack, length: try #require(unit.values["length"]?.int),
          depth: try #require(unit.values["depth"]?.double),
          trial: try #require(unit.values["trial"]?.int))
        let prompt = Array(made.tokens[..<made.answer.lowerBound])
        let generated = try model.generate(
          [prompt], maximum: made.answer.count, rotary: evaluation.rotary, threads: 2)
        #expect(
          (generated[0] == Array(made.tokens[made.answer])) == unit.values["correct"]?.bool)
      }
    }
  }

  @Test func decodingStopsWhenToldAndTakesNothingFromAnEmptyPrompt() throws {
    let model = try Model(opening: References.file("fixtures/lantern.gguf"))
    let three = try model.generate([[5, 6, 7]], maximum: 20) { _, tokens in tokens.count == 3 }
    #expect(three[0].count == 3)
    #expect(try model.generate([[5, 6, 7]], maximum: 0) == [[]])
    #expect(try model.generate([], maximum: 3).isEmpty)
    #expect(throws: (any Error).self) { try model.generate([[1 << 30]], maximum: 2) }
  }
}
