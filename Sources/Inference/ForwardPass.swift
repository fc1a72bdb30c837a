import Models
import Rotary
import Tensors

/// A model's layers applied to whole sequences, one layer at a time.
///
/// Each layer's weights are decoded once per batch, every sequence goes through them, and they are
/// dropped: memory is one layer's weights and the batch's activations, whatever the model's size.
package struct ForwardPass: Sendable {
  package let plan: ModelPlan
  package let rotary: RotaryVariant
  package private(set) var arithmetic: Arithmetic
  package let threads: Int
  /// How decay attention is computed.
  package var form = MixerForm.attention
  /// Where the time goes, of all runs of this pass and its copies.
  package let times = PhaseTimes()

  /// A pass through a model.
  /// - Parameters:
  ///   - plan: the model.
  ///   - rotary: the variant to compute; nil: the one the checkpoint declares.
  ///   - arithmetic: how matrix products are computed.
  ///   - threads: threads to use; the results do not depend on it.
  package init(
    plan: ModelPlan, rotary: RotaryConfiguration? = nil, arithmetic: Arithmetic = .float32,
    threads: Int = 1
  ) {
    self.init(
      plan: plan, variant: RotaryVariant(rotary ?? plan.rotary), arithmetic: arithmetic,
      threads: threads)
  }

  /// A pass with the checkpoint's variant changed as asked; frequencies that depend on the length,
  /// those of values too, are each sequence's own.
  package init(
    plan: ModelPlan, as request: RotaryRequest, arithmetic: Arithmetic = .float32, threads: Int = 1
  ) {
    self.init(
      plan: plan, variant: RotaryVariant(plan.rotary, as: request), arithmetic: arithmetic,
      threads: threads)
  }

  private init(plan: ModelPlan, variant: RotaryVariant, arithmetic: Arithmetic, threads: Int) {
    self.plan = plan
    rotary = variant
    self.arithmetic = arithmetic
    self.threads = max(threads, 1)
  }

  /// The same pass in float32: sequences that grow keep float32 keys and values.
  package var inFloat32: ForwardPass {
    var pass = self
    pass.arithmetic = .float32
    return pass
  }

  /// The residual stream after the last layer, before the output norm.
  package struct HiddenStates: Sendable {
    /// [rows, width of all residual streams], the sequences one after another.
    package let values: FloatBuffer
    /// The first row of each sequence.
    package let starts: [Int]
    package let rows: Int
    /// The rows of each sequence that shares some with others; nil: they follow each other.
    let paths: [[Range<Int>]]?

    package init(values: FloatBuffer, starts: [Int], rows: Int) {
      self.init(values: values, starts: starts, rows: rows, paths: nil)
    }

    init(values: FloatBuffer, starts: [Int], rows: Int, paths: [[Range<Int>]]?) {
      self.values = values
      self.starts = starts
      self.rows = rows
      self.paths = paths
    }

    /// The row of a sequence's token.
    package func row(_ place: Int, of sequence: Int) -> Int {
      guard let paths else { return starts[sequence] + place }
      return RowPath.row(place, in: paths[sequence])
    }
  }

  /// Which of the sequences' rows are wanted of a run.
  package struct Wanted: Sendable {
    /// Of each sequence the places whose hidden states are read; others may hold anything.
    let places: [Range<Int>]
    /// Whether tokens that several sequences begin with are computed once for all of them.
    let sharesPrefixes: Bool

    package init(_ places: [Range<Int>], sharesPrefixes: Bool = false) {
      self.places = places
      self.sharesPrefixes = sharesPrefixes
    }
  }

  /// Runs sequences through all layers.
  /// - Parameters:
  ///   - sequences: token ids; each sequence attends only to itself.
  ///   - start: the position of every sequence's first token.
  ///   - wanted: what is read of the result; nil: all rows, each sequence's own.
  ///   - states: what is kept of whole sequences, whose next parts `sequences` are, all as long or
  ///     empty; nil: these are whole.
  ///   - onLayer: called after each layer with the number of layers done.
  /// - Returns: the residual stream after the last layer.
  /// - Throws: `ModelError` for a token outside the vocabulary or a position without an embedding.
  package func run(
    _ sequences: [[Int32]], start: Int = 0, wanted: Wanted? = nil,
    continuing states: SequenceStates? = nil, onLayer: (Int) -> Void = { _ in }
  ) throws -> HiddenStates {
    let stream = try LayerStream(
      self, sequences, start: start, wanted: wanted, continuing: states)
    var previous: LayerWeights?
    for index in plan.layers.indices {
      let weights = try weights(of: index, recycling: previous)
      let layer = try stream.layer(index, weights)
      layer.project()
      try layer.finish()
      previous = weights
      onLayer(index + 1)
    }
    states?.advance(sequences.map(\.count).max() ?? 0)
    return stream.states
  }

  /// Tokens of a sequence that go through all layers before the next ones, where memory is not to
  /// grow with its length; nil: all of them.
  package var partTokens: Int? {
    form == .recurrent && plan.isRecurrent ? Self.partTokens : nil
  }

  /// A whole number of blocks, so that no digit tells where parts end; and enough for products.
  private static let partTokens = 2048

  /// Decodes a layer, but its experts. The next one is read from the disk meanwhile and while this
  /// one computes; this one's pages are given back, so that a file larger than memory passes
  /// through it.
  package func weights(
    of index: Int, recycling previous: LayerWeights?
  ) throws -> LayerWeights {
    let began = times.now
    let layer = plan.layers[index]
    if index + 1 < plan.layers.count {
      for source in plan.layers[index + 1].weights.values { source.advise(.willNeed) }
    }
    let weights = try LayerWeights(
      layer, arithmetic: arithmetic, threads: threads, recycling: previous)
    for source in layer.weights.values { source.advise(.dontNeed) }
    times.add(.decode, since: began, threads: threads)
    return weights
  }

  /// Token embeddings, scaled, plus learned positions where the model has them, and the tokens.
  func embed(
    _ sequences: [[Int32]], _ batch: SequenceBatch, start: Int
  ) throws -> (hidden: FloatBuffer, tokens: Int32Buffer) {
    let (width, streamWidth) = (plan.shape.width, plan.shape.streamWidth)
    let hidden = FloatBuffer(count: batch.totalRows * streamWidth)
    let rows = Int32Buffer(count: batch.totalRows)
    guard let embedding = plan.globals[.embedding] else { return (hidden, rows) }
    let positions = try plan.globals[.positions].map { source in
      let last = start + (batch.lengths.max() ?? 0) - 1
      guard last < source.rows else {
        throw ModelError.beyondLearnedPositions(
          file: plan.checkpoint.path, last: last, available: source.rows)
      }
      let buffer = FloatBuffer(count: source.count)
      try source.decode(to: buffer.pointer, threads: threads)
      return buffer
    }
    for own in batch.own {
      for index in own.places {
        let token = sequences[own.sequence][index]
        guard token >= 0, Int(token) < plan.shape.vocabulary else {
          throw ModelError.tokenOutsideVocabulary(
            file: plan.checkpoint.path, id: Int(token), position: index,
            vocabulary: plan.shape.vocabulary)
        }
        let place = own.firstRow + index - own.places.lowerBound
        rows.pointer[place] = token
        let row = hidden.pointer + place * streamWidth
        try embedding.tensor.decode(rows: Int(token)..<(Int(token) + 1), to: row)
        if plan.shape.embeddingMultiplier != 1 {
          Kernels.scale(row, by: Float(plan.shape.embeddingMultiplier), count: width)
        }
        if let positions {
          Kernels.add(positions.pointer + (start + index) * width, to: row, count: width)
        }
        // Several residual streams begin alike.
        for first in stride(from: width, to: streamWidth, by: width) {
          (row + first).update(from: row, count: width)
        }
      }
    }
    return (hidden, rows)
  }
}
