// Float32 to numbers of 16 bits and to quantized blocks. Bit-exact: every operation is rounded by
// itself and sums run in the order of the formats' reference encoder (ggml's), on every instruction
// set. Searches work on sixteen groups at a time, one to a lane.
#pragma STDC FP_CONTRACT OFF
#define RC_BODY "encode_body.h"
#include "each_variant.h"

int rc_encode(int type, const float *values, const float *importance, size_t columns, void *bytes,
              size_t blocks) {
  int fault = 0;
  RC_CALL(encode, type, values, importance, columns, bytes, blocks, &fault);
  return fault;
}
