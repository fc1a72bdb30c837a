// Stores in the forms that factors of matrix products have: float32, float32 rounded to bfloat16, or
// bfloat16. Included by the bodies after lanes.h, once per variant.
#ifndef CKERNELS_FACTORS_H
#define CKERNELS_FACTORS_H
typedef uint16_t rc_shorts __attribute__((ext_vector_type(16)));
#endif

// The bits of bfloat16 numbers in the upper halves: to nearest, ties to even; NaN becomes quiet. By
// integers, so that every instruction set gives the same.
RC_INLINE rc_words RC_VARIANT(rounded)(rc_floats v) {
  rc_words bits = (rc_words)v;
  rc_words nearest = bits + 0x7FFFu + (bits >> 16 & 1u);
  rc_words quiet = bits | 0x400000u;
  return (v == v ? nearest : quiet) & 0xFFFF0000u;
}

// Lanes i ... of a row.
RC_INLINE void RC_VARIANT(put)(int form, void *y, ptrdiff_t i, rc_floats v) {
  if (form == RC_FLOAT) {
    RC_VARIANT(store)((float *)y + i, v);
  } else if (form == RC_ROUNDED) {
    RC_VARIANT(store)((float *)y + i, (rc_floats)RC_VARIANT(rounded)(v));
  } else {
    rc_shorts upper = __builtin_convertvector(RC_VARIANT(rounded)(v) >> 16, rc_shorts);
    memcpy((uint16_t *)y + i, &upper, sizeof upper);
  }
}

// The first `count` of them.
RC_INLINE void RC_VARIANT(put_part)(int form, void *y, ptrdiff_t i, rc_floats v,
                                    ptrdiff_t count) {
  if (form == RC_BFLOAT16) {
    uint16_t lanes[RC_LANES];
    RC_VARIANT(put)(form, lanes, 0, v);
    memcpy((uint16_t *)y + i, lanes, (size_t)count * sizeof(uint16_t));
  } else {
    float lanes[RC_LANES];
    RC_VARIANT(put)(form, lanes, 0, v);
    memcpy((float *)y + i, lanes, (size_t)count * sizeof(float));
  }
}

RC_INLINE void *RC_VARIANT(advanced)(int form, void *y, ptrdiff_t elements) {
  return (char *)y + elements * (ptrdiff_t)(form == RC_BFLOAT16 ? sizeof(uint16_t) : sizeof(float));
}
