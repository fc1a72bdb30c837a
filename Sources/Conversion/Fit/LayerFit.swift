import Base
import Foundation
import Inference
import Models
import Rotary
import Synchronization
import Tensors

/// The fit of one layer: from the original's statistics to new value and output weights.
struct LayerFit {
  private let plan: ModelPlan
  private let index: Int
  private let layer: ModelLayer
  /// How the layer is to rotate.
  private let target: RotaryLayer
  private let threads: Int
  /// The layer's value and output weights, changed step by step.
  private(set) var state: LayerState
  /// The basis chosen for each KV group.
  private var bases: [DoubleMatrix] = []
  /// What gives each KV group's value rows the size they had before the basis; see `restoreSizes`.
  private var sizes: [Double] = []
  /// The output matrix in that basis, before anything was regressed.
  private var rewritten: DoubleMatrix?

  private var attention: AttentionRecipe { layer.recipe.attention ?? .headless }

  /// A fit of the layer with this index.
  init(plan: ModelPlan, target: RotaryConfiguration, layer index: Int, threads: Int) throws {
    self.plan = plan
    self.index = index
    layer = plan.layers[index]
    self.target = target.layers[index]
    self.threads = threads
    state = try LayerState(
      layer, roles: [layer.valueMatrix, .valueBias, .attentionOutput], threads: threads)
  }

  /// Whether pairs begin to turn in this layer, so that a basis can be chosen for them.
  var startsToTurn: Bool {
    target.turnsValues && !attention.rotation.sites.rotatesMessage
  }

  /// Whether the basis depends on the sums of the heads' weights: with sinks they are not 1, and so
  /// much of a value bias is in the heads' outputs.
  var needsShares: Bool { layer.hasSinks && layer[.valueBias] != nil }

  /// Chooses the basis of every KV group's values.
  /// - Parameters:
  ///   - heads: the original heads' outputs, [rows, heads * valueWidth].
  ///   - shares: the sums of their weights, [rows, heads], where the layer has sinks and a value
  ///     bias; nil: all are 1.
  ///   - rows: rows to take the statistics from.
  ///   - reach: how far the original's heads look.
  /// - Throws: `ConversionError.notFinite` or `ModelError.notFinite` for outputs that are not
  ///   finite.
  mutating func chooseBasis(
    _ heads: FloatBuffer, shares: FloatBuffer?, rows: Int, reach: AttentionReach
  ) throws {
    let width = attention.valueWidth
    let moments = secondMoments(heads, shares: shares, rows: rows)
    guard moments.allSatisfy({ $0.values.allSatisfy(\.isFinite) }) else { throw notFinite() }
    for group in 0..<attention.keyValueHeads {
      let members = attention.members(ofGroup: group)
      let outputs = members.compactMap { state.outputHead($0) }
      let allocation = FrequencyAllocation(
        moments: members.map { moments[$0] }, outputs: outputs,
        loss: members.map { loss(head: $0, reach) })
      let change = try allocation.basis()
      bases.append(change.forward)
      let role = layer.valueMatrix
      guard let values = state.rows(role, from: group * width, count: width) else { return }
      let changed = change.forward * values
      sizes.append(Self.powerOfTwo(from: changed, to: values))
      state.setRows(role, from: group * width, to: changed)
      if let bias = state.rows(.valueBias, from: group * width, count: width) {
        state.setRows(.valueBias, from: group * width, to: change.forward * bias)
      }
      for (head, output) in zip(members, outputs) {
        state.setOutputHead(head, to: change.backward * output)
      }
    }
  }

  /// The share of each dim's output that the head loses to rotation: 0 where it stays still.
  private func loss(head: Int, _ reach: AttentionReach) -> [Double] {
    var loss = [Double](repeating: 0, count: attention.valueWidth)
    guard let rotation = target.value else { return loss }
    for (pair, frequency) in rotation.frequencies.enumerated() where frequency != 0 {
      let dims = rotation.layout.dims(ofPair: pair, pairs: rotation.slots)
      let lost = max(1 - reach.survival(head: head, frequency: frequency), 0)
      loss[dims.0] = lost
      loss[dims.1] = lost
    }
    return loss
  }

  /// Second moments of the heads' outputs without a value bias, which never rotates.
  private func secondMoments(
    _ heads: FloatBuffer, shares: FloatBuffer?, rows: Int
  ) -> [DoubleMatrix] {
    let (width, count) = (attention.valueWidth, attention.heads)
    let stride = attention.outputColumns
    let bias = state.weights[.valueBias]?.values
    let moments = Mutex([Int: DoubleMatrix]())
    Parallel.forEach(count: attention.heads, threads: threads) { head, _ in
      var start = UnsafePointer(heads.pointer + head * width)
      var stride = stride
      var centred: FloatBuffer?
      if let bias {
        let buffer = FloatBuffer(count: rows * width)
        let first = (head / attention.groupSize) * width
        for row in 0..<rows {
          let share = shares.map { $0.pointer[row * count + head] } ?? 1
          for dim in 0..<width {
            buffer.pointer[row * width + dim] =
              start[row * stride + dim] - share * Float(bias[first + dim])
          }
        }
        start = UnsafePointer(buffer.pointer)
        stride = width
        centred = buffer
      }
      var moment = CrossMoment(width, width)
      moment.add(start, aStride: stride, start, bStride: stride, rows: rows)
      withExtendedLifetime(centred) {}
      let sum = moment.sum
      moments.withLock { $0[head] = sum }
    }
    return moments.withLock { $0 }.sorted { $0.key < $1.key }.map(\.value)
  }

  /// Lets every head make the best of its rotated outputs alone: `W_o^h <- W_o^h P^h`, `P^h` the
  /// regression of what the original's head gives on what the converted one gives. It has few
  /// unknowns, so it is nearly free of noise: the refit of all heads together is pulled toward it.
  /// - Parameters:
  ///   - original: the original heads' outputs, [rows, heads * valueWidth].
  ///   - converted: those of the converted stream with the rewritten values.
  ///   - rows: rows to take the sums over.
  /// - Throws: `TensorError.factorization` where a regression has no solution.
  mutating func adaptHeads(_ original: FloatBuffer, _ converted: FloatBuffer, rows: Int) throws {
    rewritten = state.weights[.attentionOutput]
    let width = attention.valueWidth
    let stride = attention.outputColumns
    // One head's products are small: heads are shared out, each summed by one thread.
    let moments = Mutex([Int: (own: DoubleMatrix, cross: DoubleMatrix)]())
    Parallel.forEach(count: attention.heads, threads: threads) { head, _ in
      let (o, z) = (original.pointer + head * width, converted.pointer + head * width)
      var own = CrossMoment(width, width)
      var cross = CrossMoment(width, width)
      own.add(z, aStride: stride, z, bStride: stride, rows: rows)
      cross.add(o, aStride: stride, z, bStride: stride, rows: rows)
      let sums = (own.sum, cross.sum)
      moments.withLock { $0[head] = sums }
    }
    for (head, sums) in moments.withLock({ $0 }).sorted(by: { $0.key < $1.key }) {
      let basis = bases.isEmpty ? .identity(width) : bases[head / attention.groupSize]
      let level = (0..<width).reduce(0) { $0 + sums.own[$1, $1] } / Double(width)
      let ridge = Self.headRidge * level
      guard ridge > 0, ridge.isFinite, let output = state.outputHead(head) else { continue }
      var equations = sums.own
      var sides = basis * sums.cross
      for dim in 0..<width {
        equations[dim, dim] += ridge
        sides[dim, dim] += ridge
      }
      // The transposed columns take P^hT from the left.
      let change = try Factorization.solveSymmetricPositive(equations, sides.transposed())
      state.setOutputHead(head, to: change * output)
    }
  }

  private static let headRidge = 1e-3

  /// Turns the record of the original's attention into what the output matrix should give in the
  /// converted stream, in place: `output` loses its bias, `stream` becomes what the converted stream
  /// lacks after attention, biases and multipliers undone. Before a norm it is what the original's
  /// attention gave: what earlier layers have left would have to be divided by the norm's gain, and
  /// where that is near 0 it would drown the rest of the vector whose length the norm takes away.
  func makeTargets(
    _ record: AttentionRecord, converted: FloatBuffer, rows: Int, weights: LayerWeights
  ) {
    let width = plan.shape.width
    let scale = Float(1 / layer.recipe.residual.multiplier)
    nonisolated(unsafe) let bias = weights.vector(.attentionOutputBias)
    let hasNormAfter = layer.recipe.normPlacement != .before
    Parallel.forEach(count: (rows + 511) / 512, threads: threads) { block, _ in
      for row in (block * 512)..<min((block + 1) * 512, rows) {
        let target = record.stream.pointer + row * width
        let output = record.output.pointer + row * width
        let current = converted.pointer + row * width
        for column in 0..<width {
          target[column] =
            hasNormAfter ? output[column] : (target[column] - current[column]) * scale
        }
        if let bias {
          for column in 0..<width {
            target[column] -= bias[column]
            output[column] -= bias[column]
          }
        }
      }
    }
  }

  /// Refits the output matrix to the targets made of a record.
  mutating func refit(
    _ heads: FloatBuffer, _ targets: AttentionRecord, fittedRows: Int, heldOutRows: Int
  ) throws -> OutputRegression.Solution? {
    guard let previous = state.weights[.attentionOutput] else { return nil }
    func moments(from first: Int, rows: Int) -> OutputRegression.Moments {
      let inputs = attention.outputColumns
      let width = plan.shape.width
      return OutputRegression.Moments(
        inputs: heads.pointer + first * inputs, count: inputs,
        own: targets.output.pointer + first * width,
        lacking: targets.stream.pointer + first * width, width: width, rows: rows,
        threads: threads)
    }
    let regression = OutputRegression(
      fit: moments(from: 0, rows: fittedRows),
      heldOut: moments(from: fittedRows, rows: heldOutRows))
    guard regression.fit.energy.isFinite, regression.heldOut.energy.isFinite,
      regression.fit.inputs.sum.values.allSatisfy(\.isFinite)
    else { throw notFinite() }
    let solution = try regression.solve(
      from: previous, rewritten: rewritten ?? previous, threads: threads)
    state.weights[.attentionOutput] = solution.weights
    return solution
  }

  /// Gives every KV group's value weights about the size that they had. In the basis values are of
  /// size 1, so their weights are a hundred times smaller, and the output's larger, where a layer's
  /// input is large: a training step fits neither, and 16-bit scales of quantized blocks end there.
  /// Powers of two change no digit of what the layer computes.
  mutating func restoreSizes() {
    let width = attention.valueWidth
    for (group, size) in sizes.enumerated() where size != 1 {
      for role in [layer.valueMatrix, .valueBias] {
        guard var rows = state.rows(role, from: group * width, count: width) else { continue }
        for index in rows.values.indices { rows.values[index] *= size }
        state.setRows(role, from: group * width, to: rows)
      }
      for head in attention.members(ofGroup: group) {
        guard var output = state.outputHead(head) else { continue }
        for index in output.values.indices { output.values[index] /= size }
        state.setOutputHead(head, to: output)
      }
    }
  }

  /// The power of two that gives the matrix about the norm of the other; 1 where there is none.
  private static func powerOfTwo(from matrix: DoubleMatrix, to other: DoubleMatrix) -> Double {
    func energy(_ matrix: DoubleMatrix) -> Double { matrix.values.reduce(0) { $0 + $1 * $1 } }
    let ratio = (energy(other) / energy(matrix)).squareRoot()
    return ratio.isFinite && ratio > 0 ? exp2(log2(ratio).rounded()) : 1
  }

  /// An error that names the first weight of the layer that is not finite.
  private func notFinite() -> any Error {
    let sources = layer.weights.sorted { $0.key.rawValue < $1.key.rawValue }
    for (_, source) in sources {
      if let values = try? source.decoded(), !values.allSatisfy(\.isFinite) {
        return ConversionError.notFinite(file: plan.checkpoint.path, tensor: source.tensor.name)
      }
    }
    return ModelError.notFinite(file: plan.checkpoint.path, what: "the attention of layer \(index)")
  }
}
