#include "lanes.h"
#include "factors.h"

static void RC_VARIANT(rms_norm)(const float *x, ptrdiff_t x_stride, ptrdiff_t rows,
                                 ptrdiff_t width, const float *gain, float epsilon, int form,
                                 void *y, ptrdiff_t y_stride) {
  ptrdiff_t whole = width - width % RC_LANES;
  for (ptrdiff_t row = 0; row < rows; row++, x += x_stride) {
    rc_doubles sums = 0;
    for (ptrdiff_t i = 0; i < whole; i += RC_LANES) {
      rc_doubles v = rc_to_doubles(RC_VARIANT(load)(x + i));
      sums += v * v;
    }
    if (whole < width) {
      rc_doubles v = rc_to_doubles(RC_VARIANT(load_part)(x + whole, width - whole, 0));
      sums += v * v;
    }
    double mean = RC_VARIANT(total)(sums) / (double)width;
    float factor = (float)(1.0 / sqrt(mean + (double)epsilon));
    for (ptrdiff_t i = 0; i < whole; i += RC_LANES) {
      rc_floats v = RC_VARIANT(load)(x + i) * factor;
      if (gain != NULL) v *= RC_VARIANT(load)(gain + i);
      RC_VARIANT(put)(form, y, i, v);
    }
    if (whole < width) {
      rc_floats v = RC_VARIANT(load_part)(x + whole, width - whole, 0) * factor;
      if (gain != NULL) v *= RC_VARIANT(load_part)(gain + whole, width - whole, 0);
      RC_VARIANT(put_part)(form, y, whole, v, width - whole);
    }
    y = RC_VARIANT(advanced)(form, y, y_stride);
  }
}

static void RC_VARIANT(layer_norm)(const float *x, ptrdiff_t x_stride, ptrdiff_t rows,
                                   ptrdiff_t width, const float *gain, const float *bias,
                                   float epsilon, int form, void *y, ptrdiff_t y_stride) {
  ptrdiff_t whole = width - width % RC_LANES;
  for (ptrdiff_t row = 0; row < rows; row++, x += x_stride) {
    rc_doubles sums = 0;
    double rest = 0;
    for (ptrdiff_t i = 0; i < whole; i += RC_LANES) {
      sums += rc_to_doubles(RC_VARIANT(load)(x + i));
    }
    for (ptrdiff_t i = whole; i < width; i++) rest += (double)x[i];
    double mean = (RC_VARIANT(total)(sums) + rest) / (double)width;

    rc_doubles squares = 0;
    rest = 0;
    for (ptrdiff_t i = 0; i < whole; i += RC_LANES) {
      rc_doubles v = rc_to_doubles(RC_VARIANT(load)(x + i)) - mean;
      squares += v * v;
    }
    for (ptrdiff_t i = whole; i < width; i++) {
      double v = (double)x[i] - mean;
      rest += v * v;
    }
    double variance = (RC_VARIANT(total)(squares) + rest) / (double)width;
    double factor = 1.0 / sqrt(variance + (double)epsilon);

    for (ptrdiff_t i = 0; i < whole; i += RC_LANES) {
      rc_doubles v = (rc_to_doubles(RC_VARIANT(load)(x + i)) - mean) * factor;
      rc_floats result = rc_to_floats(v);
      if (gain != NULL) result *= RC_VARIANT(load)(gain + i);
      if (bias != NULL) result += RC_VARIANT(load)(bias + i);
      RC_VARIANT(put)(form, y, i, result);
    }
    if (whole < width) {
      float last[RC_LANES];
      for (ptrdiff_t i = whole; i < width; i++) {
        float result = (float)(((double)x[i] - mean) * factor);
        if (gain != NULL) result *= gain[i];
        if (bias != NULL) result += bias[i];
        last[i - whole] = result;
      }
      rc_floats v = RC_VARIANT(load_part)(last, width - whole, 0);
      RC_VARIANT(put_part)(form, y, whole, v, width - whole);
    }
    y = RC_VARIANT(advanced)(form, y, y_stride);
  }
}
