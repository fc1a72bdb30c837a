import Base
import Models
import Tensors

/// The newest rows of several sequences side by side, so that one matrix product serves them all.
///
/// Products have few enough rows that none depends on how many others there are.
struct GatheredRows: Sendable {
  /// A sequence that grows by one token.
  struct Member: Sendable {
    /// Which of the sequences it is.
    let sequence: Int
    /// The sequence's first row.
    let sequenceStart: Int
    /// Where it grows.
    let position: Int
    let lengthClass: Int
  }

  let members: [Member]
  /// One row of a member's own sequence each, for its attention.
  private let own: [SequenceBatch.Unit]
  /// Groups of rows that are multiplied together.
  private let groups: [SequenceBatch.Unit]
  /// [members, width]
  private let hidden: FloatBuffer
  private let tokens: Int32Buffer
  private let inputs: LayerInputs?
  private let memory: ActivationMemory
  private let experts: ExpertBatch?
  /// [members, heads * valueWidth]
  private let attended: FloatBuffer
  private let width: Int

  /// Gathers the members' newest rows from `stream`, the residual stream of all sequences, and
  /// `tokens`, their tokens.
  init(
    _ members: [Member], of stream: FloatBuffer, _ tokens: Int32Buffer, _ inputs: LayerInputs?,
    plan: ModelPlan
  ) throws {
    self.members = members
    width = plan.shape.streamWidth
    own = members.map {
      SequenceBatch.Unit(
        sequenceStart: $0.sequenceStart, rows: $0.position..<($0.position + 1),
        lengthClass: $0.lengthClass)
    }
    let rows = members.count
    groups = stride(from: 0, to: rows, by: PreparedMatrix.fewRows).map { first in
      let group = first..<min(first + PreparedMatrix.fewRows, rows)
      return SequenceBatch.Unit(
        rows: group,
        positions: .each(members[group].map { ($0.position, $0.lengthClass) }))
    }
    hidden = FloatBuffer(count: rows * width)
    self.tokens = Int32Buffer(count: rows)
    let capacity = plan.capacity
    memory = ActivationMemory(capacity, rows: rows)
    experts = ExpertBatch(groups, of: plan, arithmetic: .float32)
    attended = FloatBuffer(count: rows * capacity.outputs)
    self.inputs = try LayerInputs(plan, rows: rows)
    for (row, unit) in own.enumerated() {
      copy(stream, unit.firstRow, to: hidden, row, width: width)
      if let inputs { self.inputs?.copy(inputs, row: unit.firstRow, to: row) }
      self.tokens.pointer[row] = tokens.pointer[unit.firstRow]
    }
  }

  /// Applies a layer, that over the whole sequences, to the members' rows; their keys and values
  /// join those of their sequences, whose delta rules' `states` go on. `scratch` has one for each
  /// thread.
  /// - Throws: the errors of decoding experts.
  func apply(
    _ layer: Layer, _ states: DeltaRuleStates, _ scratch: [LayerScratch], threads: Int
  ) throws {
    let gathered = layer.working(on: hidden, tokens, inputs, in: memory)
    let attention = layer.attention
    let headsWidth = attention.outputColumns
    Parallel.forEach(count: groups.count, threads: threads) { group, worker in
      gathered.project(groups[group], scratch[worker])
    }
    if let rule = layer.recipe.deltaRule {
      let spans = members.enumerated().map { row, member in
        SequenceSpan(sequence: member.sequence, firstRow: row, rows: 1, isWhole: false)
      }
      gathered.mix(rule, spans, states, scratch, threads: threads)
      Parallel.forEach(count: groups.count, threads: threads) { group, worker in
        gathered.finish(groups[group], scratch[worker], experts: experts?.rows(ofUnit: group))
      }
      try experts?.apply(gathered, scratch, threads: threads)
      return
    }
    Parallel.forEach(count: members.count, threads: threads) { member, worker in
      let row = own[member].firstRow
      if attention.keyValueSource == nil {
        layer.activations.take(row: member, of: gathered.activations, to: row, attention)
      } else {
        copy(
          gathered.activations.queries, member, to: layer.activations.queries, row,
          width: attention.queryRows)
      }
      layer.compress(own[member])
      layer.attend(own[member], to: attended.pointer + member * headsWidth, scratch[worker])
    }
    Parallel.forEach(count: groups.count, threads: threads) { group, worker in
      let unit = groups[group]
      gathered.gateOutputs(
        unit, attended.pointer + unit.firstRow * headsWidth, scratch[worker])
      gathered.update(
        unit, attended: attended.pointer + unit.firstRow * headsWidth, scratch[worker],
        experts: experts?.rows(ofUnit: group))
    }
    try experts?.apply(gathered, scratch, threads: threads)
    try gathered.failure.check()
  }

  /// Puts the members' rows back into the residual stream of all sequences.
  func restore(to stream: FloatBuffer) {
    for (row, unit) in own.enumerated() {
      copy(hidden, row, to: stream, unit.firstRow, width: width)
    }
  }

  private func copy(
    _ source: FloatBuffer, _ from: Int, to target: FloatBuffer, _ to: Int, width: Int
  ) {
    (target.pointer + to * width).update(from: source.pointer + from * width, count: width)
  }
}
