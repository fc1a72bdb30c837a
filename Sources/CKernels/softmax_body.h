#include "lanes.h"
#include "exponential.h"
#include "factors.h"

// Caps the scores and returns their maximum.
RC_INLINE float RC_VARIANT(cap_and_maximum)(float *x, ptrdiff_t count, float softcap) {
  ptrdiff_t whole = count - count % RC_LANES;
  rc_floats largest = -INFINITY;
  float inverse = softcap > 0 ? 1.0f / softcap : 0;
  ptrdiff_t i = 0;
  if (softcap > 0) {
    for (; i < whole; i += RC_LANES) {
      rc_floats v = softcap * RC_VARIANT(tanh)(RC_VARIANT(load)(x + i) * inverse);
      RC_VARIANT(store)(x + i, v);
      largest = RC_VARIANT(larger)(v, largest);
    }
  }
  // Four at a time, which do not wait for each other.
  rc_floats others[3] = {largest, largest, largest};
  for (; i + 4 * RC_LANES <= whole; i += 4 * RC_LANES) {
    largest = RC_VARIANT(larger)(RC_VARIANT(load)(x + i), largest);
    for (int k = 0; k < 3; k++) {
      others[k] = RC_VARIANT(larger)(RC_VARIANT(load)(x + i + (k + 1) * RC_LANES), others[k]);
    }
  }
  for (; i < whole; i += RC_LANES) largest = RC_VARIANT(larger)(RC_VARIANT(load)(x + i), largest);
  for (int k = 0; k < 3; k++) largest = RC_VARIANT(larger)(others[k], largest);
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

// Puts exp(score - maximum) and returns their sum. A lane adds up at most some hundred floats before
// doubles take over: no more is lost than by rounding the exponentials themselves.
RC_INLINE double RC_VARIANT(exponentiate)(const float *x, ptrdiff_t count, float maximum, int form,
                                          void *y, ptrdiff_t first) {
  ptrdiff_t whole = count - count % RC_LANES;
  rc_floats sums = 0;
  for (ptrdiff_t i = 0; i < whole; i += RC_LANES) {
    rc_floats v = RC_VARIANT(exp_negative)(RC_VARIANT(load)(x + i) - maximum);
    RC_VARIANT(put)(form, y, first + i, v);
    sums += v;
  }
  if (whole < count) {
    rc_floats v = RC_VARIANT(load_part)(x + whole, count - whole, -INFINITY);
    v = RC_VARIANT(exp_negative)(v - maximum);
    RC_VARIANT(put_part)(form, y, first + whole, v, count - whole);
    sums += v;
  }
  return RC_VARIANT(total)(rc_to_doubles(sums));
}

static void RC_VARIANT(softmax_tile)(float *scores, ptrdiff_t stride, ptrdiff_t rows,
                                     ptrdiff_t keys, ptrdiff_t first_query, ptrdiff_t first_key,
                                     ptrdiff_t window, float softcap, float *maximum, double *sum,
                                     float *correction, int form, void *weights,
                                     ptrdiff_t weights_stride) {
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
    size_t size = form == RC_BFLOAT16 ? sizeof(uint16_t) : sizeof(float);
    memset(weights, 0, (size_t)start * size);
    memset(RC_VARIANT(advanced)(form, weights, end), 0, (size_t)(keys - end) * size);
    // While nothing was visible the sum stays zero (or takes up the NaN of a score).
    int empty = largest == -INFINITY;
    float factor = empty || before == -INFINITY ? 0.0f
                   : before == largest          ? 1.0f
                                                : expf(before - largest);
    double added = 0;
    if (start < end) {
      added = RC_VARIANT(exponentiate)(scores + start, end - start, empty ? 0 : largest, form,
                                       weights, start);
    }
    maximum[row] = largest;
    sum[row] = empty ? sum[row] + added : sum[row] * (double)factor + added;
    correction[row] = factor;
    weights = RC_VARIANT(advanced)(form, weights, weights_stride);
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

static void RC_VARIANT(divide_rows)(const float *x, ptrdiff_t x_stride, ptrdiff_t rows,
                                    ptrdiff_t width, const double *sums, float *y,
                                    ptrdiff_t y_stride) {
  for (ptrdiff_t row = 0; row < rows; row++, x += x_stride, y += y_stride) {
    if (sums[row] == 0) {
      memset(y, 0, (size_t)width * sizeof(float));
      continue;
    }
    float factor = (float)(1.0 / sums[row]);
    for (ptrdiff_t i = 0; i < width; i++) y[i] = x[i] * factor;
  }
}
