// Rotary position encoding of one head.
#define RC_BODY "rotate_body.h"
#include "each_variant.h"

void rc_rotate(float *x, ptrdiff_t x_stride, ptrdiff_t rows, ptrdiff_t pairs, int interleaved,
               const float *cosines, const float *sines, ptrdiff_t table_stride, int inverse) {
  float sign = inverse ? -1.0f : 1.0f;
  if (interleaved) {
    RC_CALL(rotate_interleaved, x, x_stride, rows, pairs, cosines, sines, table_stride, sign);
  } else {
    RC_CALL(rotate_half, x, x_stride, rows, pairs, cosines, sines, table_stride, sign);
  }
}
