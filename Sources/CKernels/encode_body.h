// What the encoders share, and the choice of the encoder.
#include "lanes.h"

#include "half.h"
#include "nonlinear.h"

RC_INLINE int RC_VARIANT(all_finite)(const float *x, size_t count) {
  uint32_t largest = 0;
  for (size_t i = 0; i < count; i++) {
    uint32_t bits;
    memcpy(&bits, x + i, sizeof bits);
    bits &= 0x7FFFFFFFu;
    largest = bits > largest ? bits : largest;
  }
  return largest < 0x7F800000u;
}

// The nearest integer, ties to even, of a number up to 2^22. What the reference makes of larger
// ones, infinities and NaN is kept: the low bits of the float.
RC_INLINE int RC_VARIANT(nearest)(float x) {
  float shifted = x + 0x1.8p23f;
  int32_t bits;
  memcpy(&bits, &shifted, sizeof bits);
  return (bits & 0x7FFFFF) - 0x400000;
}

RC_INLINE rc_ints RC_VARIANT(nearest_of_lanes)(rc_floats x) {
  rc_floats shifted = x + 0x1.8p23f;
  return ((rc_ints)shifted & 0x7FFFFF) - 0x400000;
}

RC_INLINE rc_ints RC_VARIANT(clamp)(rc_ints x, int least, int most) {
  x = x < least ? (rc_ints)least : x;
  return x > most ? (rc_ints)most : x;
}

#define rc_ints_to_floats(x) __builtin_convertvector(x, rc_floats)

// Sixteen runs of `width` (at most 32) consecutive numbers, one to a lane; lanes past `runs` are 0.
RC_INLINE void RC_VARIANT(gather_runs)(const float *x, size_t runs, int width, rc_floats *lanes) {
  float columns[32 * RC_LANES] = {0};
  for (size_t run = 0; run < runs; run++) {
    for (int i = 0; i < width; i++) columns[i * RC_LANES + run] = x[run * (size_t)width + (size_t)i];
  }
  memcpy(lanes, columns, (size_t)width * sizeof *lanes);
}

// The lanes' small integers as runs again.
RC_INLINE void RC_VARIANT(scatter_runs)(const rc_ints *lanes, int width, uint8_t *runs) {
  for (int i = 0; i < width; i++) {
    int32_t column[RC_LANES];
    memcpy(column, lanes + i, sizeof column);
    for (int run = 0; run < RC_LANES; run++) runs[run * width + i] = (uint8_t)column[run];
  }
}

// Each lane's element of largest magnitude, the first of equals, and that magnitude.
RC_INLINE void RC_VARIANT(extremes)(const rc_floats *x, int width, rc_floats *extreme,
                                    rc_floats *magnitude) {
  *extreme = 0;
  *magnitude = 0;
  for (int i = 0; i < width; i++) {
    rc_floats own = __builtin_elementwise_abs(x[i]);
    rc_ints larger = own > *magnitude;
    *magnitude = larger ? own : *magnitude;
    *extreme = larger ? x[i] : *extreme;
  }
}

#include "encode_blocks32.h"
#include "encode_nonlinear.h"
#include "encode_blocks256.h"

static void RC_VARIANT(encode)(int type, const float *x, uint8_t *bytes, size_t blocks,
                               int *fault) {
  size_t width = type == RC_Q4_K || type == RC_Q5_K || type == RC_Q6_K ? 256 : 32;
  if (!RC_VARIANT(all_finite)(x, blocks * width)) {
    *fault = RC_NOT_FINITE;
    return;
  }
  int overflow = 0;
  switch (type) {
    case RC_Q4_0: overflow = RC_VARIANT(encode_q4_0)(x, bytes, blocks); break;
    case RC_Q4_1: overflow = RC_VARIANT(encode_q4_1)(x, bytes, blocks); break;
    case RC_Q5_0: overflow = RC_VARIANT(encode_q5_0)(x, bytes, blocks); break;
    case RC_Q5_1: overflow = RC_VARIANT(encode_q5_1)(x, bytes, blocks); break;
    case RC_Q8_0: overflow = RC_VARIANT(encode_q8_0)(x, bytes, blocks); break;
    case RC_IQ4_NL: overflow = RC_VARIANT(encode_iq4_nl)(x, bytes, blocks); break;
    case RC_MXFP4: RC_VARIANT(encode_mxfp4)(x, bytes, blocks); break;
    case RC_Q4_K: overflow = RC_VARIANT(encode_q4_k)(x, bytes, blocks); break;
    case RC_Q5_K: overflow = RC_VARIANT(encode_q5_k)(x, bytes, blocks); break;
    case RC_Q6_K: overflow = RC_VARIANT(encode_q6_k)(x, bytes, blocks); break;
    default: break;
  }
  *fault = overflow ? RC_SCALE_OVERFLOW : RC_ENCODED;
}
