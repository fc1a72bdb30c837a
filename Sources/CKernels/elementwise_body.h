#include "lanes.h"
#include "exponential.h"

static void RC_VARIANT(add)(const float *x, float *y, ptrdiff_t count) {
  for (ptrdiff_t i = 0; i < count; i++) y[i] += x[i];
}

static void RC_VARIANT(add_rows)(const float *bias, float *y, ptrdiff_t rows, ptrdiff_t width,
                                 ptrdiff_t stride) {
  for (ptrdiff_t row = 0; row < rows; row++) RC_VARIANT(add)(bias, y + row * stride, width);
}

static void RC_VARIANT(add_rows_by)(const float *bias, const float *factors, float *y,
                                    ptrdiff_t rows, ptrdiff_t width, ptrdiff_t stride) {
  for (ptrdiff_t row = 0; row < rows; row++, y += stride) {
    float factor = factors[row];
    for (ptrdiff_t i = 0; i < width; i++) y[i] += factor * bias[i];
  }
}

static void RC_VARIANT(scale)(float *x, float factor, ptrdiff_t count) {
  for (ptrdiff_t i = 0; i < count; i++) x[i] *= factor;
}

// cap * tanh(x / cap)
static void RC_VARIANT(softcap)(float *x, float cap, ptrdiff_t count) {
  float inverse = 1.0f / cap;
  ptrdiff_t whole = count - count % RC_LANES;
  for (ptrdiff_t i = 0; i < whole; i += RC_LANES) {
    rc_floats v = RC_VARIANT(load)(x + i) * inverse;
    RC_VARIANT(store)(x + i, cap * RC_VARIANT(tanh)(v));
  }
  rc_floats v = RC_VARIANT(load_part)(x + whole, count - whole, 0) * inverse;
  RC_VARIANT(store_part)(x + whole, cap * RC_VARIANT(tanh)(v), count - whole);
}
