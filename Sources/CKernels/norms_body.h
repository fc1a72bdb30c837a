#include "lanes.h"

static void RC_VARIANT(rms_norm)(const float *x, ptrdiff_t x_stride, ptrdiff_t rows,
                                 ptrdiff_t width, const float *gain, float epsilon, float *y,
                                 ptrdiff_t y_stride) {
  ptrdiff_t whole = width - width % RC_LANES;
  for (ptrdiff_t row = 0; row < rows; row++, x += x_stride, y += y_stride) {
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
    if (gain != NULL) {
      for (ptrdiff_t i = 0; i < whole; i += RC_LANES) {
        rc_floats v = RC_VARIANT(load)(x + i) * factor;
        RC_VARIANT(store)(y + i, v * RC_VARIANT(load)(gain + i));
      }
      for (ptrdiff_t i = whole; i < width; i++) y[i] = x[i] * factor * gain[i];
    } else {
      for (ptrdiff_t i = 0; i < whole; i += RC_LANES) {
        RC_VARIANT(store)(y + i, RC_VARIANT(load)(x + i) * factor);
      }
      for (ptrdiff_t i = whole; i < width; i++) y[i] = x[i] * factor;
    }
  }
}

static void RC_VARIANT(layer_norm)(const float *x, ptrdiff_t x_stride, ptrdiff_t rows,
                                   ptrdiff_t width, const float *gain, const float *bias,
                                   float epsilon, float *y, ptrdiff_t y_stride) {
  ptrdiff_t whole = width - width % RC_LANES;
  for (ptrdiff_t row = 0; row < rows; row++, x += x_stride, y += y_stride) {
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
      RC_VARIANT(store)(y + i, result);
    }
    for (ptrdiff_t i = whole; i < width; i++) {
      float result = (float)(((double)x[i] - mean) * factor);
      if (gain != NULL) result *= gain[i];
      if (bias != NULL) result += bias[i];
      y[i] = result;
    }
  }
}
