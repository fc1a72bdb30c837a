import Evaluation
import Foundation
import Rotary
import TestSupport
import Testing

@Suite struct ModelComparisonTests {
  @Test func divergencesEqualThoseOfWholeLogits() throws {
    let model = try Model(opening: References.file("fixtures/lantern.gguf"))
    let text = try TokenizedText(.text(path: References.file("fixtures/lantern.txt")), for: model)
    let variant = RotaryRequest(sites: .all)
    let context = 96
    let result = try ModelComparison(
      windows: WindowPlan(context: context, limit: 1, scored: .all), rotary: (.asStored, variant),
      options: RunOptions(threads: 2)
    ).run(model, model, on: text)

    // The definitions, from all logits in double precision.
    var ids = Array(text.tokens[..<context])
    if let start = text.windowStart { ids[0] = start }
    let vocabulary = model.plan.shape.vocabulary
    let both = try [.asStored, variant].map { try model.logits(ids, rotary: $0) }
    var (divergences, changes, ratio, agreeing) = ([Double](), [Double](), 0.0, 0)
    for position in 0..<(context - 1) {
      let rows = both.map { logits in
        (0..<vocabulary).map { Double(logits[position * vocabulary + $0]) }
      }
      let logSums = rows.map { row in log(row.reduce(0) { $0 + exp($1 - row.max()!) }) + row.max()!
      }
      let logs = zip(rows, logSums).map { row, sum in row.map { $0 - sum } }
      divergences.append(zip(logs[0], logs[1]).reduce(0) { $0 + exp($1.0) * ($1.0 - $1.1) })
      let target = Int(text.tokens[position + 1])
      changes.append(exp(logs[1][target]) - exp(logs[0][target]))
      ratio += (logs[0][target] - logs[1][target]) / Double(context - 1)
      if rows[0].firstIndex(of: rows[0].max()!) == rows[1].firstIndex(of: rows[1].max()!) {
        agreeing += 1
      }
    }
    #expect(result.divergences.count == context - 1)
    for (found, expected) in zip(result.divergences, divergences.sorted()) {
      #expect(abs(found - expected) < 1e-6 + 1e-5 * expected)
    }
    for (found, expected) in zip(result.probabilityDifferences, changes.sorted()) {
      #expect(abs(found - expected) < 1e-5)
    }
    #expect(abs(result.logRatio.value - ratio) < 1e-5)
    #expect(result.agreement.value == Double(agreeing) / Double(context - 1))
    #expect(result.divergences.last! > 1e-3)
  }

  @Test func aModelDoesNotDivergeFromItself() throws {
    let model = try Model(opening: References.file("fixtures/lantern.gguf"))
    let text = try TokenizedText(.text(path: References.file("fixtures/lantern.txt")), for: model)
    let result = try ModelComparison(windows: WindowPlan(context: 64, limit: 3)).run(
      model, model, on: text)
    #expect(result.divergences.allSatisfy { $0 == 0 })
    #expect(result.logRatio.value == 0)
    #expect(result.agreement.value == 1)
  }

  /// Frequencies that differ by a part in 10^8 leave nothing but rounding, which goes either way: cut
  /// at zero, the mean would be half of what is left of the sizes.
  @Test func whatRoundingLeavesIsNotCut() throws {
    let model = try Model(opening: References.file("fixtures/lantern.gguf"))
    let text = try TokenizedText(.text(path: References.file("fixtures/lantern.txt")), for: model)
    let result = try ModelComparison(
      windows: WindowPlan(context: 96, limit: 12),
      rotary: (.asStored, RotaryRequest(scaling: .linear(factor: 1 + 1e-8)))
    ).run(model, model, on: text)
    let found = result.divergences
    #expect(found.count { $0 < 0 } > found.count / 10)
    #expect(found.allSatisfy { abs($0) < 1e-6 })
    let sizes = found.reduce(0) { $0 + abs($1) } / Double(found.count)
    #expect(sizes > 0 && abs(result.meanDivergence) < sizes / 2)
  }

  /// As for every difference: of eight chunks with as many targets each, the standard deviation of their
  /// mean differences over the root of eight, here from two perplexities.
  @Test func theRatiosErrorIsByChunks() throws {
    let model = try Model(opening: References.file("fixtures/lantern.gguf"))
    let text = try TokenizedText(.text(path: References.file("fixtures/lantern.txt")), for: model)
    let windows = WindowPlan(context: 64, limit: 8)
    let variant = RotaryRequest(sites: .all)
    let result = try ModelComparison(windows: windows, rotary: (.asStored, variant)).run(
      model, model, on: text)
    let sides = try [RotaryRequest.asStored, variant].map {
      let evaluation = PerplexityEvaluation(windows: windows, rotary: $0)
      return try evaluation.run(model, on: text).windows.map(\.mean)
    }
    let differences = zip(sides[0], sides[1]).map { $1 - $0 }
    let mean = differences.reduce(0, +) / 8
    let squares = differences.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    #expect(abs(result.logRatio.value - mean) < 1e-6)
    #expect(abs(result.logRatio.error - (squares / 7 / 8).squareRoot()) < 1e-6)
    #expect(result.logRatioErrorByTokens < 0.9 * result.logRatio.error)
    // Of one chunk nothing is known.
    let one = try ModelComparison(
      windows: WindowPlan(context: 64, limit: 1), rotary: (.asStored, variant)
    ).run(model, model, on: text)
    #expect(one.logRatio.error.isNaN && one.logRatioErrorByTokens > 0)
  }

  /// The numbers are numpy.percentile's.
  @Test func percentilesAreInterpolated() {
    let values = [1.0, 2, 4, 8, 16]
    #expect(ComparisonResult.percentile(values, 0.5) == 4)
    #expect(abs(ComparisonResult.percentile(values, 0.9) - 12.8) < 1e-12)
    #expect(abs(ComparisonResult.percentile(values, 0.1) - 1.4) < 1e-12)
    #expect(ComparisonResult.percentile(values, 0) == 1)
    #expect(ComparisonResult.percentile(values, 1) == 16)
    #expect(ComparisonResult.percentile([], 0.5).isNaN)
  }

  @Test func momentsAreThoseOfTheMean() {
    let moments = Moments([1, 2, 3, 4])
    #expect(moments.mean == 2.5)
    #expect(abs(moments.error - (1.25 / 3).squareRoot()) < 1e-12)
  }
}
