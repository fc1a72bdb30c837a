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
  /// The file that holds the elements; of a pair, the elements without their scales.
  package let file: MappedFile
  /// Byte offset of the first element in the file.
  public let offset: Int
  /// Bytes of all elements in the layout of their type.
  public let byteCount: Int
  /// How the bytes lie in the file.
  package let storage: Storage

  package indirect enum Storage: Sendable {
    /// In one range.
    case whole
    /// Made of two tensors of the file (`MicroscaledPairs`).
    case pair(elements: TensorEntry, scales: TensorEntry)
    /// Made of numbers and a factor for each block of them (`ScaledBlocks`).
    case scaled(elements: TensorEntry, scales: TensorEntry, rows: Int, columns: Int)
  }

  /// The reader has checked that the range is inside the file and fits shape and type.
  init(
    name: String, type: ElementType, shape: [Int], file: MappedFile, offset: Int, byteCount: Int,
    storage: Storage = .whole
  ) {
    self.name = name
    self.type = type
    self.shape = shape
    self.file = file
    self.offset = offset
    self.byteCount = byteCount
    self.storage = storage
  }

  /// The same tensor under another name.
  package func renamed(_ name: String) -> TensorEntry {
    TensorEntry(
      name: name, type: type, shape: shape, file: file, offset: offset, byteCount: byteCount,
      storage: storage)
  }

  /// The product of the shape: 1 for a scalar, 0 with a dimension of zero.
  public var elementCount: Int { shape.reduce(1, *) }

  /// The tensor's bytes in the file; of a pair, those of the elements without their scales.
  public var range: Range<Int> {
    switch storage {
    case .whole: offset..<(offset + byteCount)
    case .pair(let elements, _), .scaled(let elements, _, _, _): elements.range
    }
  }

  /// Whether it is made of blocks of elements and their scales (`MicroscaledPairs`).
  package var isPair: Bool {
    if case .pair = storage { true } else { false }
  }

  /// The two tensors of the file that it is made of; nil where it is one.
  package var parts: (elements: TensorEntry, scales: TensorEntry)? {
    switch storage {
    case .whole: nil
    case .pair(let elements, let scales), .scaled(let elements, let scales, _, _):
      (elements, scales)
    }
  }

  /// What the file holds: of numbers with scales beside them, the type of the numbers.
  package var storedType: ElementType {
    if case .scaled(let elements, _, _, _) = storage { elements.type } else { type }
  }

  /// The files that hold the tensor.
  var files: [MappedFile] {
    switch storage {
    case .whole: [file]
    case .pair(let elements, let scales), .scaled(let elements, let scales, _, _):
      [elements.file, scales.file]
    }
  }

  /// Calls `body` with the tensor's bytes in the layout of its type, at any alignment.
  public func withBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E)
    -> R
  {
    try withBytes(0..<byteCount, body)
  }

  /// Calls `body` with some of the tensor's bytes, of whole blocks.
  package func withBytes<R, E: Error>(
    _ bytes: Range<Int>, _ body: (UnsafeRawBufferPointer) throws(E) -> R
  ) throws(E) -> R {
    switch storage {
    case .whole:
      return try file.withBytes((offset + bytes.lowerBound)..<(offset + bytes.upperBound), body)
    case .pair(let elements, let scales):
      let made = MicroscaledPairs.bytes(bytes, of: elements, scales)
      return try made.span.bytes.withUnsafeBytes(body)
    case .scaled(let elements, let scales, let rows, let columns):
      let size = type.bytesPerBlock
      let made = ScaledBlocks.numbers(
        (bytes.lowerBound / size)..<(bytes.upperBound / size), of: elements, scales, rows: rows,
        columns: columns)
      return try made.span.bytes.withUnsafeBytes(body)
    }
  }

  /// Decodes the whole tensor to float32.
  ///
  /// - Parameter output: room for `elementCount` floats.
  /// - Throws: `InputFault.beyondFloat32`, and the error of `Decoding.decode` when the type cannot be
  ///   decoded.
  public func decode(to output: UnsafeMutablePointer<Float>) throws {
    guard byteCount > 0 else { return }
    let count = elementCount
    try withBytes { bytes throws in
      try decode(bytes, to: output, count: count)
    }
  }

  /// Decodes a range of elements, in the order in which they are stored, to float32.
  ///
  /// - Parameters:
  ///   - elements: those wanted, of whole blocks; rows need not be.
  ///   - output: room for them.
  /// - Throws: `InputFault.rowsOutOfRange` for elements that the tensor does not have or that are not
  ///   whole blocks, and what `decode(to:)` throws.
  package func decode(elements: Range<Int>, to output: UnsafeMutablePointer<Float>) throws {
    guard elements.upperBound <= elementCount,
      let start = type.byteCount(elements: elements.lowerBound),
      let end = type.byteCount(elements: elements.upperBound)
    else {
      throw FileError.input(
        .rowsOutOfRange(tensor: name, asked: elements, rows: elementCount), file: file.path)
    }
    guard end > start else { return }
    try withBytes(start..<end) { bytes throws in
      try decode(bytes, to: output, count: elements.count)
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

  /// Tells the system what the tensor's bytes are about to be used for.
  package func advise(_ advice: MappedFile.Advice) {
    file.advise(range, advice)
    parts?.scales.advise(advice)
  }

  /// Tells the system what rows, indices of the outermost dimension, are about to be used for.
  package func advise(rows: Range<Int>, _ advice: MappedFile.Advice) {
    if case .scaled(let elements, let scales, _, _) = storage {
      elements.advise(rows: rows, advice)
      return scales.advise(advice)
    }
    if case .pair(let elements, let scales) = storage {
      elements.advise(rows: rows, advice)
      return scales.advise(rows: rows, advice)
    }
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
  ///   blocks, and what `decode(to:)` throws.
  public func decode(rows: Range<Int>, to output: UnsafeMutablePointer<Float>) throws {
    let count = shape.first ?? 0
    guard let rowBytes = bytesPerRow, rows.lowerBound >= 0, rows.upperBound <= count else {
      throw FileError.input(
        .rowsOutOfRange(tensor: name, asked: rows, rows: count), file: file.path)
    }
    guard rows.count > 0, rowBytes > 0 else { return }
    let start = rows.lowerBound * rowBytes
    let elements = elementCount / count * rows.count
    try withBytes(start..<(start + rows.count * rowBytes)) { bytes throws in
      try decode(bytes, to: output, count: elements)
    }
  }

  /// Decodes bytes of the tensor to float32: the one way from a tensor's bytes to its numbers.
  /// - Parameters:
  ///   - bytes: those of `count` elements, whole blocks in the layout of its type.
  ///   - output: room for as many floats.
  ///   - count: elements.
  /// - Throws: `InputFault.beyondFloat32` for a finite number that float32 would make infinite, and the
  ///   error of `Decoding.decode`.
  package func decode(
    _ bytes: UnsafeRawBufferPointer, to output: UnsafeMutablePointer<Float>, count: Int
  ) throws {
    try Decoding.decode(bytes, as: type, to: output, count: count)
    // Finite numbers of every other type are numbers of float32, or of integers that it reaches.
    guard type == .f64 else { return }
    for index in 0..<count where output[index].isInfinite {
      let bits = bytes.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self)
      let value = Double(bitPattern: UInt64(littleEndian: bits))
      guard value.isInfinite else {
        throw FileError(
          InputFault.beyondFloat32(value: value), file: file.path,
          place: .tensor(name, byte: nil))
      }
    }
  }
}
