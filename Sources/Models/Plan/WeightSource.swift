import Base
import Checkpoints
import Foundation
import Tensors

/// Where a weight of the model comes from: rows of a tensor, in the form its container stores.
package struct WeightSource: Sendable {
  package let role: Role
  package let tensor: TensorEntry
  package let form: WeightName.Form
  /// Which of the stacked matrices of a tensor it is part of, and how many there are.
  package let place: (index: Int, of: Int)
  /// Rows of the stored matrix that belong to this weight, in order, after undoing a transposition;
  /// counted from the tensor's start where rows are stored one after another.
  package let ranges: [Range<Int>]
  /// Outputs of a matrix; elements of a vector.
  package let rows: Int
  /// Inputs of a matrix; 1 for a vector.
  package let columns: Int
  /// Which of the role's names in its container the tensor has: 0 is the first.
  package let alternative: Int
  /// Matrices that stand one below another in it, each for inputs of its own.
  package var blocks = 1

  package var count: Int { rows * columns }

  /// A weight of another size in this one's place.
  func resized(rows: Int? = nil, columns: Int? = nil) -> WeightSource {
    WeightSource(
      role: role, tensor: tensor, form: form, place: place, ranges: ranges,
      rows: rows ?? self.rows, columns: columns ?? self.columns, alternative: alternative)
  }

  /// Whether the stored rows are this weight's rows as they stand, so that bytes can be copied.
  package var isRowwise: Bool { form == .plain }

  /// The first row of one of its blocks.
  package func firstRow(ofBlock block: Int) -> Int { block * (rows / blocks) }

  /// Decodes the weight to `count` floats, row-major [rows, columns].
  package func decode(to output: UnsafeMutablePointer<Float>, threads: Int = 1) throws {
    switch form {
    case .plain, .row: try decodeRows(to: output, threads: threads)
    case .gainMinusOne:
      try decodeRows(to: output, threads: threads)
      for index in 0..<count { output[index] += 1 }
    case .negativeLogarithm:
      try decodeRows(to: output, threads: threads)
      for index in 0..<count { output[index] = Float(-exp(Double(output[index]))) }
    case .transposed: try decodeTransposed(to: output)
    case .transposedPerHead: try decodeTransposedPerHead(to: output)
    }
  }

  /// The weight as floats, row-major [rows, columns].
  package func decoded(threads: Int = 1) throws -> [Float] {
    try [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
      if let base = buffer.baseAddress, count > 0 { try decode(to: base, threads: threads) }
      initialized = count
    }
  }

  private func decodeRows(to output: UnsafeMutablePointer<Float>, threads: Int) throws {
    // Pieces of at most 64 rows, so that several threads share one matrix.
    var pieces: [(rows: Range<Int>, offset: Int)] = []
    var offset = 0
    for range in ranges {
      var start = range.lowerBound
      while start < range.upperBound {
        let end = min(start + (columns == 1 ? range.count : 64), range.upperBound)
        pieces.append((start..<end, offset))
        offset += (end - start) * columns
        start = end
      }
    }
    nonisolated(unsafe) let target = output
    let units = pieces
    let failure = FirstFailure()
    Parallel.forEach(count: units.count, threads: threads) { unit, _ in
      do {
        try decode(storedRows: units[unit].rows, to: target + units[unit].offset)
      } catch { failure.record(error) }
    }
    try failure.check()
  }

  /// Decodes some of the weight's rows, where it is stored row by row.
  package func decode(rows: Range<Int>, to output: UnsafeMutablePointer<Float>) throws {
    var passed = 0
    for range in ranges {
      let part = rows.clamped(to: passed..<(passed + range.count))
      if !part.isEmpty {
        let first = range.lowerBound + part.lowerBound - passed
        try decode(
          storedRows: first..<(first + part.count),
          to: output + (part.lowerBound - rows.lowerBound) * columns)
      }
      passed += range.count
    }
  }

  /// Tells the system what the stored bytes are about to be used for.
  package func advise(_ advice: MappedFile.Advice) {
    guard place.of > 1 else { return tensor.advise(advice) }
    tensor.advise(rows: place.index..<(place.index + 1), advice)
  }

  /// Decodes elements of the tensor, wherever blocks of its type begin.
  package func decode(elements: Range<Int>, to output: UnsafeMutablePointer<Float>) throws {
    let row = elements.lowerBound / columns
    let (first, end) = (elements.lowerBound - row * columns, elements.upperBound - row * columns)
    if tensor.type.byteCount(elements: elements.lowerBound) != nil,
      tensor.type.byteCount(elements: elements.count) != nil
    {
      return try decodeRange(elements, to: output)
    }
    let whole = FloatBuffer(count: columns)
    try decode(storedRows: row..<(row + 1), to: whole.pointer)
    output.update(from: whole.pointer + first, count: end - first)
  }

  private func decodeRange(_ elements: Range<Int>, to output: UnsafeMutablePointer<Float>) throws {
    guard let first = tensor.type.byteCount(elements: elements.lowerBound),
      let length = tensor.type.byteCount(elements: elements.count)
    else {
      throw ModelError.elementType(
        file: tensor.file.path, tensor: tensor.name, type: tensor.type.rawValue)
    }
    try tensor.withBytes(first..<(first + length)) { bytes throws in
      try tensor.decode(bytes, to: output, count: elements.count)
    }
  }

  /// Decodes rows counted in units of `columns` elements, whatever the tensor's rank.
  package func decode(storedRows rows: Range<Int>, to output: UnsafeMutablePointer<Float>) throws {
    try decodeRange((rows.lowerBound * columns)..<(rows.upperBound * columns), to: output)
  }

  private func decodeTransposed(to output: UnsafeMutablePointer<Float>) throws {
    let elements = tensor.elementCount / place.of
    let outputs = elements / columns
    let whole = FloatBuffer(count: elements)
    if place.of > 1 {
      try tensor.decode(rows: place.index..<(place.index + 1), to: whole.pointer)
    } else {
      try tensor.decode(to: whole.pointer)
    }
    var row = 0
    for range in ranges {
      for source in range {
        for column in 0..<columns {
          output[row * columns + column] = whole.pointer[column * outputs + source]
        }
        row += 1
      }
    }
  }

  /// Stored [heads, columns, rows per head].
  private func decodeTransposedPerHead(to output: UnsafeMutablePointer<Float>) throws {
    let perHead = tensor.shape.last ?? 1
    let whole = FloatBuffer(count: tensor.elementCount)
    try tensor.decode(to: whole.pointer)
    for row in 0..<rows {
      let head = row / perHead
      for column in 0..<columns {
        output[row * columns + column] =
          whole.pointer[(head * columns + column) * perHead + row % perHead]
      }
    }
  }
}
