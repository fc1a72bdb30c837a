/// Float32 numbers as stored elements.
public enum Encoding {
  /// Whether numbers can be stored in this type.
  public static func canEncode(_ type: ElementType) -> Bool {
    switch type {
    case .f32, .f16, .bf16, .f64: true
    default: false
    }
  }

  /// Encodes numbers, little-endian, rounding to nearest with ties to even.
  /// - Throws: `TensorError.cannotEncode`.
  public static func encode(
    _ values: UnsafeBufferPointer<Float>, as type: ElementType
  ) throws(TensorError) -> [UInt8] {
    switch type {
    case .f32: bytes(values) { $0.bitPattern.littleEndian }
    case .f64: bytes(values) { Double($0).bitPattern.littleEndian }
    case .f16: bytes(values) { half($0.bitPattern).littleEndian }
    case .bf16: bytes(values) { brainFloat($0.bitPattern).littleEndian }
    default: throw .cannotEncode(type)
    }
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
