import Inference
import Models

/// A model held, layer by layer, against the residual streams of another engine.
extension LayerComparison {
  /// Runs the model layer by layer.
  /// - Parameters:
  ///   - model: whose stream is the measure.
  ///   - text: the tokens.
  ///   - streams: what enters each layer, and if there is one more, what the last one leaves, before
  ///     the norm behind it: [layers or layers + 1, tokens of all windows, streams x width].
  ///   - file: where they come from, for messages.
  ///   - tolerance: the largest difference allowed, in standard deviations of the model's stream.
  ///   - progress: called with the share done.
  /// - Returns: the first place where they part; nil where they do not.
  /// - Throws: the errors of a forward pass, and `EvaluationError.numbers` for another count.
  package func run(
    _ model: Model, on text: TokenizedText, against streams: [Double], file: String,
    tolerance: Double, progress: (Double) -> Void = { _ in }
  ) throws -> Difference? {
    let windows = try self.windows.windows(of: text)
    let (layers, width) = (model.plan.layers.count, model.plan.shape.streamWidth)
    let rows = windows.reduce(0) { $0 + $1.tokens.count }
    let entries = streams.count / (rows * width)
    guard streams.count == entries * rows * width, entries == layers || entries == layers + 1 else {
      throw EvaluationError.numbers(
        file: file,
        problem: "holds \(streams.count) numbers, expected \(layers) or \(layers + 1) times \(rows)"
          + " tokens of \(width)")
    }
    let pass = ForwardPass(
      plan: model.plan, arithmetic: options.arithmetic, threads: options.threads)
    var places = [StreamSums](repeating: StreamSums(), count: entries)
    var row = 0
    var previous: LayerWeights?
    for (index, window) in windows.enumerated() {
      let stream = try LayerStream(pass, text.sequences([window]), start: start)
      let count = stream.rows * width
      func add(entry: Int) {
        guard entry < entries else { return }
        let first = (entry * rows + row) * width
        let theirs = streams[first..<(first + count)].map { Float($0) }
        places[entry].add(StreamSums(stream.hidden.pointer, theirs, count: count))
      }
      add(entry: 0)
      for layer in 0..<layers {
        let weights = try pass.weights(of: layer, recycling: previous)
        let working = try stream.layer(layer, weights)
        working.project()
        try working.finish()
        previous = weights
        add(entry: layer + 1)
        progress((Double(index) + Double(layer + 1) / Double(layers)) / Double(windows.count))
      }
      row += stream.rows
    }
    for (entry, sums) in places.enumerated() where !(sums.relative <= tolerance) {
      return Difference(
        place: entry == 0 ? .embedding : .layer(entry - 1), relative: sums.relative)
    }
    return nil
  }
}
