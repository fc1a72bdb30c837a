// Sixteen float lanes, the same on every instruction set, so that sums have the same order on all
// of them. Included by the bodies, once per variant: RC_VARIANT names every function.
#ifndef CKERNELS_LANES_H
#define CKERNELS_LANES_H
#include <math.h>
#include <string.h>

enum { RC_LANES = 16 };
typedef float rc_floats __attribute__((ext_vector_type(16)));
typedef double rc_doubles __attribute__((ext_vector_type(16)));
typedef int32_t rc_ints __attribute__((ext_vector_type(16)));
typedef uint32_t rc_words __attribute__((ext_vector_type(16)));

#define RC_INLINE static inline __attribute__((always_inline, unused))
#define rc_to_doubles(x) __builtin_convertvector(x, rc_doubles)
#define rc_to_floats(x) __builtin_convertvector(x, rc_floats)
#endif

RC_INLINE rc_floats RC_VARIANT(load)(const float *x) {
  rc_floats v;
  memcpy(&v, x, sizeof v);
  return v;
}

RC_INLINE void RC_VARIANT(store)(float *x, rc_floats v) { memcpy(x, &v, sizeof v); }

// The first `count` lanes from memory, the others from `fill`.
RC_INLINE rc_floats RC_VARIANT(load_part)(const float *x, ptrdiff_t count, float fill) {
  float lanes[RC_LANES];
  for (int i = 0; i < RC_LANES; i++) lanes[i] = fill;
  for (ptrdiff_t i = 0; i < count; i++) lanes[i] = x[i];
  return RC_VARIANT(load)(lanes);
}

RC_INLINE void RC_VARIANT(store_part)(float *x, rc_floats v, ptrdiff_t count) {
  float lanes[RC_LANES];
  RC_VARIANT(store)(lanes, v);
  for (ptrdiff_t i = 0; i < count; i++) x[i] = lanes[i];
}

RC_INLINE double RC_VARIANT(total)(rc_doubles v) {
  double lanes[RC_LANES];
  memcpy(lanes, &v, sizeof v);
  for (int half = RC_LANES / 2; half > 0; half /= 2) {
    for (int i = 0; i < half; i++) lanes[i] += lanes[i + half];
  }
  return lanes[0];
}

RC_INLINE rc_floats RC_VARIANT(larger)(rc_floats a, rc_floats b) { return a > b ? a : b; }

RC_INLINE float RC_VARIANT(maximum)(rc_floats v) {
  float lanes[RC_LANES];
  RC_VARIANT(store)(lanes, v);
  float result = lanes[0];
  for (int i = 1; i < RC_LANES; i++) result = lanes[i] > result ? lanes[i] : result;
  return result;
}
