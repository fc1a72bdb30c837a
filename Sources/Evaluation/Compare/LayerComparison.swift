import Base
import Foundation
import Inference
import Models

/// Where two models part: the first place after which their residual streams differ. Of several streams
/// (hyper-connections), all are compared.
package struct LayerComparison {
  package var windows: WindowPlan
  package var start: Int
  package var options: RunOptions

  package init(windows: WindowPlan, start: Int = 0, options: RunOptions = RunOptions()) {
    self.windows = windows
    self.start = start
    self.options = options
  }

  /// Where a residual stream stands.
  package enum Place: Sendable, Equatable {
    case embedding
    /// After what mixes tokens: attention, or a delta rule in its place.
    case attention(layer: Int)
    case deltaRule(layer: Int)
    /// After the feed-forward network behind it, and what else closes the layer.
    case feedForward(layer: Int)
    /// After a whole layer, of which no more is known.
    case layer(Int)
    /// The norm and the matrix behind the last layer: all streams are the same.
    case output
  }

  /// A place and how far the streams are apart there.
  package struct Difference: Sendable, Equatable {
    package let place: Place
    /// The largest difference in standard deviations of the first model's stream; nil for `output`.
    package let relative: Double?
  }

  /// What was found.
  package enum Finding: Sendable, Equatable {
    case first(Difference)
    /// The models cannot be held against each other layer by layer; why, as a sentence.
    case notCompared(String)
  }

  /// Runs both models layer by layer on the same tokens.
  /// - Parameters:
  ///   - one: the model whose stream is the measure.
  ///   - other: the model held against it, whose logits are known to differ.
  ///   - text: the tokens.
  ///   - tolerance: the largest difference allowed, in standard deviations of the stream.
  ///   - progress: called with the share done.
  /// - Returns: the first place where they part, or why they cannot be compared by layers.
  /// - Throws: the errors of a forward pass, and `EvaluationError` for a text without windows.
  package func run(
    _ one: Model, _ other: Model, on text: TokenizedText, tolerance: Double,
    progress: (Double) -> Void = { _ in }
  ) throws -> Finding {
    if let reason = Self.objection(one.plan, other.plan) { return .notCompared(reason) }
    let windows = try self.windows.windows(of: text)
    let batchSize = try options.batch(
      for: [one.plan, other.plan], context: self.windows.context, tokens: 8_192)
    let passes = [one, other].map {
      ForwardPass(plan: $0.plan, arithmetic: options.arithmetic, threads: options.threads)
    }
    let layers = one.plan.layers.count
    var places = [StreamSums](repeating: StreamSums(), count: 1 + 2 * layers)
    for first in stride(from: 0, to: windows.count, by: batchSize) {
      let group = Array(windows[first..<min(first + batchSize, windows.count)])
      try compare(passes, text.sequences(group), into: &places) { done in
        let share = Double(group.count) * Double(done) / Double(layers)
        progress((Double(first) + share) / Double(windows.count))
      }
    }
    for (index, sums) in places.enumerated() where !(sums.relative <= tolerance) {
      return .first(Difference(place: place(index, in: one.plan), relative: sums.relative))
    }
    return .first(Difference(place: .output, relative: nil))
  }

  /// The embedding comes first, then two places of each layer.
  private func place(_ index: Int, in plan: ModelPlan) -> Place {
    guard index > 0 else { return .embedding }
    let layer = (index - 1) / 2
    guard index % 2 == 1 else { return .feedForward(layer: layer) }
    return plan.layers[layer].recipe.attention == nil
      ? .deltaRule(layer: layer) : .attention(layer: layer)
  }

  /// Why two models' streams cannot be compared; nil where they can.
  private static func objection(_ one: ModelPlan, _ other: ModelPlan) -> String? {
    guard one.layers.count == other.layers.count else {
      return "the models have \(one.layers.count) and \(other.layers.count) layers"
    }
    guard one.shape.width == other.shape.width else {
      return "the models' residual streams are \(one.shape.width) and \(other.shape.width) wide"
    }
    guard one.shape.streams == other.shape.streams else {
      return "the models have \(one.shape.streams) and \(other.shape.streams) residual streams"
    }
    for (layer, recipes) in zip(one.layers, other.layers).enumerated()
    where recipes.0.recipe.residual.isParallel != recipes.1.recipe.residual.isParallel {
      return "in layer \(layer) the models' sublayers join the residual stream in different forms"
    }
    return nil
  }

  /// Takes sequences through both models and adds what differs to `places`.
  private func compare(
    _ passes: [ForwardPass], _ sequences: [[Int32]], into places: inout [StreamSums],
    onLayer: (Int) -> Void
  ) throws {
    let streams = try passes.map { try LayerStream($0, sequences, start: start) }
    let shape = passes[0].plan.shape
    let records = streams.map { AttentionRecord(rows: $0.rows, shape: shape) }
    func add(_ one: UnsafePointer<Float>, _ other: UnsafePointer<Float>, to place: Int) {
      for sums in sums(one, other, lengths: sequences.map { $0.count * shape.streamWidth }) {
        places[place].add(sums)
      }
    }
    add(streams[0].hidden.pointer, streams[1].hidden.pointer, to: 0)
    var previous: [LayerWeights?] = [nil, nil]
    for layer in passes[0].plan.layers.indices {
      for (index, stream) in streams.enumerated() {
        let weights = try passes[index].weights(of: layer, recycling: previous[index])
        let working = try stream.layer(layer, weights)
        working.project()
        try working.finish(record: records[index])
        previous[index] = weights
      }
      add(records[0].stream.pointer, records[1].stream.pointer, to: 1 + 2 * layer)
      add(streams[0].hidden.pointer, streams[1].hidden.pointer, to: 2 + 2 * layer)
      onLayer(layer + 1)
    }
  }

  /// Sums for each of the sequences, so that they are taken in one order whatever the threads and
  /// the batch.
  private func sums(
    _ one: UnsafePointer<Float>, _ other: UnsafePointer<Float>, lengths: [Int]
  ) -> [StreamSums] {
    var ends: [Int] = []
    for length in lengths { ends.append((ends.last ?? 0) + length) }
    var results = [StreamSums](repeating: StreamSums(), count: lengths.count)
    results.withUnsafeMutableBufferPointer { results in
      nonisolated(unsafe) let (results, one, other) = (results, one, other)
      Parallel.forEach(count: lengths.count, threads: options.threads) { [ends] index, _ in
        let first = ends[index] - lengths[index]
        results[index] = StreamSums(one + first, other + first, count: lengths[index])
      }
    }
    return results
  }
}
