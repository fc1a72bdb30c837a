#include "lanes.h"
#include "exponential.h"

#ifndef RC_SHORT_SUM
#define RC_SHORT_SUM (16 * RC_LANES)
#endif

RC_INLINE rc_floats RC_VARIANT(capped)(rc_floats v, float softcap, float inverse) {
  return softcap > 0 ? softcap * RC_VARIANT(tanh)(v * inverse) : v;
}

static void RC_VARIANT(log_sum_exp)(const float *logits, ptrdiff_t stride, ptrdiff_t rows,
                                    ptrdiff_t columns, float softcap, float *maximum,
                                    double *sum) {
  ptrdiff_t whole = columns - columns % RC_LANES;
  ptrdiff_t rest = columns - whole;
  float inverse = softcap > 0 ? 1.0f / softcap : 0;
  for (ptrdiff_t row = 0; row < rows; row++, logits += stride) {
    rc_floats lanes = -INFINITY;
    for (ptrdiff_t i = 0; i < whole; i += RC_LANES) {
      lanes = RC_VARIANT(larger)(RC_VARIANT(load)(logits + i), lanes);
    }
    lanes = RC_VARIANT(larger)(RC_VARIANT(load_part)(logits + whole, rest, -INFINITY), lanes);
    float largest = RC_VARIANT(maximum)(lanes);
    // The cap is monotone: the cap of the largest is the largest of the capped.
    if (largest > -INFINITY) largest = RC_VARIANT(capped)((rc_floats)largest, softcap, inverse)[0];
    float before = maximum[row];
    if (before > largest) largest = before;
    // While everything is -infinity the sum stays zero (or takes up the NaN of a logit).
    float reference = largest == -INFINITY ? 0 : largest;

    // A lane adds up a few floats before doubles take over.
    rc_doubles sums = 0;
    for (ptrdiff_t start = 0; start < whole; start += RC_SHORT_SUM) {
      ptrdiff_t end = start + RC_SHORT_SUM < whole ? start + RC_SHORT_SUM : whole;
      rc_floats part = 0;
      for (ptrdiff_t i = start; i < end; i += RC_LANES) {
        rc_floats v = RC_VARIANT(capped)(RC_VARIANT(load)(logits + i), softcap, inverse);
        part += RC_VARIANT(exp_negative)(v - reference);
      }
      sums += rc_to_doubles(part);
    }
    if (rest > 0) {
      rc_floats v = RC_VARIANT(load_part)(logits + whole, rest, 0);
      v = RC_VARIANT(capped)(v, softcap, inverse);
      float part[RC_LANES];
      RC_VARIANT(store)(part, v);
      v = RC_VARIANT(load_part)(part, rest, -INFINITY);
      sums += rc_to_doubles(RC_VARIANT(exp_negative)(v - reference));
    }
    double factor = before == -INFINITY ? 1 : exp((double)before - (double)largest);
    maximum[row] = largest;
    sum[row] = sum[row] * factor + RC_VARIANT(total)(sums);
  }
}

static void RC_VARIANT(expected_difference)(const float *logits, const float *others,
                                            ptrdiff_t stride, ptrdiff_t rows, ptrdiff_t columns,
                                            float *maximum, double *sum, double *weighted) {
  ptrdiff_t whole = columns - columns % RC_LANES;
  ptrdiff_t rest = columns - whole;
  for (ptrdiff_t row = 0; row < rows; row++, logits += stride, others += stride) {
    rc_floats lanes = -INFINITY;
    for (ptrdiff_t i = 0; i < whole; i += RC_LANES) {
      lanes = RC_VARIANT(larger)(RC_VARIANT(load)(logits + i), lanes);
    }
    lanes = RC_VARIANT(larger)(RC_VARIANT(load_part)(logits + whole, rest, -INFINITY), lanes);
    float largest = RC_VARIANT(maximum)(lanes);
    float before = maximum[row];
    if (before > largest) largest = before;
    float reference = largest == -INFINITY ? 0 : largest;

    // The same sums as above, to the last digit: a model must not differ from itself.
    rc_doubles sums = 0;
    rc_doubles products = 0;
    for (ptrdiff_t start = 0; start < whole; start += RC_SHORT_SUM) {
      ptrdiff_t end = start + RC_SHORT_SUM < whole ? start + RC_SHORT_SUM : whole;
      rc_floats part = 0;
      for (ptrdiff_t i = start; i < end; i += RC_LANES) {
        rc_floats v = RC_VARIANT(load)(logits + i);
        rc_floats difference = v - RC_VARIANT(load)(others + i);
        rc_floats weight = RC_VARIANT(exp_negative)(v - reference);
        part += weight;
        products += rc_to_doubles(weight * difference);
      }
      sums += rc_to_doubles(part);
    }
    if (rest > 0) {
      // Lanes beyond the row get weight 0 and difference 0.
      rc_floats v = RC_VARIANT(load_part)(logits + whole, rest, -INFINITY);
      rc_floats weight = RC_VARIANT(exp_negative)(v - reference);
      rc_floats difference = RC_VARIANT(load_part)(logits + whole, rest, 0) -
                             RC_VARIANT(load_part)(others + whole, rest, 0);
      sums += rc_to_doubles(weight);
      products += rc_to_doubles(weight * difference);
    }
    double factor = before == -INFINITY ? 1 : exp((double)before - (double)largest);
    maximum[row] = largest;
    sum[row] = sum[row] * factor + RC_VARIANT(total)(sums);
    weighted[row] = weighted[row] * factor + RC_VARIANT(total)(products);
  }
}
