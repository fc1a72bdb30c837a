import Evaluation
import Foundation
import TestSupport
import Testing

/// Windows of one length over the targets of another's.
@Suite struct LengthTargetTests {
  /// A text of so many tokens, for plans alone.
  private func text(_ count: Int) -> TokenizedText {
    TokenizedText(name: "ids", tokens: (0..<count).map { Int32($0 % 7) })
  }

  private func targets(_ windows: [Window]) -> [Int] {
    windows.flatMap { window in window.targets.map { window.tokens.lowerBound + $0 } }
  }

  @Test(arguments: ScoredTargets.allCases)
  func everyLengthScoresTheSameTargets(scored: ScoredTargets) throws {
    let text = text(1000)
    for longest in [64, 97, 250, 1000] {
      let long = WindowPlan(context: longest, limit: 3, scored: scored)
      let expected = targets(try long.windows(of: text))
      for context in [4, 5, 16, 31, 32, 48, 63, 64, 96, 249] where context < longest {
        var plan = long
        plan.context = context
        plan.targetContext = longest
        let windows = try plan.windows(of: text)
        #expect(targets(windows) == expected, "\(context) of \(longest)")
        #expect(windows.map(\.index) == Array(windows.indices))
        #expect(windows.allSatisfy { $0.tokens.count == context })
        for window in windows {
          let start = window.tokens.lowerBound / longest * longest
          #expect(window.tokens.upperBound <= start + longest)
          // As much before each target as the long window has, or half of the short one's tokens.
          for target in window.targets {
            let place = window.tokens.lowerBound + target
            #expect(target >= min(place - start, context - context / 2))
          }
        }
      }
    }
  }

  @Test func theLongestLengthIsThePlainCut() throws {
    let text = text(500)
    for scored in ScoredTargets.allCases {
      let plain = WindowPlan(context: 64, limit: 5, scored: scored)
      var asked = plain
      asked.targetContext = 64
      #expect(try asked.windows(of: text) == plain.windows(of: text))
    }
  }

  @Test func targetsWithoutRoomAreRefused() {
    for plan in [
      WindowPlan(context: 64, targetContext: 32),
      WindowPlan(context: 32, stride: 8, targetContext: 64),
    ] {
      #expect(throws: EvaluationError.self) { try plan.windows(of: text(500)) }
    }
  }

  /// One run of the model for each target, its window cut by hand.
  @Test func eachTargetIsPredictedFromItsWindow() throws {
    let model = try Model(opening: References.file("fixtures/lantern.gguf"))
    let text = try TokenizedText(.text(path: References.file("fixtures/lantern.txt")), for: model)
    // First token and targets of windows of 12 tokens over the second halves of two of 32.
    let windows: [(first: Int, targets: ClosedRange<Int>)] = [
      (11, 17...22), (17, 23...28), (20, 29...31), (43, 49...54), (49, 55...60), (52, 61...63),
    ]
    var expected: [Double] = []
    for (first, targets) in windows {
      for target in targets {
        var ids = Array(text.tokens[first..<target])
        if let start = text.windowStart { ids[0] = start }
        let logits = try model.logits(ids).suffix(model.plan.shape.vocabulary).map(Double.init)
        let largest = try #require(logits.max())
        let sum = logits.reduce(0) { $0 + exp($1 - largest) }
        expected.append(largest + log(sum) - logits[Int(text.tokens[target])])
      }
    }
    let plan = WindowPlan(context: 12, limit: 2, targetContext: 32)
    let result = try PerplexityEvaluation(windows: plan).run(model, on: text)
    #expect(result.values.count == expected.count)
    for (found, wanted) in zip(result.values, expected) {
      #expect(abs(Double(found) - wanted) < 1e-4 * max(1, wanted))
    }
  }

  @Test func otherTargetsAreAnotherEvaluation() throws {
    let model = try Model(opening: References.file("fixtures/lantern.gguf"))
    let text = try TokenizedText(.text(path: References.file("fixtures/lantern.txt")), for: model)
    let identities = try [nil, 32, 64].map { longest in
      try PerplexityEvaluation(windows: WindowPlan(context: 16, limit: 2, targetContext: longest))
        .run(model, on: text).record.identity
    }
    #expect(identities[0] != identities[1])
    #expect(identities[1] != identities[2])
    // Asked for its own length, a window chooses as it does unasked.
    let own = try PerplexityEvaluation(
      windows: WindowPlan(context: 16, limit: 2, targetContext: 16)
    ).run(model, on: text).record.identity
    #expect(own == identities[0])
  }
}
