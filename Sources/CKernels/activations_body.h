#include "lanes.h"
#include "exponential.h"
#include "factors.h"

RC_INLINE rc_floats RC_VARIANT(silu)(rc_floats x) { return x / (1.0f + RC_VARIANT(exp)(-x)); }

// x (1 + tanh(u)) / 2 = x / (1 + exp(-2u)), u = sqrt(2 / pi) (x + 0.044715 x^3).
RC_INLINE rc_floats RC_VARIANT(gelu_tanh)(rc_floats x) {
  rc_floats u = x * (1.0f + 0.044715f * (x * x));
  return x / (1.0f + RC_VARIANT(exp)(u * -1.5957691216057308f));
}

// x Phi(x); Phi from the tail beyond |x|, so that small results keep their relative precision.
RC_INLINE rc_floats RC_VARIANT(gelu)(rc_floats x) {
  rc_floats tail = 0.5f * RC_VARIANT(normal_tail)(RC_VARIANT(absolute)(x));
  return x * (x < 0.0f ? tail : 1.0f - tail);
}

RC_INLINE rc_floats RC_VARIANT(relu)(rc_floats x) { return x < 0.0f ? (rc_floats)0.0f : x; }

RC_INLINE rc_floats RC_VARIANT(relu_squared)(rc_floats x) {
  rc_floats positive = RC_VARIANT(relu)(x);
  return positive * positive;
}

#define RC_EVERY_LANE(function)                                                        \
  for (ptrdiff_t i = 0; i < whole; i += RC_LANES) {                                    \
    rc_floats v = function(RC_VARIANT(load)(x + i));                                   \
    if (up != NULL) v *= RC_VARIANT(load)(up + i);                                     \
    RC_VARIANT(put)(form, y, i, v);                                                    \
  }                                                                                    \
  if (whole < count) {                                                                 \
    rc_floats v = function(RC_VARIANT(load_part)(x + whole, count - whole, 0));        \
    if (up != NULL) v *= RC_VARIANT(load_part)(up + whole, count - whole, 0);          \
    RC_VARIANT(put_part)(form, y, whole, v, count - whole);                            \
  }                                                                                    \
  break

static void RC_VARIANT(activate)(int kind, const float *x, const float *up, int form, void *y,
                                 ptrdiff_t count) {
  ptrdiff_t whole = count - count % RC_LANES;
  switch (kind) {
    case RC_SILU: RC_EVERY_LANE(RC_VARIANT(silu));
    case RC_GELU_TANH: RC_EVERY_LANE(RC_VARIANT(gelu_tanh));
    case RC_GELU: RC_EVERY_LANE(RC_VARIANT(gelu));
    case RC_RELU: RC_EVERY_LANE(RC_VARIANT(relu));
    default: RC_EVERY_LANE(RC_VARIANT(relu_squared));
  }
}

#undef RC_EVERY_LANE

// (u + 1) g / (1 + exp(-slope g)), g no more than the limit, u no farther from 0 than it. NaN stays.
RC_INLINE rc_floats RC_VARIANT(clamped)(rc_floats x, rc_floats up, float slope, float limit) {
  x = x > limit ? (rc_floats)limit : x;
  up = up > limit ? (rc_floats)limit : up;
  up = up < -limit ? (rc_floats)-limit : up;
  return (up + 1.0f) * (x / (1.0f + RC_VARIANT(exp)(-slope * x)));
}

static void RC_VARIANT(clamped_gate)(const float *x, const float *up, float slope, float limit,
                                     int form, void *y, ptrdiff_t count) {
  ptrdiff_t whole = count - count % RC_LANES;
  for (ptrdiff_t i = 0; i < whole; i += RC_LANES) {
    rc_floats v =
      RC_VARIANT(clamped)(RC_VARIANT(load)(x + i), RC_VARIANT(load)(up + i), slope, limit);
    RC_VARIANT(put)(form, y, i, v);
  }
  if (whole < count) {
    rc_floats v =
      RC_VARIANT(clamped)(RC_VARIANT(load_part)(x + whole, count - whole, 0),
                          RC_VARIANT(load_part)(up + whole, count - whole, 0), slope, limit);
    RC_VARIANT(put_part)(form, y, whole, v, count - whole);
  }
}
