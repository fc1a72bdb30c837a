// Sixteen stored bytes at a time. Loops over single bytes are for the compiler to make vectors of, which it
// does badly for AVX-512: a quarter of the speed. Included by decode_body.h, once per variant.
#include "lanes.h"

#ifndef CKERNELS_DECODE_LANES_H
#define CKERNELS_DECODE_LANES_H
typedef uint8_t rc_bytes __attribute__((ext_vector_type(16)));
typedef int8_t rc_signed_bytes __attribute__((ext_vector_type(16)));
#endif

RC_INLINE rc_bytes RC_VARIANT(load_bytes)(const uint8_t *bytes) {
  rc_bytes v;
  memcpy(&v, bytes, sizeof v);
  return v;
}

// Where bytes are shifted: no instruction set shifts them as they are.
RC_INLINE rc_ints RC_VARIANT(load_ints)(const uint8_t *bytes) {
  return __builtin_convertvector(RC_VARIANT(load_bytes)(bytes), rc_ints);
}

RC_INLINE rc_floats RC_VARIANT(floats)(rc_bytes v) { return rc_to_floats(v); }

// Of bytes in two's complement.
RC_INLINE rc_floats RC_VARIANT(signed_floats)(rc_bytes v) { return rc_to_floats((rc_signed_bytes)v); }

// The levels that indices below 16 stand for.
RC_INLINE rc_floats RC_VARIANT(levels)(const int8_t *table, rc_bytes indices) {
#if RC_SHUFFLES
  __m128i levels = _mm_loadu_si128((const __m128i *)table);
  return RC_VARIANT(signed_floats)((rc_bytes)_mm_shuffle_epi8(levels, (__m128i)indices));
#else
  uint8_t lanes[RC_LANES];
  float values[RC_LANES];
  memcpy(lanes, &indices, sizeof lanes);
  for (int i = 0; i < RC_LANES; i++) values[i] = (float)table[lanes[i]];
  return RC_VARIANT(load)(values);
#endif
}
