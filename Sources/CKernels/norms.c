// RMS and layer normalization of rows.
#define RC_BODY "norms_body.h"
#include "each_variant.h"

void rc_rms_norm(const float *x, ptrdiff_t x_stride, ptrdiff_t rows, ptrdiff_t width,
                 const float *gain, float epsilon, int form, void *y, ptrdiff_t y_stride) {
  RC_CALL(rms_norm, x, x_stride, rows, width, gain, epsilon, form, y, y_stride);
}

void rc_layer_norm(const float *x, ptrdiff_t x_stride, ptrdiff_t rows, ptrdiff_t width,
                   const float *gain, const float *bias, float epsilon, int form, void *y,
                   ptrdiff_t y_stride) {
  RC_CALL(layer_norm, x, x_stride, rows, width, gain, bias, epsilon, form, y, y_stride);
}
