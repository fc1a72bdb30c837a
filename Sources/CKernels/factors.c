// Rows in the form that a matrix product takes.
#define RC_BODY "factors_body.h"
#include "each_variant.h"

void rc_put_rows(const float *x, ptrdiff_t x_stride, ptrdiff_t rows, ptrdiff_t width, float scale,
                 int form, void *y, ptrdiff_t y_stride) {
  RC_CALL(put_rows, x, x_stride, rows, width, scale, form, y, y_stride);
}

void rc_transpose(const float *x, ptrdiff_t x_stride, ptrdiff_t rows, ptrdiff_t width, float *y,
                  ptrdiff_t y_stride) {
  RC_CALL(transpose, x, x_stride, rows, width, y, y_stride);
}
