import Base
import Tensors

/// One tensor of a checkpoint: name, type and shape, and where its bytes are mapped.
public struct TensorEntry: Sendable {
  /// The tensor's name in the file.
  public let name: String
  /// How the elements are stored.
  public let type: ElementType
  /// Row-major dimensions, outermost first (a matrix is [outputs, inputs]); empty for a scalar.
  /// GGUF's order is reversed on reading.
  public let shape: [Int]
  /// The file that holds the elements.
  package let file: MappedFile
  /// Byte offset of the first element in the file.
  public let offset: Int
  /// Bytes of all elements as they are stored.
  public let byteCount: Int

  /// The reader has checked that the range is inside the file and fits shape and type.
  init(
    name: String, type: ElementType, shape: [Int], file: MappedFile, offset: Int, byteCount: Int
  ) {
    self.name = name
    self.type = type
    self.shape = shape
    self.file = file
    self.offset = offset
    self.byteCount = byteCount
  }

  /// The product of the shape: 1 for a scalar, 0 with a dimension of zero.
  public var elementCount: Int { shape.reduce(1, *) }

  /// The tensor's bytes in the file.
  public var range: Range<Int> { offset..<(offset + byteCount) }

  /// Calls `body` with the tensor's bytes as they are stored, at any alignment.
  public func withBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E)
    -> R
  {
    try file.withBytes(range, body)
  }

  /// Decodes the whole tensor to float32.
  ///
  /// - Parameter output: room for `elementCount` floats.
  /// - Throws: the error of `Decoding.decode` when the type cannot be decoded.
  public func decode(to output: UnsafeMutablePointer<Float>) throws {
    guard byteCount > 0 else { return }
    let count = elementCount
    try withBytes { bytes throws in
      try Decoding.decode(bytes, as: type, to: output, count: count)
    }
  }

  /// The whole tensor as float32.
  public func decoded() throws -> [Float] {
    try [Float](unsafeUninitializedCapacity: elementCount) { buffer, initialized in
      if let base = buffer.baseAddress, !buffer.isEmpty { try decode(to: base) }
      initialized = elementCount
    }
  }

  /// Bytes of one row, a row being one index of the outermost dimension; nil for a scalar and for
  /// rows that are not whole blocks.
  public var bytesPerRow: Int? {
    guard let rows = shape.first else { return nil }
    guard rows > 0 else { return 0 }
    return type.byteCount(elements: elementCount / rows)
  }

  /// Tells the system what rows, indices of the outermost dimension, are about to be used for.
  package func advise(rows: Range<Int>, _ advice: MappedFile.Advice) {
    guard let rowBytes = bytesPerRow else { return }
    file.advise(
      (offset + rows.lowerBound * rowBytes)..<(offset + rows.upperBound * rowBytes), advice)
  }

  /// Decodes a range of rows, indices of the outermost dimension, to float32.
  ///
  /// - Parameters:
  ///   - rows: the rows wanted.
  ///   - output: room for their elements.
  /// - Throws: `InputFault.rowsOutOfRange` for rows the tensor does not have or that are not whole
  ///   blocks, and the error of `Decoding.decode`.
  public func decode(rows: Range<Int>, to output: UnsafeMutablePointer<Float>) throws {
    let count = shape.first ?? 0
    guard let rowBytes = bytesPerRow, rows.lowerBound >= 0, rows.upperBound <= count else {
      throw FileError.input(
        .rowsOutOfRange(tensor: name, asked: rows, rows: count), file: file.path)
    }
    guard rows.count > 0, rowBytes > 0 else { return }
    let start = offset + rows.lowerBound * rowBytes
    let elements = elementCount / count * rows.count
    try file.withBytes(start..<(start + rows.count * rowBytes)) { bytes throws in
      try Decoding.decode(bytes, as: type, to: output, count: elements)
    }
  }
}
