import Tensors

private let elements = 524_288

/// Stored types to float32.
func decoding(_ stopwatch: Stopwatch) -> [Measured] {
  let plain: [ElementType] = [.f16, .bf16, .f8e4m3, .f8e5m2]
  return (plain + ElementType.allCases.filter(\.isQuantized)).compactMap { type in
    guard Decoding.canDecode(type), let byteCount = type.byteCount(elements: elements) else {
      return nil
    }
    let bytes = stored(type, byteCount: byteCount)
    return stopwatch.measure(
      "decode", type.rawValue,
      cost: Cost(elements: Double(elements), bytes: Double(byteCount + 4 * elements))
    ) {
      let output = FloatBuffer(count: elements)
      return {
        bytes.withUnsafeBytes {
          // Type and size fit each other: nothing to throw.
          try? Decoding.decode($0, as: type, to: output.pointer, count: elements)
        }
      }
    }
  }
}

/// Float32 to quantized types, as `convert --type` does.
func encoding(_ stopwatch: Stopwatch) -> [Measured] {
  ElementType.allCases.filter { Encoding.encodesBlocks($0) }.compactMap { type in
    guard let byteCount = type.byteCount(elements: elements) else { return nil }
    return stopwatch.measure(
      "encode", type.rawValue,
      cost: Cost(elements: Double(elements), bytes: Double(byteCount + 4 * elements))
    ) {
      let values = noise(elements)
      return {
        _ = try? Encoding.encode(
          UnsafeBufferPointer(start: values.pointer, count: elements), as: type)
      }
    }
  }
}

/// Valid blocks where they can be encoded; otherwise bytes of which any two are a half near 0.2.
private func stored(_ type: ElementType, byteCount: Int) -> [UInt8] {
  let values = noise(elements)
  let encoded = try? Encoding.encode(
    UnsafeBufferPointer(start: values.pointer, count: elements), as: type)
  return encoded ?? (0..<byteCount).map { UInt8(0x30 + $0 * 7 % 16) }
}
