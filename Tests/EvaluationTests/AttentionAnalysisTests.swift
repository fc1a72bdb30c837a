import Conversion
import Evaluation
import Foundation
import Inference
import Rotary
import TestSupport
import Testing

/// Distances, coherence and damage of value pairs.
@Suite struct AttentionAnalysisTests {
  /// Predictions from distances and second moments come near what is measured, pairs that stay
  /// still do nothing, and slower pairs do less than faster ones.
  @Test func predictionsComeNearMeasurements() throws {
    let model = try Model(opening: References.file("fixtures/lantern.gguf"))
    let text = try TokenizedText(.text(path: References.file("fixtures/lantern.txt")), for: model)
    let layers = try AttentionAnalysis(windows: WindowPlan(context: 256, limit: 8), threads: 2)
      .run(model, on: text)
    try #require(layers.count == model.plan.shape.layers)
    for layer in layers {
      let (predicted, measured) = (layer.predicted.reduce(0, +), layer.measured.reduce(0, +))
      #expect(measured > 0)
      #expect(predicted / measured > 0.4 && predicted / measured < 2.5)
      #expect(layer.lost.reduce(0, +) <= predicted * 1.01)
      #expect(layer.measured[15] < 1e-2 * (layer.measured.max() ?? 0))
      for head in layer.heads {
        #expect(abs(head.mass.reduce(0, +) - 1) < 1e-6)
        #expect(head.meanDistance >= 0 && head.meanDistance < 256)
        #expect(head.coherence.allSatisfy { $0 >= 0 && $0 <= 1 + 1e-9 })
        #expect(abs(head.coherence[15] - 1) < 0.05)
      }
    }
    let still = try AttentionAnalysis(
      windows: WindowPlan(context: 256, limit: 2), rotary: RotaryRequest(valuePairs: 4), threads: 1
    ).run(model, on: text)
    #expect(still.allSatisfy { $0.measured[..<12].allSatisfy { $0 == 0 } })
  }

  /// Distances are of every query: what eight tokens have beyond the first four of them is the sum over
  /// their last four queries, each of which is the last of a window that ends there.
  @Test func distancesAreOfAllQueries() throws {
    let model = try Model(opening: References.file("fixtures/lantern.gguf"))
    let text = try TokenizedText(.text(path: References.file("fixtures/lantern.txt")), for: model)
    func distances(_ context: Int, step: Int? = nil) throws -> [[Double]] {
      var analysis = AttentionAnalysis(windows: WindowPlan(context: context, limit: 1))
      if let step { analysis.queryStep = step }
      return try analysis.run(model, on: text).map { $0.heads.map(\.meanDistance) }
    }
    let (four, eight) = (try distances(4), try distances(8))
    let last = try (5...8).map { try distances($0, step: 100) }
    for (layer, heads) in eight.enumerated() {
      for (head, found) in heads.enumerated() {
        let expected = last.reduce(0) { $0 + $1[layer][head] }
        #expect(abs(8 * found - 4 * four[layer][head] - expected) < 1e-4)
      }
    }
    #expect(eight != last[3])
    #expect(throws: EvaluationError.self) { try distances(8, step: 0) }
  }

  @Test func threadsChangeNothing() throws {
    let model = try Model(opening: References.file("fixtures/lantern.gguf"))
    let text = try TokenizedText(.text(path: References.file("fixtures/lantern.txt")), for: model)
    let found = try [1, 2].map { threads in
      try AttentionAnalysis(windows: WindowPlan(context: 128, limit: 3), threads: threads)
        .run(model, on: text).map { [$0.measured, $0.predicted, $0.lost] }
    }
    #expect(found[0] == found[1])
  }

  @Test func rotatedValuesAreRefused() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let source = try Model(opening: References.file("fixtures/lantern.gguf"))
    let path = "\(work)/rove.gguf"
    _ = try ConversionPlan(source.plan, ConversionRequest(sites: .all, output: path))
      .write(version: "test")
    let text = TokenizedText(name: "ids", tokens: (0..<128).map { Int32($0) })
    #expect(throws: EvaluationError.self) {
      _ = try AttentionAnalysis(windows: WindowPlan(context: 64)).run(
        Model(opening: path), on: text)
    }
  }
}
