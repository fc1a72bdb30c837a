// Element types to float32. Bit-exact: products and sums are rounded one by one, in the order of
// the formats' reference decoder, on every instruction set.
#pragma STDC FP_CONTRACT OFF
#define RC_BODY "decode_body.h"
#include "each_variant.h"

static size_t elements_per_block(int type) {
  switch (type) {
    case RC_Q4_0: case RC_Q4_1: case RC_Q5_0: case RC_Q5_1: case RC_Q8_0: case RC_IQ4_NL: return 32;
    case RC_Q2_K: case RC_Q3_K: case RC_Q4_K: case RC_Q5_K: case RC_Q6_K: case RC_Q8_K:
    case RC_IQ4_XS: return 256;
    default: return 1;
  }
}

void rc_decode(int type, const void *bytes, float *output, size_t count) {
  RC_CALL(decode, type, bytes, output, count / elements_per_block(type));
}
