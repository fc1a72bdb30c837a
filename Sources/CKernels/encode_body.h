// What the encoders share, and the choice of the encoder.
#include "lanes.h"

#include "factors.h"
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

#include "encode_fits.h"
#include "encode_blocks32.h"
#include "encode_nonlinear.h"
#include "encode_blocks256.h"
#include "encode_few_bits.h"

// Whole rows with what their columns count, or any blocks without it.
static int RC_VARIANT(encode_blocks)(int type, const float *x, const float *importance, uint8_t *bytes,
                                     size_t blocks) {
  switch (type) {
    case RC_Q4_0:
    case RC_Q4_1:
    case RC_Q5_0:
    case RC_Q5_1:
      if (importance) return RC_VARIANT(encode_weighted_row)(type, x, importance, bytes, blocks);
      break;
    default: break;
  }
  switch (type) {
    case RC_Q4_0: return RC_VARIANT(encode_q4_0)(x, bytes, blocks);
    case RC_Q4_1: return RC_VARIANT(encode_q4_1)(x, bytes, blocks);
    case RC_Q5_0: return RC_VARIANT(encode_q5_0)(x, bytes, blocks);
    case RC_Q5_1: return RC_VARIANT(encode_q5_1)(x, bytes, blocks);
    case RC_Q8_0: return RC_VARIANT(encode_q8_0)(x, bytes, blocks);
    case RC_MXFP4: return RC_VARIANT(encode_mxfp4)(x, bytes, blocks);
    case RC_IQ4_NL: return RC_VARIANT(encode_iq4_nl)(x, importance, bytes, blocks);
    case RC_IQ4_XS: return RC_VARIANT(encode_iq4_xs)(x, importance, bytes, blocks);
    case RC_Q2_K: return RC_VARIANT(encode_q2_k)(x, importance, bytes, blocks);
    case RC_Q3_K: return RC_VARIANT(encode_q3_k)(x, importance, bytes, blocks);
    case RC_Q4_K: return RC_VARIANT(encode_q4_k)(x, importance, bytes, blocks);
    case RC_Q5_K: return RC_VARIANT(encode_q5_k)(x, importance, bytes, blocks);
    case RC_Q6_K: return RC_VARIANT(encode_q6_k)(x, importance, bytes, blocks);
    default: return 0;
  }
}

// Elements and bytes of a block.
RC_INLINE void RC_VARIANT(block_size)(int type, size_t *width, size_t *size) {
  *width = RC_SUPERBLOCK;
  switch (type) {
    case RC_Q2_K: *size = RC_Q2_K_BYTES; return;
    case RC_Q3_K: *size = RC_Q3_K_BYTES; return;
    case RC_Q4_K: *size = RC_Q4_K_BYTES; return;
    case RC_Q5_K: *size = RC_Q5_K_BYTES; return;
    case RC_Q6_K: *size = RC_Q6_K_BYTES; return;
    case RC_IQ4_XS: *size = RC_IQ4_XS_BYTES; return;
    default: *width = RC_BLOCK;
  }
  switch (type) {
    case RC_Q4_1: *size = RC_Q4_1_BYTES; return;
    case RC_Q5_0: *size = RC_Q5_0_BYTES; return;
    case RC_Q5_1: *size = RC_Q5_1_BYTES; return;
    case RC_Q8_0: *size = RC_Q8_0_BYTES; return;
    case RC_MXFP4: *size = RC_MXFP4_BYTES; return;
    default: *size = RC_Q4_0_BYTES;
  }
}

// Whether a finite number is among them whose magnitude has bits of `least` or more.
RC_INLINE int RC_VARIANT(any_from)(const float *x, size_t count, uint32_t least) {
  uint32_t found = 0;
  for (size_t i = 0; i < count; i++) {
    uint32_t bits;
    memcpy(&bits, x + i, sizeof bits);
    bits &= 0x7FFFFFFFu;
    found |= (uint32_t)(bits >= least) & (uint32_t)(bits < 0x7F800000u);
  }
  return found != 0;
}

// Numbers of 16 bits. Returns whether one that is finite became infinite.
static int RC_VARIANT(encode_halves)(const float *x, uint8_t *bytes, size_t count) {
  for (size_t i = 0; i < count; i++) {
    uint16_t half = RC_VARIANT(half_of)(x[i]);
    memcpy(bytes + i * sizeof half, &half, sizeof half);
  }
  return RC_VARIANT(any_from)(x, count, 0x477FF000u);
}

static int RC_VARIANT(encode_bfloat16)(const float *x, uint8_t *bytes, size_t count) {
  ptrdiff_t whole = (ptrdiff_t)(count / RC_LANES * RC_LANES), rest = (ptrdiff_t)count - whole;
  for (ptrdiff_t i = 0; i < whole; i += RC_LANES) {
    RC_VARIANT(put)(RC_BFLOAT16, bytes, i, RC_VARIANT(load)(x + i));
  }
  if (rest > 0) {
    RC_VARIANT(put_part)(RC_BFLOAT16, bytes, whole, RC_VARIANT(load_part)(x + whole, rest, 0), rest);
  }
  return RC_VARIANT(any_from)(x, count, 0x7F7F8000u);
}

static void RC_VARIANT(encode)(int type, const float *x, const float *importance, size_t columns, uint8_t *bytes,
                               size_t blocks, int *fault) {
  if (type == RC_F16 || type == RC_BF16) {
    int beyond = type == RC_F16 ? RC_VARIANT(encode_halves)(x, bytes, blocks)
                                : RC_VARIANT(encode_bfloat16)(x, bytes, blocks);
    *fault = beyond ? RC_OVERFLOW : RC_ENCODED;
    return;
  }
  size_t width, size;
  RC_VARIANT(block_size)(type, &width, &size);
  if (!RC_VARIANT(all_finite)(x, blocks * width)) {
    *fault = RC_NOT_FINITE;
    return;
  }
  size_t row = importance ? columns / width : blocks;
  int overflow = 0;
  for (size_t first = 0; first < blocks; first += row) {
    overflow |= RC_VARIANT(encode_blocks)(type, x + first * width, importance, bytes + first * size, row);
  }
  *fault = overflow ? RC_SCALE_OVERFLOW : RC_ENCODED;
}
