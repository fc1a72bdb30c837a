import Base
import Models
import Rotary
import Tensors

/// Sequences on their way through a model's layers, one layer at a time under the caller's control:
/// statistics and fits look at every layer's heads and put other weights in its place.
package final class LayerStream {
  package let pass: ForwardPass
  let batch: SequenceBatch
  /// The units whose rows are read after the last layer.
  private let unitsRead: [Int]
  /// The residual stream, [rows, width], the sequences one after another.
  package let hidden: FloatBuffer
  private let tokens: Int32Buffer
  private let start: Int
  private let workspace: LayerWorkspace
  private let inputs: LayerInputs?
  /// Keys and values of layers that later ones use, by the layer, until the last of those is done.
  private var kept: [Int: ActivationMemory] = [:]
  private let spans: [RotationSpan]
  /// What layers keep of sequences of which these are a part; nil: they are whole.
  private let sequenceStates: SequenceStates?
  private var tables = RotationTables()

  /// Embeds sequences.
  /// - Parameters:
  ///   - pass: the model and its variant.
  ///   - sequences: token ids.
  ///   - start: the position of every sequence's first token.
  ///   - wanted: what is read of the stream after the last layer; nil: all rows.
  ///   - states: what layers keep of whole sequences, of which these are the next parts; all are as
  ///     long, or have ended. Where it is given, `start` is the position of the whole ones.
  ///   - other: a stream of the same sequences whose working memory this one may use too; the two
  ///     then take their turns.
  /// - Throws: `ModelError` for a token outside the vocabulary or a position without an embedding,
  ///   `TensorError.outOfMemory` for more rows than there is memory for.
  package init(
    _ pass: ForwardPass, _ sequences: [[Int32]], start: Int = 0,
    wanted: ForwardPass.Wanted? = nil, continuing states: SequenceStates? = nil,
    sharing other: LayerStream? = nil
  ) throws {
    try Libraries.checkRoom()
    self.pass = pass
    sequenceStates = states
    let begin = start + (states?.done ?? 0)
    self.start = begin
    let lengths = states?.lengths ?? sequences.map(\.count)
    let longestPart = sequences.map(\.count).max() ?? 0
    let classes = pass.rotary.lengthClasses(of: lengths.map { start + $0 })
    spans = try (sequences.isEmpty ? [begin] : classes.longest).map { length in
      RotationSpan(
        rotary: try pass.rotary.configuration(length: length), length: length,
        positions: states == nil ? length - begin : longestPart)
    }
    let shared =
      wanted?.sharesPrefixes == true
      ? SharedPrefixes(pass, sequences, classes: classes.ofSequence)?.batch : nil
    let batch =
      shared ?? SequenceBatch(lengths: sequences.map(\.count), classes: classes.ofSequence)
    self.batch = batch
    unitsRead = wanted.map { batch.units(reading: $0.places) } ?? Array(batch.units.indices)
    for span in spans { try pass.plan.checkValues(span.rotary) }
    let estimate = MemoryEstimate(
      plan: pass.plan, arithmetic: pass.arithmetic, threads: pass.threads)
    // One that shares another's workspace has hidden states and inputs of its own.
    let ownBytes = 4 * pass.plan.shape.streamWidth + LayerInputs.bytesPerRow(pass.plan)
    try Libraries.checkRoom(
      for: batch.totalRows, of: other == nil ? estimate.bytesPerToken : ownBytes)
    (hidden, tokens) = try pass.embed(sequences, batch, start: begin)
    inputs = try LayerInputs(pass.plan, rows: batch.totalRows)
    for own in batch.own {
      inputs?.put(
        Array(sequences[own.sequence][own.places]),
        hidden.pointer + own.firstRow * pass.plan.shape.streamWidth, row: own.firstRow)
    }
    workspace =
      other?.workspace ?? LayerWorkspace(pass, batch)
  }

  package var rows: Int { batch.totalRows }

  /// The stream as it stands.
  package var states: ForwardPass.HiddenStates {
    ForwardPass.HiddenStates(
      values: hidden, starts: batch.starts, rows: rows, paths: batch.paths)
  }

  /// A layer with these weights, ready to work on the stream; `rotary` is a variant other than the
  /// stream's own, for sequences of one length.
  package func layer(
    _ index: Int, _ weights: LayerWeights, as rotary: RotaryConfiguration? = nil
  ) throws -> StreamedLayer {
    var spans = spans
    if let rotary { spans = spans.map { $0.replacing(rotary) } }
    let recipe = pass.plan.layers[index].recipe
    let rotation = try LayerRotation(
      spans, layer: index, of: recipe.attention, start: start, reusing: &tables)
    var layer = Layer(
      recipe, index: index, width: pass.plan.shape.width, weights: weights, rotation: rotation,
      memory: memory(of: index), hidden: hidden, tokens: tokens, inputs: inputs,
      times: pass.times)
    layer.form = pass.form
    return StreamedLayer(
      layer: layer, batch: batch,
      place: sequenceStates?.done ?? 0,
      rules: sequenceStates?.rules[index] ?? workspace.states,
      decay: sequenceStates?.decay[index] ?? workspace.decay,
      unitsRead: index + 1 == pass.plan.layers.count
        ? unitsRead : Array(batch.units.indices),
      workspace: workspace, threads: pass.threads)
  }

  /// Where the keys and values are that a layer uses.
  private func memory(of index: Int) -> ActivationMemory {
    let users = pass.plan.lastUsers
    kept = kept.filter { users[$0.key] ?? 0 >= index }
    let source = pass.plan.layers[index].recipe.attention?.keyValueSource ?? index
    guard users[source] != nil else { return workspace.memory }
    if let known = kept[source] { return known }
    let memory = ActivationMemory(
      LayerCapacity(CollectionOfOne(pass.plan.layers[source].recipe)), rows: batch.totalRows,
      keyRows: batch.keyRows, arithmetic: pass.arithmetic, sharing: workspace.memory)
    kept[source] = memory
    return memory
  }
}

/// What layers of one batch work in.
final class LayerWorkspace: Sendable {
  let memory: ActivationMemory
  let scratch: [LayerScratch]
  /// Of a model that has some.
  let experts: ExpertBatch?
  let states: DeltaRuleStates
  let decay: DecayStates

  init(_ pass: ForwardPass, _ batch: SequenceBatch) {
    memory = ActivationMemory(
      pass.plan.capacity, rows: batch.totalRows, keyRows: batch.keyRows,
      arithmetic: pass.plan.attends(in: pass.arithmetic))
    experts = ExpertBatch(batch.units, of: pass.plan, arithmetic: pass.arithmetic)
    states = DeltaRuleStates(pass.plan.capacity, sequences: batch.starts.count)
    decay = DecayStates(
      pass.plan.capacity, sequences: pass.form == .recurrent ? batch.starts.count : 0)
    scratch = (0..<pass.threads).map { _ in
      LayerScratch(pass.plan, rows: SequenceBatch.unitRows, arithmetic: pass.arithmetic)
    }
  }
}

/// One layer at work on all sequences of a stream. First `project`, then either `finish`, or
/// `attend` and, with the same or another output matrix, `update`.
package struct StreamedLayer: Sendable {
  let layer: Layer
  let batch: SequenceBatch
  /// Tokens of the sequences that came before these.
  let place: Int
  /// What is kept of sequences.
  let rules: DeltaRuleStates
  let decay: DecayStates
  /// The units that are finished: those whose rows anything reads afterwards.
  let unitsRead: [Int]
  let workspace: LayerWorkspace
  let threads: Int

  /// Queries, keys and values of every row, and entries of all windows; those of a delta rule
  /// become what its heads give.
  package func project() {
    let began = layer.times.now
    Parallel.forEach(count: batch.units.count, threads: threads) { unit, worker in
      layer.project(batch.units[unit], workspace.scratch[worker])
    }
    if layer.compresses {
      Parallel.forEach(count: batch.units.count, threads: threads) { unit, _ in
        layer.compress(batch.units[unit])
      }
    }
    if layer.ownsKeys {
      Parallel.forEach(count: batch.gathered.count, threads: threads) { index, _ in
        layer.activations.gather(batch.gathered[index])
      }
    }
    layer.times.add(.elementwise, since: began, threads: threads)
    let spans = batch.starts.indices.map {
      SequenceSpan(
        sequence: $0, firstRow: batch.starts[$0], rows: batch.lengths[$0],
        isWhole: place == 0)
    }
    switch layer.mixer {
    case .deltaRule(let rule):
      layer.mix(rule, spans, rules, workspace.scratch, threads: threads)
    case .decay(let recipe) where layer.form == .recurrent:
      layer.mix(recipe, spans, from: place, decay, workspace.scratch, threads: threads)
    case .heads, .latent, .sharedVector, .decay: break
    }
  }

  /// Attention and feed-forward network. The last rows of a sequence look back farthest, so they
  /// come first: no thread is left with a long one at the end.
  /// - Parameter record: receives what the stream is between the two.
  /// - Throws: the errors of decoding experts.
  package func finish(record: AttentionRecord? = nil) throws {
    let began = layer.times.now
    let count = unitsRead.count
    Parallel.forEach(count: count, threads: threads) { turn, worker in
      let unit = unitsRead[count - 1 - turn]
      layer.finish(
        batch.units[unit], workspace.scratch[worker],
        experts: workspace.experts?.rows(ofUnit: unit), record: record)
    }
    layer.times.add(.elementwise, since: began, threads: threads)
    try workspace.experts?.apply(
      layer, units: unitsRead, workspace.scratch, threads: threads)
    try layer.failure.check()
  }

  /// The heads' outputs alone.
  /// - Parameters:
  ///   - heads: receives them, [rows, heads * valueWidth].
  ///   - shares: in a layer with sinks, receives the sum of each head's weights, [rows, heads].
  package func attend(into heads: FloatBuffer, shares: FloatBuffer? = nil) {
    let (width, count) = (layer.attention.outputColumns, layer.attention.heads)
    Parallel.forEach(count: batch.units.count, threads: threads) { unit, worker in
      let unit = batch.units[unit]
      let attended = heads.pointer + unit.firstRow * width
      layer.attend(
        unit, to: attended, workspace.scratch[worker],
        shares: shares.map { $0.pointer + unit.firstRow * count })
      layer.gateOutputs(unit, attended, workspace.scratch[worker])
    }
  }

  /// Takes the heads' outputs through the output matrix and the feed-forward network; `record`
  /// receives what a fit needs to know of the attention.
  /// - Throws: the errors of decoding experts.
  package func update(from heads: FloatBuffer, record: AttentionRecord? = nil) throws {
    let width = layer.attention.outputColumns
    Parallel.forEach(count: batch.units.count, threads: threads) { index, worker in
      let unit = batch.units[index]
      layer.update(
        unit, attended: heads.pointer + unit.firstRow * width, workspace.scratch[worker],
        experts: workspace.experts?.rows(ofUnit: index), record: record)
    }
    try workspace.experts?.apply(layer, workspace.scratch, threads: threads)
    try layer.failure.check()
  }

  /// How far the layer's heads look, from every `step`-th query of each of the first `sequences`
  /// sequences, of all where that is nil. Call it after `project`.
  package func reach(every step: Int, sequences: Int? = nil) -> AttentionReach {
    AttentionReach(
      layer: layer, batch: batch, sequences: sequences ?? batch.starts.count, step: step,
      threads: threads)
  }
}

/// What a fit needs to know of a layer's attention in the original model.
package struct AttentionRecord: Sendable {
  /// The residual streams after attention, before the feed-forward network: [rows, width of all].
  package let stream: FloatBuffer
  /// What the output matrix gave, its bias included, before any norm: [rows, width].
  package let output: FloatBuffer
  private let width: Int
  private let streamWidth: Int

  package init(rows: Int, shape: ModelShape) {
    (width, streamWidth) = (shape.width, shape.streamWidth)
    stream = FloatBuffer(count: rows * streamWidth)
    output = FloatBuffer(count: rows * width)
  }

  func keep(stream rows: UnsafePointer<Float>, of unit: SequenceBatch.Unit) {
    (stream.pointer + unit.firstRow * streamWidth).update(
      from: rows, count: unit.rows.count * streamWidth)
  }

  func keep(output rows: UnsafePointer<Float>, of unit: SequenceBatch.Unit) {
    (output.pointer + unit.firstRow * width).update(from: rows, count: unit.rows.count * width)
  }
}
