// Blocks of 32 elements with levels at equal distances (layouts: decode_blocks32.h). q4_0 and q5_0
// give the lowest level to the element of largest magnitude, q4_1 and q5_1 span the block's range,
// q8_0 spans its largest magnitude both ways. Levels come from the scale before it is rounded to
// half precision.

// The first element of largest magnitude; 0 for a block of zeros.
RC_INLINE float RC_VARIANT(extreme)(const float *x) {
  float extreme = 0, magnitude = 0;
  for (int i = 0; i < 32; i++) {
    float own = fabsf(x[i]);
    extreme = own > magnitude ? x[i] : extreme;
    magnitude = own > magnitude ? own : magnitude;
  }
  return extreme;
}

RC_INLINE float RC_VARIANT(inverse)(float scale) { return scale != 0 ? 1.0f / scale : 0.0f; }

// Towards zero. The inverse of a scale below 2^-128 is infinite: such a block's scale is stored as
// 0, and its levels, which say nothing, are 0.
RC_INLINE int RC_VARIANT(truncated)(float x) { return (int)(fabsf(x) < 0x1p31f ? x : 0.0f); }

RC_INLINE void RC_VARIANT(levels)(const float *x, float offset, float factor, float shift,
                                  int most, uint8_t *q) {
  for (int i = 0; i < 32; i++) {
    int level = RC_VARIANT(truncated)((x[i] - offset) * factor + shift);
    q[i] = (uint8_t)(level < most ? level : most);
  }
}

RC_INLINE void RC_VARIANT(store_nibbles)(const uint8_t *q, uint8_t *bytes) {
  for (int i = 0; i < 16; i++) bytes[i] = (uint8_t)((q[i] & 15) | q[16 + i] << 4);
}

RC_INLINE void RC_VARIANT(store_fifth_bits)(const uint8_t *q, uint8_t *bytes) {
  uint32_t fifth = 0;
  for (int i = 0; i < 32; i++) fifth |= (uint32_t)(q[i] >> 4 & 1) << i;
  memcpy(bytes, &fifth, sizeof fifth);
}

static int RC_VARIANT(encode_q4_0)(const float *x, uint8_t *bytes, size_t blocks) {
  int overflow = 0;
  uint8_t q[32];
  for (size_t block = 0; block < blocks; block++, x += RC_BLOCK, bytes += RC_Q4_0_BYTES) {
    float d = RC_VARIANT(extreme)(x) / -8.0f;
    overflow |= RC_VARIANT(store_half)(bytes, d);
    RC_VARIANT(levels)(x, 0.0f, RC_VARIANT(inverse)(d), 8.5f, 15, q);
    RC_VARIANT(store_nibbles)(q, bytes + 2);
  }
  return overflow;
}

static int RC_VARIANT(encode_q5_0)(const float *x, uint8_t *bytes, size_t blocks) {
  int overflow = 0;
  uint8_t q[32];
  for (size_t block = 0; block < blocks; block++, x += RC_BLOCK, bytes += RC_Q5_0_BYTES) {
    float d = RC_VARIANT(extreme)(x) / -16.0f;
    overflow |= RC_VARIANT(store_half)(bytes, d);
    RC_VARIANT(levels)(x, 0.0f, RC_VARIANT(inverse)(d), 16.5f, 31, q);
    RC_VARIANT(store_fifth_bits)(q, bytes + 2);
    RC_VARIANT(store_nibbles)(q, bytes + 6);
  }
  return overflow;
}

// Scale and minimum of a block whose highest level is `most`, and its levels.
RC_INLINE int RC_VARIANT(span)(const float *x, int most, uint8_t *bytes, uint8_t *q) {
  float minimum = x[0], maximum = x[0];
  for (int i = 1; i < 32; i++) {
    minimum = x[i] < minimum ? x[i] : minimum;
    maximum = x[i] > maximum ? x[i] : maximum;
  }
  float d = (maximum - minimum) / (float)most;
  int overflow = RC_VARIANT(store_half)(bytes, d);
  overflow |= RC_VARIANT(store_half)(bytes + 2, minimum);
  RC_VARIANT(levels)(x, minimum, RC_VARIANT(inverse)(d), 0.5f, most, q);
  return overflow;
}

static int RC_VARIANT(encode_q4_1)(const float *x, uint8_t *bytes, size_t blocks) {
  int overflow = 0;
  uint8_t q[32];
  for (size_t block = 0; block < blocks; block++, x += RC_BLOCK, bytes += RC_Q4_1_BYTES) {
    overflow |= RC_VARIANT(span)(x, 15, bytes, q);
    RC_VARIANT(store_nibbles)(q, bytes + 4);
  }
  return overflow;
}

static int RC_VARIANT(encode_q5_1)(const float *x, uint8_t *bytes, size_t blocks) {
  int overflow = 0;
  uint8_t q[32];
  for (size_t block = 0; block < blocks; block++, x += RC_BLOCK, bytes += RC_Q5_1_BYTES) {
    overflow |= RC_VARIANT(span)(x, 31, bytes, q);
    RC_VARIANT(store_fifth_bits)(q, bytes + 4);
    RC_VARIANT(store_nibbles)(q, bytes + 8);
  }
  return overflow;
}

static int RC_VARIANT(encode_q8_0)(const float *x, uint8_t *bytes, size_t blocks) {
  int overflow = 0;
  for (size_t block = 0; block < blocks; block++, x += RC_BLOCK, bytes += RC_Q8_0_BYTES) {
    float d = fabsf(RC_VARIANT(extreme)(x)) / 127.0f;
    overflow |= RC_VARIANT(store_half)(bytes, d);
    float factor = RC_VARIANT(inverse)(d);
    for (int i = 0; i < 32; i++) {
      // To nearest, ties away from zero: the largest float below a half is added.
      float scaled = x[i] * factor;
      int level = RC_VARIANT(truncated)(scaled + copysignf(0x1.fffffep-2f, scaled));
      bytes[2 + i] = (uint8_t)(int8_t)level;
    }
  }
  return overflow;
}

// With an importance matrix, for whole rows: weights count an element beside the mean square of its row.

// Sixteen blocks of levels -most ... most - 1, which are returned plus `most`, and their scales.
static void RC_VARIANT(weighted_scales)(const float *x, const float *importance, float mean_square, size_t runs,
                                        int most, float *scales, uint8_t *q) {
  rc_floats lanes[32], weights[32], scale;
  rc_ints levels[32];
  RC_VARIANT(gather_runs)(x, runs, 32, lanes);
  RC_VARIANT(weigh)(lanes, importance, (rc_floats)mean_square, runs, 32, weights);
  RC_VARIANT(fit_scale)(lanes, weights, 32, most, &scale, levels);
  RC_VARIANT(store)(scales, scale);
  RC_VARIANT(scatter_runs)(levels, 32, q);
}

// Sixteen blocks of levels 0 ... most with a minimum.
static void RC_VARIANT(weighted_lines)(const float *x, const float *importance, float mean_square, size_t runs,
                                       int most, float *scales, float *minima, uint8_t *q) {
  rc_floats lanes[32], weights[32], scale, minimum;
  rc_ints levels[32];
  RC_VARIANT(gather_runs)(x, runs, 32, lanes);
  RC_VARIANT(weigh)(lanes, importance, (rc_floats)mean_square, runs, 32, weights);
  RC_VARIANT(fit_weighted_line)(lanes, weights, 32, most, &scale, &minimum, levels);
  RC_VARIANT(store)(scales, scale);
  RC_VARIANT(store)(minima, minimum);
  RC_VARIANT(scatter_runs)(levels, 32, q);
}

// A row of q4_0, q4_1, q5_0 or q5_1.
static int RC_VARIANT(encode_weighted_row)(int type, const float *x, const float *importance, uint8_t *bytes,
                                           size_t blocks) {
  int has_minimum = type == RC_Q4_1 || type == RC_Q5_1, has_fifth = type == RC_Q5_0 || type == RC_Q5_1;
  size_t size = 18 + (has_minimum ? 2 : 0) + (has_fifth ? 4 : 0);
  int overflow = 0;
  float mean_square = RC_VARIANT(sum_of_squares)(x, blocks * 32) / (float)(blocks * 32);
  for (size_t first = 0; first < blocks; first += RC_LANES) {
    size_t runs = blocks - first < RC_LANES ? blocks - first : RC_LANES;
    const float *elements = x + first * 32, *columns = importance + first * 32;
    float scales[RC_LANES], minima[RC_LANES];
    uint8_t q[RC_LANES * 32];
    if (has_minimum) {
      RC_VARIANT(weighted_lines)(elements, columns, mean_square, runs, has_fifth ? 31 : 15, scales, minima, q);
    } else {
      RC_VARIANT(weighted_scales)(elements, columns, mean_square, runs, has_fifth ? 16 : 8, scales, q);
    }
    for (size_t run = 0; run < runs; run++, bytes += size) {
      uint8_t *rest = bytes + 2;
      overflow |= RC_VARIANT(store_half)(bytes, scales[run]);
      if (has_minimum) {
        overflow |= RC_VARIANT(store_half)(rest, minima[run]);
        rest += 2;
      }
      if (has_fifth) {
        RC_VARIANT(store_fifth_bits)(q + run * 32, rest);
        rest += 4;
      }
      RC_VARIANT(store_nibbles)(q + run * 32, rest);
    }
  }
  return overflow;
}
