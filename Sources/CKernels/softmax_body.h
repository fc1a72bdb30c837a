#include "lanes.h"
#include "exponential.h"

// Caps the scores and returns their maximum.
RC_INLINE float RC_VARIANT(cap_and_maximum)(float *x, ptrdiff_t count, float softcap) {
  ptrdiff_t whole = count - count % RC_LANES;
  rc_floats largest = -INFINITY;
  float inverse = softcap > 0 ? 1.0f / softcap : 0;
  for (ptrdiff_t i = 0; i < whole; i += RC_LANES) {
    rc_floats v = RC_VARIANT(load)(x + i);
    if (softcap > 0) {
      v = softcap * RC_VARIANT(tanh)(v * inverse);
      RC_VARIANT(store)(x + i, v);
    }
    largest = RC_VARIANT(larger)(v, largest);
  }
  if (whole < count) {
    rc_floats v = RC_VARIANT(load_part)(x + whole, count - whole, -INFINITY);
    if (softcap > 0) {
      v = softcap * RC_VARIANT(tanh)(v * inverse);
      RC_VARIANT(store_part)(x + whole, v, count - whole);
      v = RC_VARIANT(load_part)(x + whole, count - whole, -INFINITY);
    }
    largest = RC_VARIANT(larger)(v, largest);
  }
  return RC_VARIANT(maximum)(largest);
}

// Replaces the scores by exp(score - maximum) and returns their sum.
RC_INLINE double RC_VARIANT(exponentiate)(float *x, ptrdiff_t count, float maximum) {
  ptrdiff_t whole = count - count % RC_LANES;
  rc_doubles sums = 0;
  for (ptrdiff_t i = 0; i < whole; i += RC_LANES) {
    rc_floats v = RC_VARIANT(exp_negative)(RC_VARIANT(load)(x + i) - maximum);
    RC_VARIANT(store)(x + i, v);
    sums += rc_to_doubles(v);
  }
  if (whole < count) {
    rc_floats v = RC_VARIANT(load_part)(x + whole, count - whole, -INFINITY);
    v = RC_VARIANT(exp_negative)(v - maximum);
    RC_VARIANT(store_part)(x + whole, v, count - whole);
    sums += rc_to_doubles(v);
  }
  return RC_VARIANT(total)(sums);
}

static void RC_VARIANT(softmax_tile)(float *scores, ptrdiff_t stride, ptrdiff_t rows,
                                     ptrdiff_t keys, ptrdiff_t first_query, ptrdiff_t first_key,
                                     ptrdiff_t window, float softcap, float *maximum, double *sum,
                                     float *correction) {
  for (ptrdiff_t row = 0; row < rows; row++, scores += stride) {
    ptrdiff_t query = first_query + row;
    ptrdiff_t end = query + 1 - first_key;
    end = end < 0 ? 0 : end > keys ? keys : end;
    ptrdiff_t start = window > 0 ? query - window + 1 - first_key : 0;
    start = start < 0 ? 0 : start > end ? end : start;

    float largest = -INFINITY;
    if (start < end) largest = RC_VARIANT(cap_and_maximum)(scores + start, end - start, softcap);
    float before = maximum[row];
    if (before > largest) largest = before;
    memset(scores, 0, (size_t)start * sizeof(float));
    memset(scores + end, 0, (size_t)(keys - end) * sizeof(float));
    if (largest == -INFINITY) {
      // Nothing was visible so far: the sum stays zero (or takes up the NaN of a score).
      sum[row] += RC_VARIANT(exponentiate)(scores + start, end - start, 0);
      correction[row] = 0;
      continue;
    }
    float factor = before == largest ? 1.0f : before == -INFINITY ? 0.0f : expf(before - largest);
    double added =
      start < end ? RC_VARIANT(exponentiate)(scores + start, end - start, largest) : 0;
    maximum[row] = largest;
    sum[row] = sum[row] * (double)factor + added;
    correction[row] = factor;
  }
}

static void RC_VARIANT(scale_rows)(float *x, ptrdiff_t rows, ptrdiff_t width, ptrdiff_t stride,
                                   const float *factors) {
  for (ptrdiff_t row = 0; row < rows; row++, x += stride) {
    float factor = factors[row];
    if (factor == 1.0f) continue;
    if (factor == 0.0f) {
      memset(x, 0, (size_t)width * sizeof(float));
      continue;
    }
    for (ptrdiff_t i = 0; i < width; i++) x[i] *= factor;
  }
}

static void RC_VARIANT(divide_rows)(float *x, ptrdiff_t rows, ptrdiff_t width, ptrdiff_t stride,
                                    const double *sums) {
  for (ptrdiff_t row = 0; row < rows; row++, x += stride) {
    if (sums[row] == 0) {
      memset(x, 0, (size_t)width * sizeof(float));
      continue;
    }
    float factor = (float)(1.0 / sums[row]);
    for (ptrdiff_t i = 0; i < width; i++) x[i] *= factor;
  }
}
