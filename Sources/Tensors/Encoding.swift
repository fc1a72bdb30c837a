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
  ///   - threads: never changes a byte; plain numbers are encoded by the caller alone.
  /// - Returns: the bytes.
  /// - Throws: `TensorError.cannotEncode`, `.partialBlock`, `.notFinite`, `.overflow` or
  ///   `.scaleOverflow`.
  package static func encode(
    _ values: UnsafeBufferPointer<Float>, as type: ElementType, importance: [Float]? = nil,
    threads: Int = 1
  ) throws(TensorError) -> [UInt8] {
    switch type {
    case .f32: bytes(values) { $0.bitPattern.littleEndian }
    case .f64: bytes(values) { Double($0).bitPattern.littleEndian }
    case .f16: try narrowed(values, as: type, infinity: 0x7C00, half)
    case .i32: try wholeNumbers(values, as: type, Int32.self)
    case .i64: try wholeNumbers(values, as: type, Int64.self)
    case .bf16: try narrowed(values, as: type, infinity: 0x7F80, brainFloat)
    default: try blocks(values, as: type, importance: importance, threads: threads)
    }
  }

  /// Numbers of 16 bits; what was infinite stays so, and nothing else becomes so.
  private static func narrowed(
    _ values: UnsafeBufferPointer<Float>, as type: ElementType, infinity: UInt16,
    _ encode: (UInt32) -> UInt16
  ) throws(TensorError) -> [UInt8] {
    var beyond: Float?
    let encoded = bytes(values) { (value: Float) -> UInt16 in
      let bits = encode(value.bitPattern)
      if bits & 0x7FFF == infinity, value.isFinite, beyond == nil { beyond = value }
      return bits.littleEndian
    }
    if let beyond { throw .overflow(type, beyond) }
    return encoded
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
    switch type {
    case .q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .iq4_nl, .mxfp4, .iq4_xs: true
    case .q2_k, .q3_k, .q4_k, .q5_k, .q6_k: true
    default: false
    }
  }

  /// Elements that one thread encodes at a time: 64 blocks of 256, or 512 of 32, or whole rows of as many.
  private static let pieceLength = 16_384

  private static func blocks(
    _ values: UnsafeBufferPointer<Float>, as type: ElementType, importance: [Float]?, threads: Int
  ) throws(TensorError) -> [UInt8] {
    guard encodesBlocks(type), let code = type.kernelCode else { throw .cannotEncode(type) }
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
    return encoded
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

  /// The upper half of the bits, rounded; a NaN stays a NaN and becomes quiet.
  private static func brainFloat(_ bits: UInt32) -> UInt16 {
    if bits & 0x7FFF_FFFF > 0x7F80_0000 { return UInt16(truncatingIfNeeded: bits >> 16) | 0x40 }
    return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) >> 16)
  }

  /// IEEE binary16 by bits, so that processors without conversion instructions give the same.
  private static func half(_ bits: UInt32) -> UInt16 {
    let sign = UInt16(truncatingIfNeeded: bits >> 16 & 0x8000)
    let magnitude = bits & 0x7FFF_FFFF
    if magnitude > 0x7F80_0000 {
      return sign | 0x7E00 | UInt16(truncatingIfNeeded: magnitude >> 13 & 0x1FF)
    }
    // 65,520 and above round to infinity.
    if magnitude >= 0x477F_F000 { return sign | 0x7C00 }
    if magnitude >= 0x3880_0000 {
      let rebased = magnitude - 0x3800_0000
      return sign | UInt16(truncatingIfNeeded: (rebased + 0xFFF + (rebased >> 13 & 1)) >> 13)
    }
    // Subnormal: a whole multiple of 2^-24.
    let scaled = (Float(bitPattern: magnitude) * 0x1p24).rounded(.toNearestOrEven)
    return sign | UInt16(scaled)
  }
}
