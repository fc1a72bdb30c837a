import Base
import Models
import Tensors

/// What stands between the last layer and the output matrix: several streams become one, and the
/// output norm. Its weights are decoded once.
package struct OutputNorm: Sendable {
  private let recipe: NormRecipe
  private let width: Int
  private let streamWidth: Int
  private let gain: FloatBuffer?
  private let bias: FloatBuffer?
  private let head: StreamHead?
  private let arithmetic: Arithmetic
  private let threads: Int

  /// That of a model, whose rows are then factors of its output matrix.
  /// - Throws: the errors of decoding weights.
  package init(of blocks: LogitBlocks) throws {
    let plan = blocks.plan
    func vector(_ role: Role) throws -> FloatBuffer? {
      try plan.globals[role].map { source in
        let values = FloatBuffer(count: source.count)
        try source.decode(to: values.pointer)
        return values
      }
    }
    recipe = plan.shape.outputNorm
    width = plan.shape.width
    streamWidth = plan.shape.streamWidth
    gain = try vector(.outputNormGain)
    bias = try vector(.outputNormBias)
    head = try StreamHead(plan)
    arithmetic = blocks.arithmetic
    threads = blocks.threads
  }

  /// Gathers rows of hidden states, in the order wanted, collapses several streams to one, and
  /// applies the norm.
  package func normed(
    _ hidden: ForwardPass.HiddenStates, rows: [Int]
  ) -> LogitBlocks.NormedRows {
    let factors = FactorBuffer(arithmetic, count: max(rows.count * width, 1))
    Parallel.forEach(
      count: (rows.count + LogitBlocks.unitRows - 1) / LogitBlocks.unitRows, threads: threads
    ) { unit, _ in
      let norm = Norm(
        recipe, width: width, gain: gain.map { UnsafePointer($0.pointer) },
        bias: bias.map { UnsafePointer($0.pointer) })
      let scratch = head?.scratch()
      let first = unit * LogitBlocks.unitRows
      for index in first..<min(first + LogitBlocks.unitRows, rows.count) {
        var source = UnsafePointer(hidden.values.pointer) + rows[index] * streamWidth
        if let head, let scratch { source = head.collapse(source, scratch) }
        norm.apply(source, rows: 1, to: factors, first: index * width)
      }
    }
    return LogitBlocks.NormedRows(factors: factors, width: width)
  }
}
