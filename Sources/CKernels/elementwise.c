// Sums and products.
#define RC_BODY "elementwise_body.h"
#include "each_variant.h"

void rc_add(const float *x, float *y, ptrdiff_t count) { RC_CALL(add, x, y, count); }

void rc_add_rows(const float *bias, float *y, ptrdiff_t rows, ptrdiff_t width, ptrdiff_t stride) {
  RC_CALL(add_rows, bias, y, rows, width, stride);
}

void rc_add_rows_by(const float *bias, const float *factors, float *y, ptrdiff_t rows,
                    ptrdiff_t width, ptrdiff_t stride) {
  RC_CALL(add_rows_by, bias, factors, y, rows, width, stride);
}

void rc_scale(float *x, float factor, ptrdiff_t count) { RC_CALL(scale, x, factor, count); }

void rc_softcap(float *x, float cap, ptrdiff_t count) { RC_CALL(softcap, x, cap, count); }
