#include "lanes.h"

#ifndef RC_EIGHT_FLOATS
#define RC_EIGHT_FLOATS
typedef float rc_eight_floats __attribute__((ext_vector_type(8)));
#endif

// Pair p is (x[2p], x[2p + 1]).
static void RC_VARIANT(rotate_interleaved)(float *x, ptrdiff_t x_stride, ptrdiff_t rows,
                                           ptrdiff_t pairs, const float *cosines,
                                           const float *sines, ptrdiff_t table_stride,
                                           float sign) {
  rc_floats signs;
  for (int i = 0; i < RC_LANES; i++) signs[i] = i % 2 == 0 ? -sign : sign;
  ptrdiff_t whole = pairs - pairs % 8;
  for (ptrdiff_t row = 0; row < rows; row++) {
    for (ptrdiff_t p = 0; p < whole; p += 8) {
      rc_eight_floats c, s;
      memcpy(&c, cosines + p, sizeof c);
      memcpy(&s, sines + p, sizeof s);
      rc_floats v = RC_VARIANT(load)(x + 2 * p);
      rc_floats swapped =
        __builtin_shufflevector(v, v, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14);
      rc_floats cc =
        __builtin_shufflevector(c, c, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
      rc_floats ss =
        __builtin_shufflevector(s, s, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
      RC_VARIANT(store)(x + 2 * p, v * cc + swapped * (ss * signs));
    }
    for (ptrdiff_t p = whole; p < pairs; p++) {
      float a = x[2 * p], b = x[2 * p + 1], s = sines[p] * sign;
      x[2 * p] = a * cosines[p] - b * s;
      x[2 * p + 1] = b * cosines[p] + a * s;
    }
    x += x_stride;
    cosines += table_stride;
    sines += table_stride;
  }
}

// Pair p is (x[p], x[p + pairs]).
static void RC_VARIANT(rotate_half)(float *x, ptrdiff_t x_stride, ptrdiff_t rows, ptrdiff_t pairs,
                                    const float *cosines, const float *sines,
                                    ptrdiff_t table_stride, float sign) {
  ptrdiff_t whole = pairs - pairs % RC_LANES;
  for (ptrdiff_t row = 0; row < rows; row++) {
    float *first = x, *second = x + pairs;
    for (ptrdiff_t p = 0; p < whole; p += RC_LANES) {
      rc_floats a = RC_VARIANT(load)(first + p), b = RC_VARIANT(load)(second + p);
      rc_floats c = RC_VARIANT(load)(cosines + p), s = RC_VARIANT(load)(sines + p) * sign;
      RC_VARIANT(store)(first + p, a * c - b * s);
      RC_VARIANT(store)(second + p, b * c + a * s);
    }
    for (ptrdiff_t p = whole; p < pairs; p++) {
      float a = first[p], b = second[p], s = sines[p] * sign;
      first[p] = a * cosines[p] - b * s;
      second[p] = b * cosines[p] + a * s;
    }
    x += x_stride;
    cosines += table_stride;
    sines += table_stride;
  }
}
