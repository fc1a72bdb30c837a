// One tile of blocked attention: running maximum and sum, and what finishes the outputs.
#define RC_BODY "softmax_body.h"
#include "each_variant.h"

void rc_softmax_tile(float *scores, ptrdiff_t stride, ptrdiff_t rows, ptrdiff_t keys,
                     ptrdiff_t first_query, ptrdiff_t first_key, ptrdiff_t window, float softcap,
                     float *maximum, double *sum, float *correction, int form, void *weights,
                     ptrdiff_t weights_stride) {
  RC_CALL(softmax_tile, scores, stride, rows, keys, first_query, first_key, window, softcap,
          maximum, sum, correction, form, weights, weights_stride);
}

void rc_scale_rows(float *x, ptrdiff_t rows, ptrdiff_t width, ptrdiff_t stride,
                   const float *factors) {
  RC_CALL(scale_rows, x, rows, width, stride, factors);
}

void rc_divide_rows(const float *x, ptrdiff_t x_stride, ptrdiff_t rows, ptrdiff_t width,
                    const double *sums, float *y, ptrdiff_t y_stride) {
  RC_CALL(divide_rows, x, x_stride, rows, width, sums, y, y_stride);
}
