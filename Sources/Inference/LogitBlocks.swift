import Base
import Models
import Tensors

/// The output matrix in blocks of the vocabulary: logits are never held all at once.
package struct LogitBlocks: Sendable {
  /// Vocabulary entries of one block.
  package static let columns = 2048
  /// Rows of hidden states of one unit of work.
  package static let unitRows = 256

  package let plan: ModelPlan
  package let arithmetic: Arithmetic
  package let threads: Int

  /// The output matrix of a model, multiplied with this arithmetic.
  package init(plan: ModelPlan, arithmetic: Arithmetic = .float32, threads: Int) {
    self.plan = plan
    self.arithmetic = arithmetic
    self.threads = max(threads, 1)
  }

  /// The output matrix of a pass.
  package init(of pass: ForwardPass) {
    self.init(plan: pass.plan, arithmetic: pass.arithmetic, threads: pass.threads)
  }

  package var vocabulary: Int { plan.shape.vocabulary }

  /// The number of blocks.
  package var count: Int { (vocabulary + Self.columns - 1) / Self.columns }

  /// Vocabulary entries of a block.
  package func range(_ block: Int) -> Range<Int> {
    let start = block * Self.columns
    return start..<min(start + Self.columns, vocabulary)
  }

  /// Rows shared out to units of work; `counts` are the rows of each sequence, one after another. A
  /// matrix product's last digits depend on how many rows it has, and must not depend on the batch:
  /// a unit holds rows of two sequences only where its rows are so few that their number does not
  /// count.
  package func units(_ counts: [Int]) -> [Range<Int>] {
    let few = arithmetic == .float32 ? PreparedMatrix.fewRows : 0
    var units: [Range<Int>] = []
    var start = 0
    for count in counts {
      for first in stride(from: 0, to: count, by: Self.unitRows) {
        let unit = (start + first)..<(start + min(first + Self.unitRows, count))
        if let last = units.last, unit.count <= few, last.count + unit.count <= few {
          units[units.count - 1] = last.lowerBound..<unit.upperBound
        } else {
          units.append(unit)
        }
      }
      start += count
    }
    return units
  }

  /// What `OutputNorm` makes of rows of hidden states, in the order wanted. Its weights are decoded
  /// each time: a caller that needs many keeps an `OutputNorm`.
  /// - Throws: the errors of decoding weights.
  package func normed(_ hidden: ForwardPass.HiddenStates, rows: [Int]) throws -> NormedRows {
    try OutputNorm(of: self).normed(hidden, rows: rows)
  }

  /// Hidden states after the output norm, ready for the output matrix.
  package struct NormedRows: Sendable {
    let factors: FactorBuffer
    let width: Int

    func factors(_ rows: Range<Int>) -> Factors {
      factors.rows(rows.count, width: width, first: rows.lowerBound * width)
    }
  }

  /// The decoded output rows of one block.
  package struct Weights: Sendable {
    let matrix: PreparedMatrix
    /// One number for each row, where the model adds them to its logits.
    let bias: FloatBuffer?

    /// Rows of the block.
    package var outputs: Int { matrix.outputs }
  }

  /// The decoded output rows of one block. The memory of `other` is used again where the sizes are
  /// the same; it must not be used any more.
  package func weights(_ block: Int, recycling other: Weights? = nil) throws -> Weights {
    let range = range(block)
    let bias = try plan.globals[.outputBias].map { source in
      let values = FloatBuffer(count: range.count)
      try source.decode(rows: range, to: values.pointer)
      return values
    }
    return Weights(matrix: try matrix(block, recycling: other?.matrix), bias: bias)
  }

  private func matrix(_ block: Int, recycling other: PreparedMatrix?) throws -> PreparedMatrix {
    let range = range(block)
    let width = plan.shape.width
    let matrix =
      if let other, other.outputs == range.count { other } else {
        PreparedMatrix(outputs: range.count, inputs: width, arithmetic: arithmetic)
      }
    guard let output = plan.output else { return matrix }
    let failure = FirstFailure()
    Parallel.forEach(count: matrix.pieceCount, threads: threads) { piece, _ in
      do {
        try matrix.fill(piece: piece) { rows, target in
          let first = range.lowerBound + rows.lowerBound
          try output.tensor.decode(rows: first..<(first + rows.count), to: target)
        }
      } catch { failure.record(error) }
    }
    try failure.check()
    output.tensor.advise(rows: range, .dontNeed)
    return matrix
  }

  /// Logits of some rows for one block, [rows.count, weights.outputs] without a gap, divided and
  /// capped as the model does.
  package func multiply(
    _ weights: Weights, _ normed: NormedRows, rows: Range<Int>,
    to logits: UnsafeMutablePointer<Float>
  ) {
    let width = weights.outputs
    let count = rows.count * width
    weights.matrix.multiply(normed.factors(rows), to: logits, yStride: width)
    if let bias = weights.bias {
      Kernels.addBias(bias.pointer, to: logits, rows: rows.count, width: width, stride: width)
    }
    if plan.shape.logitDivisor != 1 {
      Kernels.scale(logits, by: Float(1 / plan.shape.logitDivisor), count: count)
    }
    if plan.shape.logitSoftcap != 0 {
      Kernels.softcap(logits, cap: Float(plan.shape.logitSoftcap), count: count)
    }
  }
}
