import Base
import Models
import Tensors

/// One layer's weights, decoded and ready for products: made when the layer's turn comes, dropped
/// after it.
package final class LayerWeights: Sendable {
  /// One for each block of a role, most of which have one.
  private let matrices: [Role: [PreparedMatrix]]
  private let vectors: [Role: FloatBuffer]
  /// Of a layer that has some.
  let experts: ExpertWeights?
  /// What adds up the inputs of products, and which expert's matrices these are; nil: nothing does.
  private let observer: (sums: ColumnSums, expert: Int?)?

  /// Decodes the weights of a layer, but those of experts, which are decoded when their turn comes.
  /// The memory of `other` is used again where the sizes are the same; it must not be used any more.
  /// Where `keepsExperts` is true, experts are decoded too.
  /// - Throws: the errors of decoding weights.
  package convenience init(
    _ layer: ModelLayer, arithmetic: Arithmetic = .float32, threads: Int,
    recycling other: LayerWeights? = nil, keepsExperts: Bool = false
  ) throws {
    let own = try Self.decode(
      [layer.weights], arithmetic: arithmetic, threads: threads,
      recycling: other.map { [$0] } ?? [])[0]
    try Self.check(own.vectors[.routerTable], of: layer)
    let experts =
      layer.experts.isEmpty
      ? nil
      : try ExpertWeights(layer, arithmetic: arithmetic, threads: threads, keeps: keepsExperts)
    self.init(matrices: own.matrices, vectors: own.vectors, experts: experts)
  }

  /// Refuses a table that sends a token to an expert that the layer does not have.
  private static func check(_ table: FloatBuffer?, of layer: ModelLayer) throws {
    guard let table, let source = layer[.routerTable] else { return }
    let experts = layer.experts.count
    for place in 0..<source.count {
      let expert = table.pointer[place]
      guard expert >= 0, expert < Float(experts), expert == expert.rounded() else {
        throw ModelError.expertOfToken(
          file: source.tensor.file.path, tensor: source.tensor.name,
          token: place / max(source.columns, 1), expert: Double(expert), experts: experts)
      }
    }
  }

  /// Decodes several sets of weights at a time, each into the memory of the one in its place of
  /// `others` where the sizes are the same.
  static func decode(
    _ sets: [[Role: WeightSource]], arithmetic: Arithmetic, threads: Int,
    recycling others: [LayerWeights] = []
  ) throws -> [LayerWeights] {
    var results: [LayerWeights] = []
    var pieces: [(source: WeightSource, first: Int, matrix: PreparedMatrix, piece: Int)] = []
    for (index, set) in sets.enumerated() {
      let other = index < others.count ? others[index] : nil
      var matrices: [Role: [PreparedMatrix]] = [:]
      var vectors: [Role: FloatBuffer] = [:]
      for (role, source) in set {
        if role.isElementwise || role.isTable {
          let buffer = FloatBuffer(count: source.count)
          try source.decode(to: buffer.pointer)
          vectors[role] = buffer
          continue
        }
        let arithmetic = role.isFloat32 ? .float32 : arithmetic
        let (outputs, old) = (source.rows / source.blocks, other?.matrices[role] ?? [])
        for block in 0..<source.blocks {
          let known = block < old.count ? old[block] : nil
          let matrix =
            if let known, known.outputs == outputs, known.inputs == source.columns,
              known.arithmetic == arithmetic
            { known } else {
              PreparedMatrix(outputs: outputs, inputs: source.columns, arithmetic: arithmetic)
            }
          matrices[role, default: []].append(matrix)
          let first = source.firstRow(ofBlock: block)
          if source.isRowwise {
            pieces += (0..<matrix.pieceCount).map { (source, first, matrix, $0) }
          } else {
            try matrix.fill(from: source, first: first)
          }
        }
      }
      results.append(LayerWeights(matrices: matrices, vectors: vectors, experts: nil))
    }
    let work = pieces
    let failure = FirstFailure()
    Parallel.forEach(count: work.count, threads: threads) { index, _ in
      let (source, first, matrix, piece) = work[index]
      do {
        try matrix.fill(piece: piece) { rows, target in
          try source.decode(
            rows: (first + rows.lowerBound)..<(first + rows.upperBound), to: target)
        }
      } catch { failure.record(error) }
    }
    try failure.check()
    return results
  }

  private init(
    matrices: [Role: [PreparedMatrix]], vectors: [Role: FloatBuffer], experts: ExpertWeights?,
    observer: (sums: ColumnSums, expert: Int?)? = nil
  ) {
    self.matrices = matrices
    self.vectors = vectors
    self.experts = experts
    self.observer = observer
  }

  /// The same weights, the inputs of whose products are added up, those of experts each by itself.
  package func observed(by sums: ColumnSums, expert: Int? = nil) -> LayerWeights {
    LayerWeights(
      matrices: matrices, vectors: vectors, experts: experts?.observed(by: sums),
      observer: (sums, expert))
  }

  /// The same weights with others, row-major [rows, columns], in the place of some.
  package func replacing(_ weights: [Role: DoubleMatrix]) -> LayerWeights {
    var (matrices, vectors) = (matrices, vectors)
    for (role, weight) in weights {
      let buffer = FloatBuffer(count: weight.values.count)
      for (index, value) in weight.values.enumerated() { buffer.pointer[index] = Float(value) }
      if role.isElementwise || role.isTable {
        vectors[role] = buffer
      } else {
        matrices[role] = [
          PreparedMatrix(buffer, outputs: weight.rows, inputs: weight.columns)
        ]
      }
    }
    return LayerWeights(
      matrices: matrices, vectors: vectors, experts: experts, observer: observer)
  }

  /// Whether there is such a matrix.
  func has(_ role: Role) -> Bool { matrices[role] != nil }

  package func vector(_ role: Role) -> UnsafePointer<Float>? {
    vectors[role].map { UnsafePointer($0.pointer) }
  }

  /// `y = x W^T (+ b)`; does nothing where the layer has no such matrix. Of matrices that stand one
  /// below another, `block` is the one to multiply.
  func multiply(
    _ role: Role, block: Int = 0, bias: Role?, _ x: Factors, to y: UnsafeMutablePointer<Float>,
    yStride: Int
  ) {
    guard let matrices = matrices[role], block < matrices.count else { return }
    let matrix = matrices[block]
    matrix.multiply(x, to: y, yStride: yStride)
    if let observer {
      observer.sums.add(x, to: .init(role: role, block: block, expert: observer.expert))
    }
    if let bias, let vector = vector(bias) {
      Kernels.addBias(vector, to: y, rows: x.rows, width: matrix.outputs, stride: yStride)
    }
  }
}

extension PreparedMatrix {
  /// Takes a weight that is not stored row by row: decoded as a whole first.
  fileprivate func fill(from source: WeightSource, first: Int) throws {
    let whole = FloatBuffer(count: source.count)
    try source.decode(to: whole.pointer)
    for piece in 0..<pieceCount {
      try fill(piece: piece) { rows, target in
        target.update(
          from: whole.pointer + (first + rows.lowerBound) * inputs, count: rows.count * inputs)
      }
    }
  }
}
