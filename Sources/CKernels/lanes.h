// Sixteen float lanes, the same on every instruction set, so that sums have the same order on all
// of them. Included by the bodies, once per variant: RC_VARIANT names every function.
#ifndef CKERNELS_LANES_H
#define CKERNELS_LANES_H
#include <math.h>
#include <string.h>

enum { RC_LANES = 16 };
typedef float rc_floats __attribute__((ext_vector_type(16)));
typedef double rc_doubles __attribute__((ext_vector_type(16)));
typedef float rc_floats_8 __attribute__((ext_vector_type(8)));
typedef float rc_floats_4 __attribute__((ext_vector_type(4)));
typedef float rc_floats_2 __attribute__((ext_vector_type(2)));
typedef double rc_doubles_8 __attribute__((ext_vector_type(8)));
typedef double rc_doubles_4 __attribute__((ext_vector_type(4)));
typedef double rc_doubles_2 __attribute__((ext_vector_type(2)));
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

// The lower or the upper half of a vector's lanes.
#define rc_lower_8(v) __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7)
#define rc_upper_8(v) __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15)
#define rc_lower_4(v) __builtin_shufflevector(v, v, 0, 1, 2, 3)
#define rc_upper_4(v) __builtin_shufflevector(v, v, 4, 5, 6, 7)
#define rc_lower_2(v) __builtin_shufflevector(v, v, 0, 1)
#define rc_upper_2(v) __builtin_shufflevector(v, v, 2, 3)

// Sums of halves, of their halves and so on.
RC_INLINE double RC_VARIANT(total)(rc_doubles v) {
  rc_doubles_8 eight = rc_lower_8(v) + rc_upper_8(v);
  rc_doubles_4 four = rc_lower_4(eight) + rc_upper_4(eight);
  rc_doubles_2 two = rc_lower_2(four) + rc_upper_2(four);
  return two[0] + two[1];
}

RC_INLINE rc_floats RC_VARIANT(larger)(rc_floats a, rc_floats b) { return a > b ? a : b; }

RC_INLINE float RC_VARIANT(maximum)(rc_floats v) {
  rc_floats_8 eight = rc_lower_8(v), upper_8 = rc_upper_8(v);
  eight = eight > upper_8 ? eight : upper_8;
  rc_floats_4 four = rc_lower_4(eight), upper_4 = rc_upper_4(eight);
  four = four > upper_4 ? four : upper_4;
  rc_floats_2 two = rc_lower_2(four), upper_2 = rc_upper_2(four);
  two = two > upper_2 ? two : upper_2;
  return two[0] > two[1] ? two[0] : two[1];
}
