import CKernels

/// Stored elements as float32.
package enum Decoding {
  /// Whether elements of this type are numbers that can be decoded.
  package static func canDecode(_ type: ElementType) -> Bool { type.kernelCode != nil }

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
    guard let code = type.kernelCode else { throw .cannotDecode(type) }
    guard type.byteCount(elements: count) == bytes.count else {
      throw .wrongByteCount(type: type, elements: count, found: bytes.count)
    }
    guard let base = bytes.baseAddress, count > 0 else { return }
    rc_decode(code, base, output, count / type.elementsPerBlock)
  }
}

extension ElementType {
  var kernelCode: Int32? {
    switch self {
    case .f32: Int32(RC_F32)
    case .f16: Int32(RC_F16)
    case .bf16: Int32(RC_BF16)
    case .f64: Int32(RC_F64)
    case .f8e4m3: Int32(RC_F8_E4M3)
    case .f8e5m2: Int32(RC_F8_E5M2)
    case .i8: Int32(RC_I8)
    case .i16: Int32(RC_I16)
    case .i32: Int32(RC_I32)
    case .i64: Int32(RC_I64)
    case .u8: Int32(RC_U8)
    case .u16: Int32(RC_U16)
    case .u32: Int32(RC_U32)
    case .u64: Int32(RC_U64)
    case .bool, .f8e8m0: nil
    case .q4_0: Int32(RC_Q4_0)
    case .q4_1: Int32(RC_Q4_1)
    case .q5_0: Int32(RC_Q5_0)
    case .q5_1: Int32(RC_Q5_1)
    case .q8_0: Int32(RC_Q8_0)
    case .q2_k: Int32(RC_Q2_K)
    case .q3_k: Int32(RC_Q3_K)
    case .q4_k: Int32(RC_Q4_K)
    case .q5_k: Int32(RC_Q5_K)
    case .q6_k: Int32(RC_Q6_K)
    case .q8_k: Int32(RC_Q8_K)
    case .iq4_nl: Int32(RC_IQ4_NL)
    case .iq4_xs: Int32(RC_IQ4_XS)
    case .iq2_xxs: Int32(RC_IQ2_XXS)
    case .iq2_xs: Int32(RC_IQ2_XS)
    case .iq2_s: Int32(RC_IQ2_S)
    case .iq3_xxs: Int32(RC_IQ3_XXS)
    case .iq3_s: Int32(RC_IQ3_S)
    case .iq1_s: Int32(RC_IQ1_S)
    case .iq1_m: Int32(RC_IQ1_M)
    case .tq1_0: Int32(RC_TQ1_0)
    case .tq2_0: Int32(RC_TQ2_0)
    case .mxfp4: Int32(RC_MXFP4)
    }
  }
}
