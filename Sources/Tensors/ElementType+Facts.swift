import CKernels

/// What is known of one type of elements: how it is stored, what decodes and encodes it, and how files
/// name it.
package struct ElementFacts: Sendable {
  /// How float32 numbers become elements.
  enum Encoder: Sendable, Equatable {
    /// The bits of float32 numbers, and of the same in double precision.
    case single, double
    /// Numbers of 16 bits by the kernel; `infinity` is that number without its sign.
    case halves(infinity: UInt16)
    /// Numbers that are whole, as such.
    case int32, int64
    /// Quantized blocks by the kernel, which looks at how much columns count, or does not.
    case weightedBlocks, blocks
  }

  /// The main type of a whole model: its name in config.json (`dtype`), and its number in
  /// `general.file_type` (`enum llama_ftype` of llama.h).
  package typealias OfModel = (name: String, fileType: UInt32)

  /// Elements in one block; 1 for plain numbers.
  let elements: Int
  /// Bytes of one block.
  let bytes: Int
  /// The kernels' code (`CKernels.h`); nil for what is not decoded.
  let kernel: Int32?
  /// A floating-point type that is not quantized in blocks.
  let isFloat: Bool
  /// Nil for what is read alone.
  let encoder: Encoder?
  /// The number in a GGUF file (`enum ggml_type` of ggml.h); nil for types GGUF does not have.
  package let ggml: UInt32?
  /// The name in a safetensors file; nil for types the format does not have.
  package let safetensors: String?
  /// Nil for types that no model has as its main one.
  package let ofModel: OfModel?

  /// Plain numbers, each a block.
  fileprivate static func number(
    bytes: Int, kernel: Int?, isFloat: Bool = false, encoder: Encoder? = nil, ggml: UInt32? = nil,
    safetensors: String, ofModel: OfModel? = nil
  ) -> ElementFacts {
    ElementFacts(
      elements: 1, bytes: bytes, kernel: kernel.map { Int32($0) }, isFloat: isFloat,
      encoder: encoder, ggml: ggml, safetensors: safetensors, ofModel: ofModel)
  }

  /// Quantized blocks, which GGUF alone has: code of the kernels, elements and bytes of a block.
  fileprivate static func blocks(
    _ kernel: Int, _ elements: Int, _ bytes: Int, ggml: UInt32, _ encoder: Encoder? = nil
  ) -> ElementFacts {
    ElementFacts(
      elements: elements, bytes: bytes, kernel: Int32(kernel), isFloat: false, encoder: encoder,
      ggml: ggml, safetensors: nil, ofModel: nil)
  }
}

extension ElementType {
  /// The type's row. A new type is a case of `ElementType`, a row here, and its kernels in C.
  package var facts: ElementFacts {
    switch self {
    case .f32:
      .number(
        bytes: 4, kernel: RC_F32, isFloat: true, encoder: .single, ggml: 0, safetensors: "F32",
        ofModel: (name: "float32", fileType: 0))
    case .f16:
      .number(
        bytes: 2, kernel: RC_F16, isFloat: true, encoder: .halves(infinity: 0x7C00), ggml: 1,
        safetensors: "F16", ofModel: (name: "float16", fileType: 1))
    case .bf16:
      .number(
        bytes: 2, kernel: RC_BF16, isFloat: true, encoder: .halves(infinity: 0x7F80), ggml: 30,
        safetensors: "BF16", ofModel: (name: "bfloat16", fileType: 32))
    case .f64:
      .number(
        bytes: 8, kernel: RC_F64, isFloat: true, encoder: .double, ggml: 28, safetensors: "F64")
    case .f8e4m3: .number(bytes: 1, kernel: RC_F8_E4M3, isFloat: true, safetensors: "F8_E4M3")
    case .f8e5m2: .number(bytes: 1, kernel: RC_F8_E5M2, isFloat: true, safetensors: "F8_E5M2")
    case .f8e8m0: .number(bytes: 1, kernel: nil, safetensors: "F8_E8M0")
    case .i8: .number(bytes: 1, kernel: RC_I8, ggml: 24, safetensors: "I8")
    case .i16: .number(bytes: 2, kernel: RC_I16, ggml: 25, safetensors: "I16")
    case .i32: .number(bytes: 4, kernel: RC_I32, encoder: .int32, ggml: 26, safetensors: "I32")
    case .i64: .number(bytes: 8, kernel: RC_I64, encoder: .int64, ggml: 27, safetensors: "I64")
    case .u8: .number(bytes: 1, kernel: RC_U8, safetensors: "U8")
    case .u16: .number(bytes: 2, kernel: RC_U16, safetensors: "U16")
    case .u32: .number(bytes: 4, kernel: RC_U32, safetensors: "U32")
    case .u64: .number(bytes: 8, kernel: RC_U64, safetensors: "U64")
    case .bool: .number(bytes: 1, kernel: nil, safetensors: "BOOL")
    case .q4_0: .blocks(RC_Q4_0, RC_BLOCK, RC_Q4_0_BYTES, ggml: 2, .weightedBlocks)
    case .q4_1: .blocks(RC_Q4_1, RC_BLOCK, RC_Q4_1_BYTES, ggml: 3, .weightedBlocks)
    case .q5_0: .blocks(RC_Q5_0, RC_BLOCK, RC_Q5_0_BYTES, ggml: 6, .weightedBlocks)
    case .q5_1: .blocks(RC_Q5_1, RC_BLOCK, RC_Q5_1_BYTES, ggml: 7, .weightedBlocks)
    case .q8_0: .blocks(RC_Q8_0, RC_BLOCK, RC_Q8_0_BYTES, ggml: 8, .blocks)
    case .q2_k: .blocks(RC_Q2_K, RC_SUPERBLOCK, RC_Q2_K_BYTES, ggml: 10, .weightedBlocks)
    case .q3_k: .blocks(RC_Q3_K, RC_SUPERBLOCK, RC_Q3_K_BYTES, ggml: 11, .weightedBlocks)
    case .q4_k: .blocks(RC_Q4_K, RC_SUPERBLOCK, RC_Q4_K_BYTES, ggml: 12, .weightedBlocks)
    case .q5_k: .blocks(RC_Q5_K, RC_SUPERBLOCK, RC_Q5_K_BYTES, ggml: 13, .weightedBlocks)
    case .q6_k: .blocks(RC_Q6_K, RC_SUPERBLOCK, RC_Q6_K_BYTES, ggml: 14, .weightedBlocks)
    case .q8_k: .blocks(RC_Q8_K, RC_SUPERBLOCK, RC_Q8_K_BYTES, ggml: 15)
    case .iq4_nl: .blocks(RC_IQ4_NL, RC_BLOCK, RC_IQ4_NL_BYTES, ggml: 20, .weightedBlocks)
    case .iq4_xs: .blocks(RC_IQ4_XS, RC_SUPERBLOCK, RC_IQ4_XS_BYTES, ggml: 23, .weightedBlocks)
    case .iq2_xxs: .blocks(RC_IQ2_XXS, RC_SUPERBLOCK, RC_IQ2_XXS_BYTES, ggml: 16)
    case .iq2_xs: .blocks(RC_IQ2_XS, RC_SUPERBLOCK, RC_IQ2_XS_BYTES, ggml: 17)
    case .iq2_s: .blocks(RC_IQ2_S, RC_SUPERBLOCK, RC_IQ2_S_BYTES, ggml: 22)
    case .iq3_xxs: .blocks(RC_IQ3_XXS, RC_SUPERBLOCK, RC_IQ3_XXS_BYTES, ggml: 18)
    case .iq3_s: .blocks(RC_IQ3_S, RC_SUPERBLOCK, RC_IQ3_S_BYTES, ggml: 21)
    case .iq1_s: .blocks(RC_IQ1_S, RC_SUPERBLOCK, RC_IQ1_S_BYTES, ggml: 19)
    case .iq1_m: .blocks(RC_IQ1_M, RC_SUPERBLOCK, RC_IQ1_M_BYTES, ggml: 29)
    case .tq1_0: .blocks(RC_TQ1_0, RC_SUPERBLOCK, RC_TQ1_0_BYTES, ggml: 34)
    case .tq2_0: .blocks(RC_TQ2_0, RC_SUPERBLOCK, RC_TQ2_0_BYTES, ggml: 35)
    case .mxfp4: .blocks(RC_MXFP4, RC_BLOCK, RC_MXFP4_BYTES, ggml: 39, .blocks)
    }
  }

  /// Whether its encoder looks at how much columns count.
  package var usesImportance: Bool { facts.encoder == .weightedBlocks }
}
