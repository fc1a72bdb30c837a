import Base
import Checkpoints
import Evaluation
import Foundation
import TestSupport
import Testing

/// Units of another evaluation are refused, and numbers that no result can have.
@Suite struct ExpectedUnitTests {
  /// The numbers of targets that follow from sizes alone are those of the windows themselves.
  @Test func targetsAreCountedWithoutWindows() throws {
    var plans: [WindowPlan] = []
    for scored in ScoredTargets.allCases {
      for context in [4, 5, 8, 31] {
        for limit in [nil, 1, 3] {
          plans.append(WindowPlan(context: context, limit: limit, scored: scored))
          for stride in [1, 2, context - 1] {
            plans.append(WindowPlan(context: context, limit: limit, scored: .all, stride: stride))
          }
          for longer in [context, context + 1, 2 * context, 5 * context + 3] {
            plans.append(
              WindowPlan(context: context, limit: limit, scored: scored, targetContext: longer))
          }
        }
      }
    }
    for plan in plans {
      for count in [4, 31, 32, 62, 63, 200] {
        let text = TokenizedText(name: "ids", tokens: [Int32](repeating: 1, count: count))
        let windows = (try? plan.windows(of: text)) ?? []
        for (index, window) in windows.enumerated() {
          #expect(plan.targetCount(ofWindow: index, inTokens: count) == window.targets.count)
        }
        #expect(plan.targetCount(ofWindow: windows.count, inTokens: count) == nil)
      }
    }
    // Numbers of any file: nothing is counted one by one, and nothing overflows.
    for (context, stride) in [(Int.max, nil), (4, 1), (1 << 40, nil)] as [(Int, Int?)] {
      let plan = WindowPlan(context: context, stride: stride, targetContext: nil)
      #expect(plan.targetCount(ofWindow: .max, inTokens: .max) == nil)
      _ = plan.targetCount(ofWindow: 1 << 39, inTokens: 1 << 40)
    }
  }

  private func changed(
    _ record: EvaluationRecord, _ values: JSONValue
  ) throws -> EvaluationRecord {
    var object = record.header
    object["units"] = [["unit": 0, "values": values]]
    return try EvaluationRecord(.object(object), file: "changed")
  }

  /// A window of 32 tokens has 15 targets, of which each may take 800 nats: exp(800) is no number.
  @Test func resultsAreFinite() throws {
    let model = try Model(opening: References.file("fixtures/lantern.gguf"))
    let text = try TokenizedText(
      .tokens(path: References.file("fixtures/lantern.ids.json")), for: model)
    let record = try PerplexityEvaluation(windows: WindowPlan(context: 32, limit: 1))
      .run(model, on: text).record
    let likely: JSONValue = ["scored": 15, "nll_sum": 15.0, "nll_squares": 15.0]
    #expect(try PerplexityResult(changed(record, likely), file: "file").perplexity == exp(1))
    let unlikely: JSONValue = ["scored": 15, "nll_sum": 12000.0, "nll_squares": 9600000.0]
    let other = try changed(record, unlikely)
    let error = #expect(throws: EvaluationError.self) { try PerplexityResult(other, file: "file") }
    #expect(error?.exitStatus == .malformedData)
    #expect(error?.summary.contains("the perplexity") == true)
    #expect(throws: EvaluationError.self) {
      try changed(record, ["scored": 1, "nll_sum": 1.0, "nll_squares": 1.0])
    }
  }

  /// One target a window is of no comparison with 15.
  @Test func comparisonsHaveTheirTargets() throws {
    let model = try Model(opening: References.file("fixtures/lantern.gguf"))
    let text = try TokenizedText(
      .tokens(path: References.file("fixtures/lantern.ids.json")), for: model)
    let record = try ModelComparison(windows: WindowPlan(context: 32, limit: 1))
      .run(model, model, on: text).record
    let error = #expect(throws: EvaluationError.self) {
      try changed(record, ["base": [1.0], "other": [1.0], "kl": [0.0], "agrees": [1]])
    }
    #expect(error?.summary.contains("targets 1, where this evaluation has 15") == true)
  }
}
