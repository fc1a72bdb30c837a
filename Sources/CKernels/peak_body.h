#include "lanes.h"

// `chains` sums of sixteen lanes that do not wait for each other; the compiler keeps them in
// registers because their number is a constant wherever this is inlined.
RC_INLINE float RC_VARIANT(sums)(const int chains, ptrdiff_t steps, float seed) {
  rc_floats sums[12];
  rc_floats factor = (rc_floats)(seed);
#pragma unroll
  for (int i = 0; i < chains; i++) sums[i] = (rc_floats)((float)i);
  for (ptrdiff_t step = 0; step < steps; step++) {
#pragma unroll
    for (int i = 0; i < chains; i++) sums[i] = sums[i] * factor + factor;
  }
  rc_floats total = sums[0];
#pragma unroll
  for (int i = 1; i < chains; i++) total += sums[i];
  return (float)RC_VARIANT(total)(rc_to_doubles(total));
}

static void RC_VARIANT(peak_multiply_add)(int chains, ptrdiff_t steps, float seed, float *result) {
  switch (chains) {
    case 3: *result = RC_VARIANT(sums)(3, steps, seed); break;
    case 5: *result = RC_VARIANT(sums)(5, steps, seed); break;
    default: *result = RC_VARIANT(sums)(12, steps, seed); break;
  }
}

static void RC_VARIANT(peak_triad)(const float *a, const float *b, float factor, float *y,
                                   ptrdiff_t count) {
  ptrdiff_t whole = count - count % RC_LANES;
  for (ptrdiff_t i = 0; i < whole; i += RC_LANES) {
    RC_VARIANT(store)(y + i, RC_VARIANT(load)(a + i) + RC_VARIANT(load)(b + i) * factor);
  }
  for (ptrdiff_t i = whole; i < count; i++) y[i] = a[i] + b[i] * factor;
}
