import Base
import CKernels

/// Float32 numbers as stored elements.
package enum Encoding {
  /// Encodes numbers, little-endian, rounding to nearest with ties to even; quantized blocks are
  /// those of ggml's reference encoder, byte for byte.
  /// - Parameters:
  ///   - values: whole rows; for a quantized type whole blocks, of finite numbers.
  ///   - type: how they are to be stored.
  ///   - importance: how much errors count in each column of the rows, where that is known; plain
  ///     numbers, `q8_0` and `mxfp4` are the same with it.
  ///   - threads: never changes a byte; whole numbers, `f32` and `f64` are encoded by the caller
  ///     alone.
  /// - Returns: the bytes.
  /// - Throws: `TensorError.cannotEncode`, `.partialBlock`, `.notFinite`, `.overflow` or
  ///   `.scaleOverflow`.
  package static func encode(
    _ values: UnsafeBufferPointer<Float>, as type: ElementType, importance: [Float]? = nil,
    threads: Int = 1
  ) throws(TensorError) -> [UInt8] {
    switch type.facts.encoder {
    case .single?: bytes(values) { $0.bitPattern.littleEndian }
    case .double?: bytes(values) { Double($0).bitPattern.littleEndian }
    case .halves?: try encoded(values, as: type, importance: nil, threads: threads)
    case .int32?: try wholeNumbers(values, as: type, Int32.self)
    case .int64?: try wholeNumbers(values, as: type, Int64.self)
    case .weightedBlocks?, .blocks?:
      try encoded(values, as: type, importance: importance, threads: threads)
    case nil: throw TensorError.cannotEncode(type)
    }
  }

  /// Numbers that are whole, as such.
  private static func wholeNumbers<Number: FixedWidthInteger>(
    _ values: UnsafeBufferPointer<Float>, as type: ElementType, _: Number.Type
  ) throws(TensorError) -> [UInt8] {
    guard values.allSatisfy({ Number(exactly: $0) != nil }) else { throw .cannotEncode(type) }
    return bytes(values) { Number($0).littleEndian }
  }

  /// Whether numbers can be stored in this type of blocks.
  package static func encodesBlocks(_ type: ElementType) -> Bool {
    switch type.facts.encoder {
    case .weightedBlocks?, .blocks?: true
    default: false
    }
  }

  /// Elements that one thread encodes at a time: 64 blocks of 256, or 512 of 32, or whole rows of
  /// as many.
  private static let pieceLength = 16_384

  /// Quantized blocks, or numbers of 16 bits: of these what was infinite stays so, and nothing else
  /// becomes so.
  private static func encoded(
    _ values: UnsafeBufferPointer<Float>, as type: ElementType, importance: [Float]?, threads: Int
  ) throws(TensorError) -> [UInt8] {
    guard let code = type.facts.kernel else { throw .cannotEncode(type) }
    guard let byteCount = type.byteCount(elements: values.count) else {
      throw .partialBlock(type: type, elements: values.count)
    }
    guard let base = values.baseAddress, byteCount > 0 else { return [] }
    let elements = values.count
    let columns = importance?.count ?? type.elementsPerBlock
    guard columns > 0, elements % columns == 0, columns % type.elementsPerBlock == 0 else {
      throw .partialBlock(type: type, elements: columns)
    }
    let pieceLength = max(1, Self.pieceLength / columns) * columns
    let pieces = (elements - 1) / pieceLength + 1
    var statuses = [Int32](repeating: 0, count: pieces)
    let encoded = statuses.withUnsafeMutableBufferPointer { statuses in
      [UInt8](unsafeUninitializedCapacity: byteCount) { bytes, count in
        nonisolated(unsafe) let (source, target, statuses) = (base, bytes, statuses)
        Parallel.forEach(count: pieces, threads: threads) { piece, _ in
          let start = piece * pieceLength
          let block = start / type.elementsPerBlock
          let length = min(pieceLength, elements - start) / type.elementsPerBlock
          let output = target.baseAddress.map { $0 + block * type.bytesPerBlock }
          statuses[piece] =
            importance.map {
              rc_encode(code, source + start, $0, columns, output, length)
            } ?? rc_encode(code, source + start, nil, columns, output, length)
        }
        count = byteCount
      }
    }
    if statuses.contains(Int32(RC_NOT_FINITE)) { throw .notFinite(type) }
    if statuses.contains(Int32(RC_SCALE_OVERFLOW)) { throw .scaleOverflow(type) }
    if case .halves(let infinity)? = type.facts.encoder, statuses.contains(Int32(RC_OVERFLOW)),
      let beyond = firstBeyond(values, encoded, infinity: infinity)
    {
      throw .overflow(type, beyond)
    }
    return encoded
  }

  /// The first finite number of which its 16 bits made an infinite one.
  private static func firstBeyond(
    _ values: UnsafeBufferPointer<Float>, _ encoded: [UInt8], infinity: UInt16
  ) -> Float? {
    let index = values.indices.first { index in
      let bits = UInt16(encoded[2 * index]) | UInt16(encoded[2 * index + 1]) << 8
      return bits & 0x7FFF == infinity && values[index].isFinite
    }
    return index.map { values[$0] }
  }

  private static func bytes<Stored: FixedWidthInteger>(
    _ values: UnsafeBufferPointer<Float>, _ encode: (Float) -> Stored
  ) -> [UInt8] {
    let width = MemoryLayout<Stored>.size
    return [UInt8](unsafeUninitializedCapacity: values.count * width) { bytes, count in
      for (index, value) in values.enumerated() {
        UnsafeMutableRawBufferPointer(bytes)
          .storeBytes(of: encode(value), toByteOffset: index * width, as: Stored.self)
      }
      count = values.count * width
    }
  }
}
