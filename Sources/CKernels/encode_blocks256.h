// Blocks of 256 elements (layouts: decode_blocks256.h). Every group's scale (and minimum) is
// searched for the least weighted squared error, then rounded to an integer times the block's d (and
// dmin); levels are chosen again for the rounded ones.

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

// The twelve bytes of eight scales and offsets of 6 bits.
RC_INLINE void RC_VARIANT(pack_scales)(const uint8_t *scales, const uint8_t *offsets, uint8_t *packed) {
  for (int group = 0; group < 4; group++) {
    int scale = scales[4 + group], offset = offsets[4 + group];
    packed[group] = (uint8_t)(scales[group] | scale >> 4 << 6);
    packed[group + 4] = (uint8_t)(offsets[group] | offset >> 4 << 6);
    packed[group + 8] = (uint8_t)((scale & 15) | (offset & 15) << 4);
  }
}

// The first 16 bytes of q4_k and q5_k: d, dmin, and eight scales and minima of 6 bits. The fitted
// ones are replaced by what is stored. Where there are weights, those of the groups, d and dmin are fitted too.
RC_INLINE int RC_VARIANT(store_scales)(float *scales, float *offsets, const float *weights, uint8_t *bytes) {
  uint8_t scale[8], offset[8];
  float d, dmin;
  if (weights) {
    d = RC_VARIANT(fit_scales)(scales, weights, 8, 63, scale);
    dmin = RC_VARIANT(fit_scales)(offsets, weights, 8, 63, offset);
  } else {
    float most_scale = RC_VARIANT(largest)(scales, 8), most_offset = RC_VARIANT(largest)(offsets, 8);
    float scale_factor = most_scale > 0 ? 63.0f / most_scale : 0.0f;
    float offset_factor = most_offset > 0 ? 63.0f / most_offset : 0.0f;
    for (int group = 0; group < 8; group++) {
      scale[group] = (uint8_t)RC_VARIANT(six_bits)(scale_factor * scales[group]);
      offset[group] = (uint8_t)RC_VARIANT(six_bits)(offset_factor * offsets[group]);
    }
    d = most_scale / 63.0f;
    dmin = most_offset / 63.0f;
  }
  int overflow = RC_VARIANT(store_half)(bytes, d) | RC_VARIANT(store_half)(bytes + 2, dmin);
  d = RC_VARIANT(load_half)(bytes);
  dmin = RC_VARIANT(load_half)(bytes + 2);
  RC_VARIANT(pack_scales)(scale, offset, bytes + 4);
  for (int group = 0; group < 8; group++) {
    scales[group] = d * (float)scale[group];
    offsets[group] = dmin * (float)offset[group];
  }
  return overflow;
}

// One or two blocks of q4_k or q5_k, of `size` bytes: their heads, and their levels in `q`. Without an importance
// matrix weights are the group's RMS plus the magnitudes.
RC_INLINE int RC_VARIANT(encode_lines)(const float *x, const float *importance, size_t blocks, rc_division by,
                                       uint8_t *bytes, size_t size, uint8_t *q) {
  rc_floats lanes[32], weights[32], scale, minimum;
  rc_ints levels[32];
  float sums[RC_LANES];
  RC_VARIANT(gather_runs)(x, blocks * 8, 32, lanes);
  if (importance) {
    rc_floats mean_square = 0;
    for (size_t block = 0; block < blocks; block++) {
      float mean = 2 * RC_VARIANT(sum_of_squares)(x + block * 256, 256) / 256;
      for (size_t group = block * 8; group < block * 8 + 8; group++) mean_square[group] = mean;
    }
    RC_VARIANT(weigh)(lanes, importance, mean_square, blocks * 8, 32, weights);
    RC_VARIANT(store)(sums, RC_VARIANT(sum_of_lanes)(weights, 32));
    RC_VARIANT(fit_weighted_line)(lanes, weights, 32, by.most, &scale, &minimum, levels);
  } else {
    rc_floats squares = 0;
    for (int i = 0; i < 32; i++) squares += lanes[i] * lanes[i];
    rc_floats average = __builtin_elementwise_sqrt(squares / 32.0f);
    for (int i = 0; i < 32; i++) weights[i] = average + __builtin_elementwise_abs(lanes[i]);
    RC_VARIANT(fit_line)(lanes, weights, 32, by, &scale, &minimum, levels);
  }
  float scales[RC_LANES], offsets[RC_LANES];
  RC_VARIANT(store)(scales, scale);
  RC_VARIANT(store)(offsets, -minimum);
  int overflow = 0;
  for (size_t block = 0; block < blocks; block++) {
    overflow |= RC_VARIANT(store_scales)(scales + block * 8, offsets + block * 8,
                                         importance ? sums + block * 8 : NULL, bytes + block * size);
  }
  scale = RC_VARIANT(load)(scales);
  rc_floats offset = RC_VARIANT(load)(offsets);
  for (int i = 0; i < 32; i++) {
    rc_ints again = RC_VARIANT(nearest_of_lanes)((lanes[i] + offset) / scale);
    levels[i] = scale != 0 ? RC_VARIANT(clamp)(again, 0, by.most) : levels[i];
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

static int RC_VARIANT(encode_q4_k)(const float *x, const float *importance, uint8_t *bytes, size_t blocks) {
  int overflow = 0;
  uint8_t q[2 * 256];
  rc_division by = {15, -1.0f, 0.1f, 20, 0};
  for (size_t first = 0; first < blocks; first += 2, x += 2 * RC_SUPERBLOCK, bytes += 2 * RC_Q4_K_BYTES) {
    size_t count = blocks - first < 2 ? 1 : 2;
    overflow |= RC_VARIANT(encode_lines)(x, importance, count, by, bytes, RC_Q4_K_BYTES, q);
    if (importance) importance += 2 * RC_SUPERBLOCK;
    for (size_t block = 0; block < count; block++) {
      RC_VARIANT(store_group_nibbles)(q + block * 256, bytes + block * RC_Q4_K_BYTES + 16);
    }
  }
  return overflow;
}

static int RC_VARIANT(encode_q5_k)(const float *x, const float *importance, uint8_t *bytes, size_t blocks) {
  int overflow = 0;
  uint8_t q[2 * 256];
  rc_division by = {31, -0.5f, 0.1f, 15, 0};
  for (size_t first = 0; first < blocks; first += 2, x += 2 * RC_SUPERBLOCK, bytes += 2 * RC_Q5_K_BYTES) {
    size_t count = blocks - first < 2 ? 1 : 2;
    overflow |= RC_VARIANT(encode_lines)(x, importance, count, by, bytes, RC_Q5_K_BYTES, q);
    if (importance) importance += 2 * RC_SUPERBLOCK;
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

// Weights are those of the importance matrix alone, or the squared elements.
static int RC_VARIANT(encode_q6_k)(const float *x, const float *importance, uint8_t *bytes, size_t blocks) {
  int overflow = 0;
  for (size_t block = 0; block < blocks; block++, x += RC_SUPERBLOCK, bytes += RC_Q6_K_BYTES) {
    rc_floats lanes[16], weights[16], scale;
    rc_ints levels[16];
    RC_VARIANT(gather_runs)(x, RC_LANES, 16, lanes);
    if (importance) {
      RC_VARIANT(gather_runs)(importance + block * RC_SUPERBLOCK, RC_LANES, 16, weights);
    } else {
      for (int i = 0; i < 16; i++) weights[i] = lanes[i] * lanes[i];
    }
    RC_VARIANT(fit_scale)(lanes, weights, 16, 32, &scale, levels);
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
