/// Several residual streams in the place of one (hyper-connections, arXiv:2409.19606): each sublayer
/// reads a weighted sum of them, and what it gives is spread over them while they mix. The weights come
/// of the streams themselves, row by row; the matrix that mixes has rows and columns that sum to 1.
package struct HyperConnections: Sendable, Equatable {
  package var streams: Int
  /// How often columns of that matrix are divided by their sums, rows in between (Sinkhorn).
  package var iterations: Int
  /// Added to weights and to sums that are divided by.
  package var epsilon: Double

  package init(streams: Int, iterations: Int, epsilon: Double) {
    self.streams = streams
    self.iterations = iterations
    self.epsilon = epsilon
  }

  /// Numbers that say for a row how a sublayer reads, writes and mixes the streams: one, one and
  /// `streams` for each stream.
  package var coefficients: Int { (2 + streams) * streams }

  /// Streams that any model has, at most.
  static let mostStreams = 64
  /// Divisions by sums, at most: models state 20.
  static let mostIterations = 1000
}

extension HyperConnections {
  /// Reads what a file states of them; nil for a model of one stream.
  init?(_ parameters: Hyperparameters) throws {
    guard let streams = try parameters.optionalInteger(.residualStreams) else { return nil }
    guard streams <= Self.mostStreams else {
      throw parameters.failure(.residualStreams, "is \(streams), which no model has")
    }
    let epsilon = try parameters.optionalNumber(.streamEpsilon) ?? 1e-6
    guard epsilon >= 0 else { throw parameters.failure(.streamEpsilon, "is below 0") }
    let iterations = try parameters.integer(.streamIterations)
    guard iterations <= Self.mostIterations else {
      throw parameters.failure(.streamIterations, "is \(iterations), which no model has")
    }
    self.init(streams: streams, iterations: iterations, epsilon: epsilon)
  }
}
