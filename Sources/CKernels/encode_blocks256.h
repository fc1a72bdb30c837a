// Blocks of 256 elements (layouts: decode_blocks256.h). Every group's scale (and minimum) is
// searched for the least weighted squared error, then rounded to an integer times the block's d (and
// dmin); levels are chosen again for the rounded ones.

// Fits levels 0 ... most times a scale plus a minimum of at most 0 to every lane's 32 elements,
// weighted by their magnitude plus the group's RMS. The range is divided into most + first,
// most + first + 0.1, ... steps in turn; each division's least-squares line is kept if it is better.
RC_INLINE void RC_VARIANT(fit_line)(const rc_floats *x, int most, float first, int steps,
                                    rc_floats *best_scale, rc_floats *best_minimum,
                                    rc_ints *best_levels) {
  rc_floats squares = 0, weights[32], levels[32];
  for (int i = 0; i < 32; i++) squares += x[i] * x[i];
  rc_floats average = __builtin_elementwise_sqrt(squares / 32.0f);
  for (int i = 0; i < 32; i++) weights[i] = average + __builtin_elementwise_abs(x[i]);
  rc_floats minimum = x[0], maximum = x[0], sum_w = weights[0], sum_x = weights[0] * x[0];
  for (int i = 1; i < 32; i++) {
    minimum = x[i] < minimum ? x[i] : minimum;
    maximum = x[i] > maximum ? x[i] : maximum;
    sum_w += weights[i];
    sum_x += weights[i] * x[i];
  }
  minimum = minimum > 0 ? (rc_floats)0.0f : minimum;
  rc_ints flat = maximum == minimum;

  rc_floats factor = (float)most / (maximum - minimum), scale = 1.0f / factor, best_error = 0;
  for (int i = 0; i < 32; i++) {
    rc_floats level = rc_ints_to_floats(
      RC_VARIANT(clamp)(RC_VARIANT(nearest_of_lanes)(factor * (x[i] - minimum)), 0, most));
    rc_floats error = scale * level + minimum - x[i];
    best_error += weights[i] * (error * error);
  }
  // The levels of the best line so far are those of this factor and offset.
  rc_floats best_factor = factor, best_offset = minimum;
  for (int step = 0; step <= steps; step++) {
    factor = (first + 0.1f * (float)step + (float)most) / (maximum - minimum);
    rc_floats sum_l = 0, sum_l2 = 0, sum_xl = 0;
    for (int i = 0; i < 32; i++) {
      levels[i] = rc_ints_to_floats(
        RC_VARIANT(clamp)(RC_VARIANT(nearest_of_lanes)(factor * (x[i] - minimum)), 0, most));
      rc_floats weighted = weights[i] * levels[i];
      sum_l += weighted;
      sum_l2 += weighted * levels[i];
      sum_xl += weighted * x[i];
    }
    rc_floats determinant = sum_w * sum_l2 - sum_l * sum_l;
    rc_floats line_scale = (sum_w * sum_xl - sum_x * sum_l) / determinant;
    rc_floats line_minimum = (sum_l2 * sum_x - sum_l * sum_xl) / determinant;
    rc_ints above = line_minimum > 0;
    line_scale = above ? sum_xl / sum_l2 : line_scale;
    line_minimum = above ? (rc_floats)0.0f : line_minimum;
    rc_floats sum_error = 0;
    for (int i = 0; i < 32; i++) {
      rc_floats error = line_scale * levels[i] + line_minimum - x[i];
      sum_error += weights[i] * (error * error);
    }
    rc_ints better = (determinant > 0) & (sum_error < best_error);
    best_error = better ? sum_error : best_error;
    best_factor = better ? factor : best_factor;
    best_offset = better ? minimum : best_offset;
    scale = better ? line_scale : scale;
    // The next divisions start from the new minimum, as the reference's do.
    minimum = better ? line_minimum : minimum;
  }
  best_factor = flat ? (rc_floats)0.0f : best_factor;
  for (int i = 0; i < 32; i++) {
    best_levels[i] = RC_VARIANT(clamp)(
      RC_VARIANT(nearest_of_lanes)(best_factor * (x[i] - best_offset)), 0, most);
  }
  *best_scale = flat ? (rc_floats)0.0f : scale;
  *best_minimum = minimum;
}

RC_INLINE float RC_VARIANT(largest)(const float *x, int count) {
  float largest = 0;
  for (int i = 0; i < count; i++) largest = x[i] > largest ? x[i] : largest;
  return largest;
}

// A group's scale or minimum in 6 bits.
RC_INLINE int RC_VARIANT(six_bits)(float x) {
  uint8_t rounded = (uint8_t)RC_VARIANT(nearest)(x);
  return rounded < 63 ? rounded : 63;
}

// The first 16 bytes of q4_k and q5_k: d, dmin, and eight scales and minima of 6 bits. The fitted
// ones are replaced by what is stored.
RC_INLINE int RC_VARIANT(store_scales)(float *scales, float *offsets, uint8_t *bytes) {
  float most_scale = RC_VARIANT(largest)(scales, 8), most_offset = RC_VARIANT(largest)(offsets, 8);
  float scale_factor = most_scale > 0 ? 63.0f / most_scale : 0.0f;
  float offset_factor = most_offset > 0 ? 63.0f / most_offset : 0.0f;
  int overflow = RC_VARIANT(store_half)(bytes, most_scale / 63.0f);
  overflow |= RC_VARIANT(store_half)(bytes + 2, most_offset / 63.0f);
  float d = RC_VARIANT(load_half)(bytes), dmin = RC_VARIANT(load_half)(bytes + 2);
  uint8_t *packed = bytes + 4;
  for (int group = 0; group < 8; group++) {
    int scale = RC_VARIANT(six_bits)(scale_factor * scales[group]);
    int offset = RC_VARIANT(six_bits)(offset_factor * offsets[group]);
    if (group < 4) {
      packed[group] = (uint8_t)scale;
      packed[group + 4] = (uint8_t)offset;
    } else {
      packed[group + 4] = (uint8_t)((scale & 15) | (offset & 15) << 4);
      packed[group - 4] |= (uint8_t)(scale >> 4 << 6);
      packed[group] |= (uint8_t)(offset >> 4 << 6);
    }
    scales[group] = d * (float)scale;
    offsets[group] = dmin * (float)offset;
  }
  return overflow;
}

// One or two blocks of q4_k or q5_k, of `size` bytes: their heads, and their levels in `q`.
RC_INLINE int RC_VARIANT(encode_lines)(const float *x, size_t blocks, int most, float first,
                                       int steps, uint8_t *bytes, size_t size, uint8_t *q) {
  rc_floats lanes[32], scale, minimum;
  rc_ints levels[32];
  RC_VARIANT(gather_runs)(x, blocks * 8, 32, lanes);
  RC_VARIANT(fit_line)(lanes, most, first, steps, &scale, &minimum, levels);
  float scales[RC_LANES], offsets[RC_LANES];
  RC_VARIANT(store)(scales, scale);
  RC_VARIANT(store)(offsets, -minimum);
  int overflow = 0;
  for (size_t block = 0; block < blocks; block++) {
    overflow |=
      RC_VARIANT(store_scales)(scales + block * 8, offsets + block * 8, bytes + block * size);
  }
  scale = RC_VARIANT(load)(scales);
  rc_floats offset = RC_VARIANT(load)(offsets);
  for (int i = 0; i < 32; i++) {
    rc_ints again = RC_VARIANT(nearest_of_lanes)((lanes[i] + offset) / scale);
    levels[i] = scale != 0 ? RC_VARIANT(clamp)(again, 0, most) : levels[i];
  }
  RC_VARIANT(scatter_runs)(levels, 32, q);
  return overflow;
}

// Low nibbles of groups 0, 2, 4, 6 beside those of 1, 3, 5, 7.
RC_INLINE void RC_VARIANT(store_group_nibbles)(const uint8_t *q, uint8_t *bytes) {
  for (int pair = 0; pair < 4; pair++, q += 64, bytes += 32) {
    for (int i = 0; i < 32; i++) bytes[i] = (uint8_t)((q[i] & 15) | q[32 + i] << 4);
  }
}

static int RC_VARIANT(encode_q4_k)(const float *x, uint8_t *bytes, size_t blocks) {
  int overflow = 0;
  uint8_t q[2 * 256];
  for (size_t first = 0; first < blocks; first += 2, x += 2 * RC_SUPERBLOCK, bytes += 2 * RC_Q4_K_BYTES) {
    size_t count = blocks - first < 2 ? 1 : 2;
    overflow |= RC_VARIANT(encode_lines)(x, count, 15, -1.0f, 20, bytes, RC_Q4_K_BYTES, q);
    for (size_t block = 0; block < count; block++) {
      RC_VARIANT(store_group_nibbles)(q + block * 256, bytes + block * RC_Q4_K_BYTES + 16);
    }
  }
  return overflow;
}

static int RC_VARIANT(encode_q5_k)(const float *x, uint8_t *bytes, size_t blocks) {
  int overflow = 0;
  uint8_t q[2 * 256];
  for (size_t first = 0; first < blocks; first += 2, x += 2 * RC_SUPERBLOCK, bytes += 2 * RC_Q5_K_BYTES) {
    size_t count = blocks - first < 2 ? 1 : 2;
    overflow |= RC_VARIANT(encode_lines)(x, count, 31, -0.5f, 15, bytes, RC_Q5_K_BYTES, q);
    for (size_t block = 0; block < count; block++) {
      const uint8_t *levels = q + block * 256;
      uint8_t *fifth = bytes + block * RC_Q5_K_BYTES + 16;
      for (int i = 0; i < 32; i++) {
        int bits = 0;
        for (int group = 0; group < 8; group++) bits |= (levels[group * 32 + i] >> 4) << group;
        fifth[i] = (uint8_t)bits;
      }
      RC_VARIANT(store_group_nibbles)(levels, fifth + 32);
    }
  }
  return overflow;
}

// Sums of level times element and of squared levels, weighted by the squared elements, for levels
// -32 ... 31 of the elements times `factor`.
RC_INLINE void RC_VARIANT(scale_sums)(const rc_floats *x, rc_floats factor, rc_floats *products,
                                      rc_floats *squares) {
  *products = 0;
  *squares = 0;
  for (int i = 0; i < 16; i++) {
    rc_floats level = rc_ints_to_floats(
      RC_VARIANT(clamp)(RC_VARIANT(nearest_of_lanes)(factor * x[i]), -32, 31));
    rc_floats weight = x[i] * x[i];
    *products += weight * x[i] * level;
    *squares += weight * level * level;
  }
}

// Fits levels -32 ... 31 times a scale to every lane's 16 elements; the levels are returned plus 32.
// The scale that maps the extreme element to -32 comes first, then eighteen that map it to -31.1
// ... -32.9.
RC_INLINE void RC_VARIANT(fit_scale)(const rc_floats *x, rc_floats *best_scale,
                                     rc_ints *best_levels) {
  rc_floats extreme, magnitude, products, squares;
  RC_VARIANT(extremes)(x, 16, &extreme, &magnitude);
  rc_floats best_factor = -32.0f / extreme;
  RC_VARIANT(scale_sums)(x, best_factor, &products, &squares);
  rc_floats scale = squares != 0 ? products / squares : (rc_floats)0.0f;
  rc_floats best = scale * products;
  for (int step = -9; step <= 9; step++) {
    if (step == 0) continue;
    rc_floats factor = -(32.0f + 0.1f * (float)step) / extreme;
    RC_VARIANT(scale_sums)(x, factor, &products, &squares);
    rc_ints better = (squares > 0) & (products * products > best * squares);
    scale = better ? products / squares : scale;
    best = better ? scale * products : best;
    best_factor = better ? factor : best_factor;
  }
  rc_ints empty = magnitude < 1e-15f;
  for (int i = 0; i < 16; i++) {
    rc_ints level = RC_VARIANT(nearest_of_lanes)(best_factor * x[i]);
    best_levels[i] = empty ? (rc_ints)0 : RC_VARIANT(clamp)(level, -32, 31) + 32;
  }
  *best_scale = empty ? (rc_floats)0.0f : scale;
}

static int RC_VARIANT(encode_q6_k)(const float *x, uint8_t *bytes, size_t blocks) {
  int overflow = 0;
  for (size_t block = 0; block < blocks; block++, x += RC_SUPERBLOCK, bytes += RC_Q6_K_BYTES) {
    rc_floats lanes[16], scale;
    rc_ints levels[16];
    RC_VARIANT(gather_runs)(x, RC_LANES, 16, lanes);
    RC_VARIANT(fit_scale)(lanes, &scale, levels);
    float scales[RC_LANES], most = 0;
    RC_VARIANT(store)(scales, scale);
    overflow |= !RC_VARIANT(all_finite)(scales, RC_LANES);
    for (int group = 0; group < 16; group++) {
      most = fabsf(scales[group]) > fabsf(most) ? scales[group] : most;
    }
    if (fabsf(most) < 1e-15f) {
      memset(bytes, 0, RC_Q6_K_BYTES);
      continue;
    }
    float factor = -128.0f / most;
    overflow |= RC_VARIANT(store_half)(bytes + 208, 1.0f / factor);
    float d = RC_VARIANT(load_half)(bytes + 208);
    for (int group = 0; group < 16; group++) {
      int rounded = RC_VARIANT(nearest)(factor * scales[group]);
      int8_t stored = (int8_t)(rounded < 127 ? rounded : 127);
      bytes[192 + group] = (uint8_t)stored;
      scales[group] = d * (float)stored;
    }
    scale = RC_VARIANT(load)(scales);
    for (int i = 0; i < 16; i++) {
      rc_ints again = RC_VARIANT(nearest_of_lanes)(lanes[i] / scale);
      levels[i] = scale != 0 ? RC_VARIANT(clamp)(again, -32, 31) + 32 : levels[i];
    }
    uint8_t q[256];
    RC_VARIANT(scatter_runs)(levels, 16, q);
    for (int half = 0; half < 2; half++) {
      const uint8_t *part = q + half * 128;
      uint8_t *low = bytes + half * 64, *high = bytes + 128 + half * 32;
      for (int i = 0; i < 32; i++) {
        low[i] = (uint8_t)((part[i] & 15) | part[64 + i] << 4);
        low[32 + i] = (uint8_t)((part[32 + i] & 15) | part[96 + i] << 4);
        high[i] = (uint8_t)(part[i] >> 4 | part[32 + i] >> 4 << 2 | part[64 + i] >> 4 << 4
                            | part[96 + i] >> 4 << 6);
      }
    }
  }
  return overflow;
}
