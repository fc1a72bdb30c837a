// Element types to float32. Bit-exact: products and sums are rounded one by one, in the order of
// the formats' reference decoder, on every instruction set.
#pragma STDC FP_CONTRACT OFF
#define RC_BODY "decode_body.h"
#include "each_variant.h"

void rc_decode(int type, const void *bytes, float *output, size_t blocks) {
  RC_CALL(decode, type, bytes, output, blocks);
}
