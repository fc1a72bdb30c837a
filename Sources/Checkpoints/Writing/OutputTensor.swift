import Base
import Tensors

/// One tensor of an output, and where its bytes come from.
package struct OutputTensor: Sendable {
  package enum Contents: Sendable {
    /// The bytes of one input tensor, as they are.
    case copy(TensorEntry)
    /// Byte ranges of input tensors, relative to each, one after the other: a permutation of the
    /// rows of a quantized tensor.
    case pieces([(source: TensorEntry, bytes: Range<Int>)])
    /// Bytes made when the tensor's turn comes: exactly `byteCount` of them.
    case computed(@Sendable () throws -> [UInt8])
    /// Bytes made piece by piece, so that a large tensor is never in memory as a whole; as many at a
    /// time as there are threads.
    case pieceByPiece(count: Int, threads: Int, @Sendable (_ piece: Int) throws -> [UInt8])
  }

  package let name: String
  package let type: ElementType
  /// Row-major dimensions, outermost first.
  package let shape: [Int]
  package let contents: Contents

  package init(name: String, type: ElementType, shape: [Int], contents: Contents) {
    self.name = name
    self.type = type
    self.shape = shape
    self.contents = contents
  }

  /// Bytes that the tensor takes; 0 for a shape that its type cannot have, which writers refuse.
  package var byteCount: Int { checkedByteCount ?? 0 }

  /// Nil when rows are not whole blocks, a dimension is negative or the size overflows.
  var checkedByteCount: Int? {
    guard let elements = elementCount(of: shape), (shape.last ?? 1) % type.elementsPerBlock == 0
    else { return nil }
    return type.byteCount(elements: elements)
  }

  /// The input files that the contents are copied from.
  var sources: [MappedFile] {
    switch contents {
    case .copy(let entry): entry.files
    case .pieces(let pieces): pieces.flatMap(\.source.files)
    case .computed, .pieceByPiece: []
    }
  }

  /// Appends the tensor's bytes, copying large ranges without reading them where the sink can.
  func write<Sink: ByteSink & ~Copyable>(to file: inout Sink) throws {
    switch contents {
    case .copy(let entry):
      try check(entry.byteCount, file.path)
      try Self.copy(0..<entry.byteCount, of: entry, to: &file)
    case .pieces(let pieces):
      try check(pieces.reduce(0) { $0 + $1.bytes.count }, file.path)
      for (source, bytes) in pieces {
        guard bytes.lowerBound >= 0, bytes.upperBound <= source.byteCount else {
          throw mismatch(source.byteCount, file.path)
        }
        try Self.copy(bytes, of: source, to: &file)
      }
    case .computed(let make):
      let bytes = try make()
      try check(bytes.count, file.path)
      try file.write(bytes)
    case .pieceByPiece(let count, let threads, let make):
      var found = 0
      var first = 0
      while first < count {
        let last = min(first + max(threads, 1), count)
        for piece in Self.make(first..<last, threads, make) {
          let bytes = try piece.get()
          found += bytes.count
          guard found <= byteCount else { throw mismatch(found, file.path) }
          try file.write(bytes)
        }
        first = last
      }
      try check(found, file.path)
    }
  }

  /// All elements as float32, in memory.
  /// - Throws: what making the contents throws, and `TensorError` for elements that cannot be decoded.
  package func numbers() throws -> [Float] {
    var bytes: [UInt8] = []
    switch contents {
    case .copy(let entry): return try entry.decoded()
    case .pieces(let pieces):
      for (source, range) in pieces { source.withBytes(range) { bytes.append(contentsOf: $0) } }
    case .computed(let make): bytes = try make()
    case .pieceByPiece(let count, let threads, let make):
      for piece in Self.make(0..<count, threads, make) { bytes += try piece.get() }
    }
    let count = elementCount(of: shape) ?? 0
    return try [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
      if let base = buffer.baseAddress, count > 0 {
        try bytes.withUnsafeBytes { try Decoding.decode($0, as: type, to: base, count: count) }
      }
      initialized = count
    }
  }

  /// Appends bytes of an input tensor: as they lie in its file, or put together of two of its tensors.
  private static func copy<Sink: ByteSink & ~Copyable>(
    _ bytes: Range<Int>, of source: TensorEntry, to file: inout Sink
  ) throws {
    guard source.parts != nil else {
      let start = source.offset + bytes.lowerBound
      return try file.copy(start..<(start + bytes.count), of: source.file)
    }
    var start = bytes.lowerBound
    while start < bytes.upperBound {
      let end = min(start + MicroscaledPairs.pieceBytes, bytes.upperBound)
      try source.withBytes(start..<end) { (bytes) throws(FileError) in try file.write(bytes) }
      start = end
    }
  }

  /// Pieces, each made by one thread.
  private static func make(
    _ pieces: Range<Int>, _ threads: Int, _ make: @Sendable (_ piece: Int) throws -> [UInt8]
  ) -> [Result<[UInt8], any Error>] {
    var made = [Result<[UInt8], any Error>](repeating: .success([]), count: pieces.count)
    made.withUnsafeMutableBufferPointer { made in
      nonisolated(unsafe) let made = made
      Parallel.forEach(count: pieces.count, threads: threads) { index, _ in
        made[index] = Result { try make(pieces.lowerBound + index) }
      }
    }
    return made
  }

  private func check(_ found: Int, _ path: String) throws(FileError) {
    guard found == byteCount else { throw mismatch(found, path) }
  }

  private func mismatch(_ found: Int, _ path: String) -> FileError {
    .output(
      .contentsSize(expected: byteCount, found: found), file: path,
      place: .tensor(name, byte: nil))
  }
}

extension [OutputTensor] {
  /// The input files that any contents are copied from, each once.
  var sources: [MappedFile] {
    var seen: Set<ObjectIdentifier> = []
    return flatMap(\.sources).filter { seen.insert(ObjectIdentifier($0)).inserted }
  }
}
