import Architectures
import Tensors

/// The output matrix in blocks of the vocabulary: logits are never held all at once.
public struct LogitBlocks: Sendable {
  /// Vocabulary entries of one block.
  public static let columns = 4096
  /// Rows of hidden states of one unit of work.
  public static let unitRows = 256

  public let plan: ModelPlan
  public let threads: Int

  public init(plan: ModelPlan, threads: Int) {
    self.plan = plan
    self.threads = max(threads, 1)
  }

  public var vocabulary: Int { plan.shape.vocabulary }

  /// The number of blocks.
  public var count: Int { (vocabulary + Self.columns - 1) / Self.columns }

  /// Vocabulary entries of a block.
  public func range(_ block: Int) -> Range<Int> {
    let start = block * Self.columns
    return start..<min(start + Self.columns, vocabulary)
  }

  /// Rows shared out to units of work. A unit never holds rows of two sequences: a matrix product's
  /// last digits depend on how many rows it has, and must not depend on the batch.
  /// - Parameter counts: rows of each sequence, one after another.
  public static func units(_ counts: [Int]) -> [Range<Int>] {
    var units: [Range<Int>] = []
    var start = 0
    for count in counts {
      for first in stride(from: 0, to: count, by: unitRows) {
        units.append((start + first)..<(start + min(first + unitRows, count)))
      }
      start += count
    }
    return units
  }

  /// Gathers rows of hidden states and applies the output norm.
  /// - Parameter rows: rows of `hidden`, in the order wanted.
  /// - Returns: [rows.count, width].
  public func normed(_ hidden: ForwardPass.HiddenStates, rows: [Int]) throws -> FloatBuffer {
    let width = plan.shape.width
    let result = FloatBuffer(count: max(rows.count * width, 1))
    let gain = try plan.globals[.outputNormGain]?.decoded()
    let bias = try plan.globals[.outputNormBias]?.decoded()
    let epsilon = Float(plan.shape.normEpsilon)
    let kind = plan.architecture.block.norm
    Parallel.forEach(
      count: (rows.count + Self.unitRows - 1) / Self.unitRows, threads: threads
    ) { unit, _ in
      for index in (unit * Self.unitRows)..<min((unit + 1) * Self.unitRows, rows.count) {
        let source = hidden.values.pointer + rows[index] * width
        let target = result.pointer + index * width
        withOptionalPointer(gain) { gain in
          withOptionalPointer(bias) { bias in
            switch kind {
            case .rms:
              Kernels.rmsNorm(
                source, xStride: width, rows: 1, width: width, gain: gain, epsilon: epsilon,
                to: target, yStride: width)
            case .layer:
              Kernels.layerNorm(
                source, xStride: width, rows: 1, width: width, gain: gain, bias: bias,
                epsilon: epsilon, to: target, yStride: width)
            }
          }
        }
      }
    }
    return result
  }

  /// The decoded output rows of one block.
  public func weights(_ block: Int) throws -> PreparedMatrix {
    let range = range(block)
    let width = plan.shape.width
    let buffer = FloatBuffer(count: range.count * width)
    guard let output = plan.output else {
      return PreparedMatrix(buffer, outputs: range.count, inputs: width)
    }
    let pieces = (range.count + 255) / 256
    let failure = FirstFailure()
    Parallel.forEach(count: pieces, threads: threads) { piece, _ in
      let first = range.lowerBound + piece * 256
      let last = min(first + 256, range.upperBound)
      do {
        try output.tensor.decode(
          rows: first..<last, to: buffer.pointer + (first - range.lowerBound) * width)
      } catch { failure.record(error) }
    }
    try failure.check()
    return PreparedMatrix(buffer, outputs: range.count, inputs: width)
  }

  /// Logits of some rows for one block, divided and capped as the model does.
  /// - Parameters:
  ///   - normed: normed hidden states, [.., width].
  ///   - logits: [rows.count, columns] with row stride `columns`.
  public func multiply(
    _ weights: PreparedMatrix, _ normed: FloatBuffer, rows: Range<Int>,
    to logits: UnsafeMutablePointer<Float>
  ) {
    let width = plan.shape.width
    weights.multiply(
      normed.pointer + rows.lowerBound * width, xStride: width, rows: rows.count, to: logits,
      yStride: Self.columns)
    if plan.shape.logitDivisor != 1 {
      Kernels.scale(
        logits, by: Float(1 / plan.shape.logitDivisor), count: rows.count * Self.columns)
    }
    if plan.shape.logitSoftcap != 0 {
      let cap = Float(plan.shape.logitSoftcap)
      for row in 0..<rows.count {
        Kernels.softcap(logits + row * Self.columns, cap: cap, count: weights.outputs)
      }
    }
  }
}

private func withOptionalPointer(
  _ array: [Float]?, _ body: (UnsafePointer<Float>?) -> Void
) {
  guard let array else { return body(nil) }
  array.withUnsafeBufferPointer { body($0.baseAddress) }
}
