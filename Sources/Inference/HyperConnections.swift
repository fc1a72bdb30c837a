import Foundation
import Models
import Tensors

/// The weights of one sublayer's connection to several residual streams.
struct ConnectionRoles: Sendable {
  let matrix: Role
  let scale: Role
  let bias: Role

  static let attention = ConnectionRoles(
    matrix: .attentionStreams, scale: .attentionStreamsScale, bias: .attentionStreamsBias)
  static let feedForward = ConnectionRoles(
    matrix: .feedForwardStreams, scale: .feedForwardStreamsScale, bias: .feedForwardStreamsBias)
}

extension HyperConnections {
  /// The share of each stream that is read, in place: `sigmoid(scale m + bias) + epsilon`.
  func weighReading(
    _ mixes: UnsafeMutablePointer<Float>, scale: Float, bias: UnsafePointer<Float>
  ) {
    for stream in 0..<streams {
      mixes[stream] = Float(sigmoid(mixes[stream], scale, bias[stream]) + epsilon)
    }
  }

  /// Turns a row's projected numbers into weights, in place: `streams` by which they are read,
  /// `streams` by which they are written, and a matrix [from, to] by which they mix.
  package func weigh(
    _ mixes: UnsafeMutablePointer<Float>, scale: UnsafePointer<Float>, bias: UnsafePointer<Float>
  ) {
    weighReading(mixes, scale: scale[0], bias: bias)
    for stream in streams..<(2 * streams) {
      mixes[stream] = Float(2 * sigmoid(mixes[stream], scale[1], bias[stream]))
    }
    let first = 2 * streams
    var matrix = (first..<coefficients).map {
      Double(mixes[$0]) * Double(scale[2]) + Double(bias[$0])
    }
    for from in 0..<streams {
      let row = (from * streams)..<((from + 1) * streams)
      let largest = matrix[row].max() ?? 0
      let sum = row.reduce(0) { $0 + exp(matrix[$1] - largest) }
      for place in row { matrix[place] = exp(matrix[place] - largest) / sum + epsilon }
    }
    // Columns once more often than rows.
    normalize(&matrix, step: 1, stride: streams)
    for _ in 1..<max(iterations, 1) {
      normalize(&matrix, step: streams, stride: 1)
      normalize(&matrix, step: 1, stride: streams)
    }
    for (place, value) in matrix.enumerated() { mixes[first + place] = Float(value) }
  }

  /// Divides lines of the matrix by their sums: they begin `step` apart, their elements lie `stride`
  /// apart.
  private func normalize(_ matrix: inout [Double], step: Int, stride: Int) {
    for line in 0..<streams {
      let places = (0..<streams).map { line * step + $0 * stride }
      let sum = places.reduce(epsilon) { $0 + matrix[$1] }
      for place in places { matrix[place] /= sum }
    }
  }

  private func sigmoid(_ mix: Float, _ scale: Float, _ bias: Float) -> Double {
    1 / (1 + exp(-(Double(mix) * Double(scale) + Double(bias))))
  }

  /// The sum of a row's streams, weighted as they are read.
  package func collapse(
    _ row: UnsafePointer<Float>, _ weights: UnsafePointer<Float>, width: Int,
    to sum: UnsafeMutablePointer<Float>
  ) {
    sum.update(repeating: 0, count: width)
    for stream in 0..<streams {
      let (weight, source) = (weights[stream], row + stream * width)
      for channel in 0..<width { sum[channel] += weight * source[channel] }
    }
  }

  /// Mixes a row's streams and adds what a sublayer gave to each; `mixed` is memory for one row.
  package func spread(
    _ update: UnsafePointer<Float>, _ weights: UnsafePointer<Float>, width: Int,
    over row: UnsafeMutablePointer<Float>, mixed: UnsafeMutablePointer<Float>
  ) {
    for to in 0..<streams {
      let (target, weight) = (mixed + to * width, weights[streams + to])
      for channel in 0..<width { target[channel] = weight * update[channel] }
      for from in 0..<streams {
        let (weight, source) = (weights[(2 + from) * streams + to], row + from * width)
        for channel in 0..<width { target[channel] += weight * source[channel] }
      }
    }
    row.update(from: mixed, count: streams * width)
  }
}

extension Layer {
  /// What a sublayer reads before any norm: the unit's rows of the residual stream, or where there are
  /// several of them their weighted sum.
  func read(
    _ unit: SequenceBatch.Unit, _ roles: ConnectionRoles, _ scratch: LayerScratch
  ) -> UnsafeMutablePointer<Float> {
    guard let connections = recipe.residual.hyperConnections else { return stream(unit) }
    weigh(connections, unit, roles, scratch)
    for row in 0..<unit.rows.count {
      connections.collapse(
        stream(unit) + row * streamWidth,
        scratch.connections.pointer + row * connections.coefficients, width: width,
        to: scratch.collapsed.pointer + row * width)
    }
    return scratch.collapsed.pointer
  }

  /// What `read` gave last for the unit.
  func lastRead(
    _ unit: SequenceBatch.Unit, _ scratch: LayerScratch
  ) -> UnsafeMutablePointer<Float> {
    recipe.residual.hyperConnections == nil ? stream(unit) : scratch.collapsed.pointer
  }

  /// Adds what a sublayer gave for the unit's rows to the residual streams. Their weights are those
  /// that the sublayer read by: the streams have not changed since, and they are computed again rather
  /// than kept for every row of the batch.
  func join(
    _ update: UnsafePointer<Float>, _ connections: HyperConnections, _ unit: SequenceBatch.Unit,
    _ roles: ConnectionRoles, _ scratch: LayerScratch
  ) {
    weigh(connections, unit, roles, scratch)
    for row in 0..<unit.rows.count {
      connections.spread(
        update + row * width, scratch.connections.pointer + row * connections.coefficients,
        width: width, over: stream(unit) + row * streamWidth, mixed: scratch.mixed.pointer)
    }
  }

  /// Fills the weights of the unit's rows.
  private func weigh(
    _ connections: HyperConnections, _ unit: SequenceBatch.Unit, _ roles: ConnectionRoles,
    _ scratch: LayerScratch
  ) {
    guard let scale = weights.vector(roles.scale), let bias = weights.vector(roles.bias)
    else { return }
    let mixes = scratch.connections.pointer
    let normed = Kernels.rmsNorm(
      stream(unit), xStride: streamWidth, rows: unit.rows.count, width: streamWidth, gain: nil,
      epsilon: epsilon, to: scratch.streams)
    multiply(roles.matrix, normed, to: mixes, yStride: connections.coefficients)
    for row in 0..<unit.rows.count {
      connections.weigh(mixes + row * connections.coefficients, scale: scale, bias: bias)
    }
  }
}

/// What becomes of several residual streams after the last layer: one weighted sum.
struct StreamHead: Sendable {
  private let connections: HyperConnections
  private let width: Int
  private let epsilon: Float
  private let matrix: PreparedMatrix
  private let scale: Float
  private let bias: FloatBuffer

  /// That of a model; nil where it has one stream.
  init?(_ plan: ModelPlan) throws {
    guard let connections = plan.shape.hyperConnections, let source = plan.globals[.outputStreams],
      let scale = try plan.globals[.outputStreamsScale]?.decoded().first,
      let bias = plan.globals[.outputStreamsBias]
    else { return nil }
    self.connections = connections
    self.scale = scale
    width = plan.shape.width
    epsilon = Float(plan.shape.outputNorm.epsilon)
    let values = FloatBuffer(count: source.count)
    try source.decode(to: values.pointer)
    matrix = PreparedMatrix(values, outputs: source.rows, inputs: source.columns)
    self.bias = FloatBuffer(count: bias.count)
    try bias.decode(to: self.bias.pointer)
  }

  /// Memory that one row at a time is collapsed in.
  struct Scratch {
    fileprivate let normed: FactorBuffer
    fileprivate let weights: FloatBuffer
    let sum: FloatBuffer
  }

  func scratch() -> Scratch {
    Scratch(
      normed: FactorBuffer(.float32, count: connections.streams * width),
      weights: FloatBuffer(count: connections.streams), sum: FloatBuffer(count: width))
  }

  /// The weighted sum of one row's streams, in the scratch.
  func collapse(_ row: UnsafePointer<Float>, _ scratch: Scratch) -> UnsafePointer<Float> {
    let (wide, weights) = (connections.streams * width, scratch.weights.pointer)
    let normed = Kernels.rmsNorm(
      row, xStride: wide, rows: 1, width: wide, gain: nil, epsilon: epsilon, to: scratch.normed)
    matrix.multiply(normed, to: weights, yStride: connections.streams)
    connections.weighReading(weights, scale: scale, bias: bias.pointer)
    connections.collapse(row, weights, width: width, to: scratch.sum.pointer)
    return UnsafePointer(scratch.sum.pointer)
  }
}
