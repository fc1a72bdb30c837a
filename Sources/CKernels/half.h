// Half precision and powers of two by bits, so that every instruction set gives the same. Included by the bodies, once
// per variant.
#include <string.h>

#ifndef RC_INLINE
#define RC_INLINE static inline __attribute__((always_inline, unused))
#endif

RC_INLINE float RC_VARIANT(float_of_bits)(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

// 2^(e - 128), half of what the exponent byte of mxfp4 stands for: its levels are doubled. Two of
// them are subnormal.
RC_INLINE float RC_VARIANT(half_of_power)(uint8_t e) {
  return RC_VARIANT(float_of_bits)(e < 2 ? 0x00200000u << e : (uint32_t)(e - 1) << 23);
}

// Half precision: the exponent is moved by an exact product, which also makes subnormals normal.
RC_INLINE float RC_VARIANT(half)(uint16_t half) {
  uint32_t magnitude = half & 0x7FFFu;
  uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
  float scaled = RC_VARIANT(float_of_bits)(magnitude << 13) * 0x1p112f;
  uint32_t bits;
  memcpy(&bits, &scaled, sizeof bits);
  // Infinity and NaN (made quiet) have the largest exponent in both formats.
  uint32_t special =
    0x7F800000u | (magnitude & 0x3FFu) << 13 | (magnitude > 0x7C00u ? 0x400000u : 0);
  bits = magnitude >= 0x7C00u ? special : bits;
  return RC_VARIANT(float_of_bits)(bits | sign);
}

RC_INLINE float RC_VARIANT(load_half)(const uint8_t *bytes) {
  uint16_t half;
  memcpy(&half, bytes, sizeof half);
  return RC_VARIANT(half)(half);
}

// To nearest, ties to even; 65,520 and above become infinity. A NaN becomes quiet and keeps its sign and the
// upper bits of its payload.
RC_INLINE uint16_t RC_VARIANT(half_of)(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  uint32_t sign = bits >> 16 & 0x8000u, magnitude = bits & 0x7FFFFFFFu;
  if (magnitude > 0x7F800000u) return (uint16_t)(sign | 0x7E00u | (magnitude >> 13 & 0x1FFu));
  if (magnitude >= 0x477FF000u) return (uint16_t)(sign | 0x7C00u);
  if (magnitude >= 0x38800000u) {
    uint32_t rebased = magnitude - 0x38000000u;
    return (uint16_t)(sign | (rebased + 0xFFFu + (rebased >> 13 & 1u)) >> 13);
  }
  // Subnormal, a multiple of 2^-24: the distance of two floats that follow 0.5.
  float shifted = RC_VARIANT(float_of_bits)(magnitude) + 0.5f;
  memcpy(&bits, &shifted, sizeof bits);
  return (uint16_t)(sign | (bits - 0x3F000000u));
}

// Stores a block's scale; 1 if half precision cannot hold it, else 0.
RC_INLINE int RC_VARIANT(store_half)(uint8_t *bytes, float value) {
  uint16_t half = RC_VARIANT(half_of)(value);
  memcpy(bytes, &half, sizeof half);
  return (half & 0x7C00u) == 0x7C00u;
}
