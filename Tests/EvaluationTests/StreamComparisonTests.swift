import Base
import Evaluation
import Inference
import Models
import TestSupport
import Testing

/// A model held against residual streams that come from elsewhere: the layer that changes one is named.
@Suite struct StreamComparisonTests {
  /// What enters each layer, and what the last one leaves, [layers + 1][tokens * width].
  private func streams(
    of model: Model, _ text: TokenizedText, _ windows: WindowPlan
  ) throws -> [[Double]] {
    let pass = ForwardPass(plan: model.plan, threads: 1)
    var entries = [[Double]](repeating: [], count: model.plan.layers.count + 1)
    for window in try windows.windows(of: text) {
      let stream = try LayerStream(pass, text.sequences([window]), start: 0)
      func keep(_ entry: Int) {
        let count = stream.rows * model.plan.shape.streamWidth
        entries[entry] += (0..<count).map { Double(stream.hidden.pointer[$0]) }
      }
      keep(0)
      for layer in model.plan.layers.indices {
        let working = try stream.layer(layer, pass.weights(of: layer, recycling: nil))
        working.project()
        try working.finish()
        keep(layer + 1)
      }
    }
    return entries
  }

  @Test(arguments: ["fixtures/lantern.gguf", "parity/deepseek-v4", "parity/qwen3-5"])
  func theLayerIsNamed(path: String) throws {
    let file = path.hasPrefix("parity") ? try References.shared(path) : References.file(path)
    guard let file else { return }
    let model = try Model(opening: file)
    let text = TokenizedText(name: "ids", tokens: (0..<80).map { ($0 * 37 + 11) % 300 })
    let windows = WindowPlan(context: 40)
    let comparison = LayerComparison(windows: windows, options: RunOptions(threads: 2))
    let entries = try streams(of: model, text, windows)
    let width = model.plan.shape.streamWidth
    func found(_ entries: [[Double]]) throws -> LayerComparison.Difference? {
      try comparison.run(
        model, on: text, against: Array(entries.joined()), file: "streams.npy", tolerance: 1e-4)
    }
    #expect(try found(entries) == nil)
    #expect(try found(entries.dropLast()) == nil)
    for entry in entries.indices {
      for change in [1, .nan] {
        var other = entries
        // A token of the second window.
        other[entry][63 * width + 5] += change
        let difference = try #require(try found(other))
        #expect(difference.place == (entry == 0 ? .embedding : .layer(entry - 1)))
      }
    }
    let sizes: [[[Double]]] = [Array(entries.dropLast(2)), entries + [entries[0]], [[0]], []]
    for wrong in sizes {
      #expect(throws: EvaluationError.self) { try found(wrong) }
    }
  }
}
