import CKernels

/// A weight matrix made ready for products with many rows of activations.
///
/// The one place that knows in which precision and order a layer's weights are multiplied.
package final class PreparedMatrix: Sendable {
  /// Rows of the weight: elements of a result row.
  package let outputs: Int
  /// Columns of the weight: elements of an input row.
  package let inputs: Int
  package let arithmetic: Arithmetic
  private let form: Form

  private enum Form: Sendable {
    /// float32; whether bfloat16 can hold them.
    case float32(FloatPanels, isRounded: Bool)
    #if ROPECONV_ONEDNN
      case packed(BFloat16Weights)
    #endif
  }

  /// Takes a row-major matrix [outputs, inputs] that begins at `offset` of a buffer, for float32
  /// products.
  package convenience init(_ weights: FloatBuffer, offset: Int = 0, outputs: Int, inputs: Int) {
    self.init(outputs: outputs, inputs: inputs, arithmetic: .float32)
    guard case .float32(let panels, _) = form else { return }
    for piece in 0..<pieceCount {
      let rows = self.piece(piece)
      panels.put(rows: rows, weights.pointer + offset + rows.lowerBound * inputs)
    }
  }

  /// Room for a matrix, filled piece by piece.
  package init(outputs: Int, inputs: Int, arithmetic: Arithmetic) {
    self.outputs = outputs
    self.inputs = inputs
    self.arithmetic = arithmetic
    #if ROPECONV_ONEDNN
      if arithmetic.form == .bfloat16,
        let packed = BFloat16Weights(outputs: outputs, inputs: inputs)
      {
        form = .packed(packed)
        return
      }
    #endif
    form = .float32(
      FloatPanels(outputs: outputs, inputs: inputs), isRounded: arithmetic == .bfloat16)
  }

  /// Rows of one piece.
  package static let pieceRows = 64

  /// How many pieces there are.
  package var pieceCount: Int { (outputs + Self.pieceRows - 1) / Self.pieceRows }

  /// The rows of a piece.
  package func piece(_ index: Int) -> Range<Int> {
    (index * Self.pieceRows)..<min((index + 1) * Self.pieceRows, outputs)
  }

  /// Fills a piece; several threads may fill different ones.
  /// - Parameters:
  ///   - index: the piece.
  ///   - decode: stores its rows, [rows, inputs].
  /// - Throws: what `decode` throws, or `TensorError.outOfMemory`.
  package func fill(
    piece index: Int, _ decode: (Range<Int>, UnsafeMutablePointer<Float>) throws -> Void
  ) throws {
    let rows = piece(index)
    switch form {
    case .float32(let panels, let isRounded):
      for first in stride(from: rows.lowerBound, to: rows.upperBound, by: decodedRows) {
        let part = first..<min(first + decodedRows, rows.upperBound)
        let decoded = try Self.memory(count: part.count * inputs)
        try decode(part, decoded)
        if isRounded {
          rc_put_rows(
            decoded, inputs, part.count, inputs, 1, FactorForm.rounded.code, decoded, inputs)
        }
        panels.put(rows: part, decoded)
      }
    #if ROPECONV_ONEDNN
      case .packed(let packed):
        let decoded = try Self.memory(count: rows.count * inputs)
        try decode(rows, decoded)
        guard packed.pack(rows: rows, decoded) else {
          throw TensorError.outOfMemory(bytes: rows.count * inputs * MemoryLayout<Float>.size)
        }
    #endif
    }
  }

  /// Rows that are decoded together for float32 products: few enough that they are still in the
  /// second-level cache when they are put in their places, of vectors of sixteen lanes.
  private var decodedRows: Int {
    min(max(Self.decodedElements / max(inputs, 1) / 16 * 16, 16), Self.pieceRows)
  }

  /// Elements of them: a quarter of the cache.
  private static let decodedElements = Cache.secondLevel / 4 / MemoryLayout<Float>.size

  /// The calling thread's memory for decoded weights.
  private static func memory(count: Int) throws -> UnsafeMutablePointer<Float> {
    let bytes = max(count, 1) * MemoryLayout<Float>.size
    guard let memory = rc_thread_memory(Int32(RC_SLOT_DECODED), bytes) else {
      throw TensorError.outOfMemory(bytes: bytes)
    }
    return memory.assumingMemoryBound(to: Float.self)
  }

  /// Up to so many float32 rows, what a row gives does not depend on how many others there are.
  package static let fewRows = 8

  /// `y = x W^T`, or `y += x W^T` where it accumulates.
  /// - Parameters:
  ///   - x: [rows, inputs].
  ///   - y: [rows, outputs]. Becomes NaN where there is no memory for the product.
  ///   - yStride: elements from one row of `y` to the next.
  ///   - accumulate: whether the product is added to `y`.
  package func multiply(
    _ x: Factors, to y: UnsafeMutablePointer<Float>, yStride: Int, accumulate: Bool = false
  ) {
    switch (form, x.storage) {
    case (.float32(let panels, _), .float32(let rows, let stride)):
      multiply(
        panels, rows, xStride: stride, rows: x.rows, to: y, yStride: yStride,
        accumulate: accumulate)
    case (.float32(let panels, _), .bfloat16(let halves)):
      // oneDNN has such products, but not of this weight's sizes.
      let count = x.rows * inputs
      guard count > 0 else { return }
      guard let memory = rc_thread_memory(Int32(RC_SLOT_WIDENED), count * 4) else {
        return fail(y, yStride: yStride, rows: x.rows)
      }
      let widened = memory.assumingMemoryBound(to: Float.self)
      rc_decode(Int32(RC_BF16), halves, widened, count)
      multiply(
        panels, widened, xStride: inputs, rows: x.rows, to: y, yStride: yStride,
        accumulate: accumulate)
    #if ROPECONV_ONEDNN
      case (.packed(let packed), .bfloat16(let halves)):
        guard x.rows > 0 else { return }
        multiply(packed, halves, rows: x.rows, to: y, yStride: yStride, accumulate: accumulate)
      case (.packed(let packed), .float32(let rows, let stride)):
        let count = x.rows * inputs
        guard count > 0 else { return }
        guard let memory = rc_thread_memory(Int32(RC_SLOT_WIDENED), count * 2) else {
          return fail(y, yStride: yStride, rows: x.rows)
        }
        rc_put_rows(
          rows, stride, x.rows, inputs, 1, FactorForm.bfloat16.code, memory, inputs)
        multiply(
          packed, memory.assumingMemoryBound(to: UInt16.self), rows: x.rows, to: y,
          yStride: yStride, accumulate: accumulate)
    #endif
    }
  }

  #if ROPECONV_ONEDNN
    /// oneDNN's rows lie without a gap: those of a result that has gaps are made beside it.
    private func multiply(
      _ packed: BFloat16Weights, _ x: UnsafePointer<UInt16>, rows: Int,
      to y: UnsafeMutablePointer<Float>, yStride: Int, accumulate: Bool
    ) {
      guard yStride != outputs else {
        if !packed.multiply(x, rows: rows, to: y, accumulate: accumulate) {
          fail(y, yStride: yStride, rows: rows)
        }
        return
      }
      guard let memory = rc_thread_memory(Int32(RC_SLOT_PRODUCT), rows * outputs * 4),
        case let product = memory.assumingMemoryBound(to: Float.self),
        packed.multiply(x, rows: rows, to: product, accumulate: false)
      else { return fail(y, yStride: yStride, rows: rows) }
      for row in 0..<rows {
        let (target, source) = (y + row * yStride, product + row * outputs)
        for output in 0..<outputs {
          target[output] = accumulate ? target[output] + source[output] : source[output]
        }
      }
    }
  #endif

  /// Without memory a product is not a number.
  private func fail(_ y: UnsafeMutablePointer<Float>, yStride: Int, rows: Int) {
    for row in 0..<rows { (y + row * yStride).update(repeating: .nan, count: outputs) }
  }

  private func multiply(
    _ panels: FloatPanels, _ x: UnsafePointer<Float>, xStride: Int, rows: Int,
    to y: UnsafeMutablePointer<Float>, yStride: Int, accumulate: Bool
  ) {
    if rows <= Self.fewRows {
      if let count = RowParts.company(of: rows) {
        return multiplyInCompany(
          panels, x, xStride: xStride, rows: rows, of: count, to: y, yStride: yStride,
          accumulate: accumulate)
      }
      return multiplyFew(
        panels, x, xStride: xStride, rows: rows, to: y, yStride: yStride, accumulate: accumulate)
    }
    panels.multiply(
      x, xStride: xStride, rows: rows, to: y, yStride: yStride, accumulate: accumulate)
  }

  /// Few rows followed by zeros, as many in all as have the digits of whole units.
  private func multiplyInCompany(
    _ panels: FloatPanels, _ x: UnsafePointer<Float>, xStride: Int, rows: Int, of count: Int,
    to y: UnsafeMutablePointer<Float>, yStride: Int, accumulate: Bool
  ) {
    let bytes = count * (inputs + outputs) * MemoryLayout<Float>.size
    guard rows > 0, bytes > 0 else { return }
    guard let memory = rc_thread_memory(Int32(RC_SLOT_FEW_ROWS), bytes) else {
      return fail(y, yStride: yStride, rows: rows)
    }
    let filled = memory.assumingMemoryBound(to: Float.self)
    let product = filled + count * inputs
    for row in 0..<rows {
      (filled + row * inputs).update(from: x + row * xStride, count: inputs)
      if accumulate { (product + row * outputs).update(from: y + row * yStride, count: outputs) }
    }
    (filled + rows * inputs).update(repeating: 0, count: (count - rows) * inputs)
    if accumulate {
      (product + rows * outputs).update(repeating: 0, count: (count - rows) * outputs)
    }
    panels.multiply(
      filled, xStride: inputs, rows: count, to: product, yStride: outputs, accumulate: accumulate)
    for row in 0..<rows {
      (y + row * yStride).update(from: product + row * outputs, count: outputs)
    }
  }

  /// `y^T = W x^T`, always with `fewRows` columns, zeros after the last row. The columns lie side by
  /// side in the lanes of one register, which treats them alike, and the weights are read once.
  private func multiplyFew(
    _ panels: FloatPanels, _ x: UnsafePointer<Float>, xStride: Int, rows: Int,
    to y: UnsafeMutablePointer<Float>, yStride: Int, accumulate: Bool
  ) {
    let columns = Self.fewRows
    let bytes = columns * (inputs + outputs) * MemoryLayout<Float>.size
    guard rows > 0, bytes > 0 else { return }
    guard let memory = rc_thread_memory(Int32(RC_SLOT_FEW_ROWS), bytes) else {
      return fail(y, yStride: yStride, rows: rows)
    }
    let filled = memory.assumingMemoryBound(to: Float.self)
    let product = filled + columns * inputs
    for row in 0..<rows {
      (filled + row * inputs).update(from: x + row * xStride, count: inputs)
    }
    (filled + rows * inputs).update(repeating: 0, count: (columns - rows) * inputs)
    panels.multiply(columns: columns, filled, to: product)
    for row in 0..<rows {
      let target = y + row * yStride
      for output in 0..<outputs {
        let value = product[output * columns + row]
        target[output] = accumulate ? target[output] + value : value
      }
    }
  }
}
