// Decoders of plain numbers, and the choice of the decoder.
#include "half.h"

// 8-bit numbers with 4 exponent bits, without infinity (the "fn" variant), or with 5, like half.
RC_INLINE float RC_VARIANT(f8_e4m3)(uint8_t byte) {
  uint32_t magnitude = byte & 0x7Fu, sign = (uint32_t)(byte & 0x80u) << 24;
  float scaled = RC_VARIANT(float_of_bits)(magnitude << 20) * 0x1p120f;
  uint32_t bits;
  memcpy(&bits, &scaled, sizeof bits);
  bits = magnitude == 0x7Fu ? 0x7FC00000u : bits;
  return RC_VARIANT(float_of_bits)(bits | sign);
}

static void RC_VARIANT(decode_f16)(const uint8_t *bytes, float *restrict output, size_t count) {
  for (size_t i = 0; i < count; i++) output[i] = RC_VARIANT(load_half)(bytes + 2 * i);
}

static void RC_VARIANT(decode_bf16)(const uint8_t *bytes, float *restrict output, size_t count) {
  for (size_t i = 0; i < count; i++) {
    uint16_t upper;
    memcpy(&upper, bytes + 2 * i, sizeof upper);
    output[i] = RC_VARIANT(float_of_bits)((uint32_t)upper << 16);
  }
}

static void RC_VARIANT(decode_f8_e4m3)(const uint8_t *bytes, float *restrict output,
                                       size_t count) {
  for (size_t i = 0; i < count; i++) output[i] = RC_VARIANT(f8_e4m3)(bytes[i]);
}

static void RC_VARIANT(decode_f8_e5m2)(const uint8_t *bytes, float *restrict output,
                                       size_t count) {
  for (size_t i = 0; i < count; i++) {
    output[i] = RC_VARIANT(half)((uint16_t)((uint16_t)bytes[i] << 8));
  }
}

#define RC_DECODE_NUMBERS(name, type)                                                   \
  static void RC_VARIANT(decode_##name)(const uint8_t *bytes, float *restrict output,   \
                                        size_t count) {                                 \
    for (size_t i = 0; i < count; i++) {                                                \
      type value;                                                                       \
      memcpy(&value, bytes + i * sizeof value, sizeof value);                           \
      output[i] = (float)value;                                                         \
    }                                                                                   \
  }

RC_DECODE_NUMBERS(f64, double)
RC_DECODE_NUMBERS(i8, int8_t)
RC_DECODE_NUMBERS(i16, int16_t)
RC_DECODE_NUMBERS(i32, int32_t)
RC_DECODE_NUMBERS(i64, int64_t)
RC_DECODE_NUMBERS(u8, uint8_t)
RC_DECODE_NUMBERS(u16, uint16_t)
RC_DECODE_NUMBERS(u32, uint32_t)
RC_DECODE_NUMBERS(u64, uint64_t)
#undef RC_DECODE_NUMBERS

#include "decode_lanes.h"
#include "decode_blocks32.h"
#include "decode_blocks256.h"
#include "decode_codebooks.h"
#include "decode_ternary.h"

static void RC_VARIANT(decode)(int type, const uint8_t *bytes, float *output, size_t blocks) {
  switch (type) {
    case RC_F32: memcpy(output, bytes, blocks * sizeof(float)); break;
    case RC_F16: RC_VARIANT(decode_f16)(bytes, output, blocks); break;
    case RC_BF16: RC_VARIANT(decode_bf16)(bytes, output, blocks); break;
    case RC_F64: RC_VARIANT(decode_f64)(bytes, output, blocks); break;
    case RC_F8_E4M3: RC_VARIANT(decode_f8_e4m3)(bytes, output, blocks); break;
    case RC_F8_E5M2: RC_VARIANT(decode_f8_e5m2)(bytes, output, blocks); break;
    case RC_I8: RC_VARIANT(decode_i8)(bytes, output, blocks); break;
    case RC_I16: RC_VARIANT(decode_i16)(bytes, output, blocks); break;
    case RC_I32: RC_VARIANT(decode_i32)(bytes, output, blocks); break;
    case RC_I64: RC_VARIANT(decode_i64)(bytes, output, blocks); break;
    case RC_U8: RC_VARIANT(decode_u8)(bytes, output, blocks); break;
    case RC_U16: RC_VARIANT(decode_u16)(bytes, output, blocks); break;
    case RC_U32: RC_VARIANT(decode_u32)(bytes, output, blocks); break;
    case RC_U64: RC_VARIANT(decode_u64)(bytes, output, blocks); break;
    case RC_Q4_0: RC_VARIANT(decode_q4_0)(bytes, output, blocks); break;
    case RC_Q4_1: RC_VARIANT(decode_q4_1)(bytes, output, blocks); break;
    case RC_Q5_0: RC_VARIANT(decode_q5_0)(bytes, output, blocks); break;
    case RC_Q5_1: RC_VARIANT(decode_q5_1)(bytes, output, blocks); break;
    case RC_Q8_0: RC_VARIANT(decode_q8_0)(bytes, output, blocks); break;
    case RC_Q2_K: RC_VARIANT(decode_q2_k)(bytes, output, blocks); break;
    case RC_Q3_K: RC_VARIANT(decode_q3_k)(bytes, output, blocks); break;
    case RC_Q4_K: RC_VARIANT(decode_q4_k)(bytes, output, blocks); break;
    case RC_Q5_K: RC_VARIANT(decode_q5_k)(bytes, output, blocks); break;
    case RC_Q6_K: RC_VARIANT(decode_q6_k)(bytes, output, blocks); break;
    case RC_Q8_K: RC_VARIANT(decode_q8_k)(bytes, output, blocks); break;
    case RC_IQ4_NL: RC_VARIANT(decode_iq4_nl)(bytes, output, blocks); break;
    case RC_IQ4_XS: RC_VARIANT(decode_iq4_xs)(bytes, output, blocks); break;
    case RC_MXFP4: RC_VARIANT(decode_mxfp4)(bytes, output, blocks); break;
    case RC_IQ2_XXS: RC_VARIANT(decode_iq2_xxs)(bytes, output, blocks); break;
    case RC_IQ2_XS: RC_VARIANT(decode_iq2_xs)(bytes, output, blocks); break;
    case RC_IQ2_S: RC_VARIANT(decode_iq2_s)(bytes, output, blocks); break;
    case RC_IQ3_XXS: RC_VARIANT(decode_iq3_xxs)(bytes, output, blocks); break;
    case RC_IQ3_S: RC_VARIANT(decode_iq3_s)(bytes, output, blocks); break;
    case RC_IQ1_S: RC_VARIANT(decode_iq1_s)(bytes, output, blocks); break;
    case RC_IQ1_M: RC_VARIANT(decode_iq1_m)(bytes, output, blocks); break;
    case RC_TQ1_0: RC_VARIANT(decode_tq1_0)(bytes, output, blocks); break;
    case RC_TQ2_0: RC_VARIANT(decode_tq2_0)(bytes, output, blocks); break;
    default: break;
  }
}
