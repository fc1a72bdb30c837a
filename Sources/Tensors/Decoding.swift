import CKernels

/// Stored elements as float32.
package enum Decoding {
  /// Whether elements of this type are numbers that can be decoded.
  package static func canDecode(_ type: ElementType) -> Bool { type.facts.kernel != nil }

  /// Decodes whole blocks; the same bits on every processor, and the same as the `gguf` package's.
  /// - Parameters:
  ///   - bytes: exactly the bytes of `count` elements.
  ///   - type: how they are stored.
  ///   - output: room for `count` floats.
  ///   - count: elements.
  /// - Throws: `TensorError.cannotDecode`, or `.wrongByteCount`.
  package static func decode(
    _ bytes: UnsafeRawBufferPointer, as type: ElementType,
    to output: UnsafeMutablePointer<Float>, count: Int
  ) throws(TensorError) {
    guard let code = type.facts.kernel else { throw .cannotDecode(type) }
    guard type.byteCount(elements: count) == bytes.count else {
      throw .wrongByteCount(type: type, elements: count, found: bytes.count)
    }
    guard let base = bytes.baseAddress, count > 0 else { return }
    rc_decode(code, base, output, count / type.elementsPerBlock)
  }
}
