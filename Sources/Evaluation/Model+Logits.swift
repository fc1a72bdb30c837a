import Inference
import Models
import Rotary
import Tensors

extension Model {
  /// Logits at every position of one sequence.
  ///
  /// For short sequences: the result holds positions x vocabulary floats.
  /// - Parameters:
  ///   - tokens: token ids below the vocabulary's size.
  ///   - rotary: the variant to compute; the checkpoint's own by default.
  ///   - start: the position of the first token.
  ///   - arithmetic: how matrix products are computed.
  ///   - threads: threads to work with.
  /// - Returns: row-major [positions, vocabulary].
  /// - Throws: `ModelError` for a token outside the vocabulary or a position without an embedding.
  public func logits(
    _ tokens: [Int32], rotary: RotaryRequest = .asStored, start: Int = 0,
    arithmetic: Arithmetic = .float32, threads: Int = 1
  ) throws -> [Float] {
    try logits(
      tokens, rotary: rotary, start: start, arithmetic: arithmetic, form: .attention,
      threads: threads)
  }

  /// The same with layers of decay attention in one of their forms.
  package func logits(
    _ tokens: [Int32], rotary: RotaryRequest = .asStored, start: Int = 0,
    arithmetic: Arithmetic = .float32, form: MixerForm, threads: Int = 1
  ) throws -> [Float] {
    var pass = ForwardPass(
      plan: plan, as: rotary, arithmetic: arithmetic, threads: threads)
    pass.form = form
    let hidden = try pass.run([tokens], start: start)
    let blocks = LogitBlocks(of: pass)
    let normed = try blocks.normed(hidden, rows: Array(0..<tokens.count))
    var result = [Float](repeating: 0, count: tokens.count * blocks.vocabulary)
    let scratch = FloatBuffer(count: LogitBlocks.unitRows * LogitBlocks.columns)
    for block in 0..<blocks.count {
      let weights = try blocks.weights(block)
      let range = blocks.range(block)
      for first in stride(from: 0, to: tokens.count, by: LogitBlocks.unitRows) {
        let rows = first..<min(first + LogitBlocks.unitRows, tokens.count)
        blocks.multiply(weights, normed, rows: rows, to: scratch.pointer)
        for row in rows {
          let source = scratch.pointer + (row - first) * range.count
          for column in range {
            result[row * blocks.vocabulary + column] = source[column - range.lowerBound]
          }
        }
      }
    }
    return result
  }
}
