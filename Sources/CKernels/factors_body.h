#include "lanes.h"
#include "factors.h"

static void RC_VARIANT(put_rows)(const float *x, ptrdiff_t x_stride, ptrdiff_t rows,
                                 ptrdiff_t width, float scale, int form, void *y,
                                 ptrdiff_t y_stride) {
  ptrdiff_t whole = width - width % RC_LANES;
  for (ptrdiff_t row = 0; row < rows; row++, x += x_stride) {
    for (ptrdiff_t i = 0; i < whole; i += RC_LANES) {
      RC_VARIANT(put)(form, y, i, RC_VARIANT(load)(x + i) * scale);
    }
    if (whole < width) {
      rc_floats v = RC_VARIANT(load_part)(x + whole, width - whole, 0) * scale;
      RC_VARIANT(put_part)(form, y, whole, v, width - whole);
    }
    y = RC_VARIANT(advanced)(form, y, y_stride);
  }
}
