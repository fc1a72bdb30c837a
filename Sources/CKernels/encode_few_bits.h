// q2_k and q3_k: blocks of 256 elements in 16 groups (layouts: decode_blocks256.h), all of which are fitted at once.

// Two bits of each level: groups of 32, four to a byte.
RC_INLINE void RC_VARIANT(store_pairs_of_bits)(const uint8_t *q, uint8_t *bytes) {
  for (int half = 0; half < 2; half++, q += 128, bytes += 32) {
    for (int i = 0; i < 32; i++) {
      bytes[i] = (uint8_t)((q[i] & 3) | (q[32 + i] & 3) << 2 | (q[64 + i] & 3) << 4 | (q[96 + i] & 3) << 6);
    }
  }
}

// Without an importance matrix errors count by their magnitudes, weighted by those of the elements.
static int RC_VARIANT(encode_q2_k)(const float *x, const float *importance, uint8_t *bytes, size_t blocks) {
  int overflow = 0;
  for (size_t block = 0; block < blocks; block++, x += RC_SUPERBLOCK, bytes += RC_Q2_K_BYTES) {
    rc_floats lanes[16], weights[16], scale, minimum;
    rc_ints levels[16];
    float scales[RC_LANES], offsets[RC_LANES], sums[RC_LANES], d, dmin;
    uint8_t scale_levels[RC_LANES], offset_levels[RC_LANES], q[256];
    RC_VARIANT(gather_runs)(x, RC_LANES, 16, lanes);
    if (importance) {
      float mean_square = RC_VARIANT(sum_of_squares)(x, 256) / 256;
      RC_VARIANT(weigh)(lanes, importance + block * 256, (rc_floats)mean_square, RC_LANES, 16, weights);
      RC_VARIANT(store)(sums, RC_VARIANT(sum_of_lanes)(weights, 16));
      RC_VARIANT(fit_weighted_line)(lanes, weights, 16, 3, &scale, &minimum, levels);
    } else {
      rc_division by = {3, -0.5f, 0.1f, 15, 1};
      for (int i = 0; i < 16; i++) weights[i] = __builtin_elementwise_abs(lanes[i]);
      RC_VARIANT(fit_line)(lanes, weights, 16, by, &scale, &minimum, levels);
    }
    RC_VARIANT(store)(scales, scale);
    RC_VARIANT(store)(offsets, -minimum);
    overflow |= !RC_VARIANT(all_finite)(scales, RC_LANES);
    if (importance) {
      d = RC_VARIANT(fit_scales)(scales, sums, 16, 15, scale_levels);
      dmin = RC_VARIANT(fit_scales)(offsets, sums, 16, 15, offset_levels);
    } else {
      float most_scale = RC_VARIANT(largest)(scales, 16), most_offset = RC_VARIANT(largest)(offsets, 16);
      float scale_factor = most_scale > 0 ? 15.0f / most_scale : 0.0f;
      float offset_factor = most_offset > 0 ? 15.0f / most_offset : 0.0f;
      for (int group = 0; group < 16; group++) {
        scale_levels[group] = (uint8_t)RC_VARIANT(nearest)(scale_factor * scales[group]);
        offset_levels[group] = (uint8_t)RC_VARIANT(nearest)(offset_factor * offsets[group]);
      }
      d = most_scale / 15.0f;
      dmin = most_offset / 15.0f;
    }
    overflow |= RC_VARIANT(store_half)(bytes + 80, d) | RC_VARIANT(store_half)(bytes + 82, dmin);
    d = RC_VARIANT(load_half)(bytes + 80);
    dmin = RC_VARIANT(load_half)(bytes + 82);
    for (int group = 0; group < 16; group++) {
      bytes[group] = (uint8_t)(scale_levels[group] | offset_levels[group] << 4);
      scales[group] = d * (float)(bytes[group] & 15);
      offsets[group] = dmin * (float)(bytes[group] >> 4);
    }
    scale = RC_VARIANT(load)(scales);
    rc_floats offset = RC_VARIANT(load)(offsets);
    for (int i = 0; i < 16; i++) {
      rc_ints again = RC_VARIANT(nearest_of_lanes)((lanes[i] + offset) / scale);
      levels[i] = scale != 0 ? RC_VARIANT(clamp)(again, 0, 3) : levels[i];
    }
    RC_VARIANT(scatter_runs)(levels, 16, q);
    RC_VARIANT(store_pairs_of_bits)(q, bytes + 16);
  }
  return overflow;
}

// Levels -4 ... 3, returned plus 4, and scales that single levels have been moved for.
RC_INLINE void RC_VARIANT(fit_three_bits)(const rc_floats *x, const rc_floats *weights, rc_floats *scale,
                                          rc_ints *levels) {
  rc_floats extreme, magnitude, products = 0, squares = 0;
  RC_VARIANT(extremes)(x, 16, &extreme, &magnitude);
  rc_floats factor = -4.0f / extreme;
  for (int i = 0; i < 16; i++) {
    levels[i] = RC_VARIANT(clamp)(RC_VARIANT(nearest_of_lanes)(factor * x[i]), -4, 3);
    rc_floats level = rc_ints_to_floats(levels[i]);
    products += weights[i] * x[i] * level;
    squares += weights[i] * level * level;
  }
  RC_VARIANT(improve)(x, weights, 16, -4, 3, &products, &squares, levels);
  rc_ints empty = magnitude < 1e-15f;
  for (int i = 0; i < 16; i++) levels[i] = empty ? (rc_ints)0 : levels[i] + 4;
  *scale = empty | ~(squares > 0) ? (rc_floats)0.0f : products / squares;
}

// The levels 0 ... 63 of the sixteen scales of a block of q3_k, and d.
RC_INLINE float RC_VARIANT(round_scales)(const float *scales, uint8_t *levels) {
  float most = 0;
  for (int group = 0; group < 16; group++) {
    most = fabsf(scales[group]) > fabsf(most) ? scales[group] : most;
  }
  memset(levels, 0, 16);
  if (most == 0) return 0;
  float factor = -32.0f / most;
  for (int group = 0; group < 16; group++) {
    int rounded = RC_VARIANT(nearest)(factor * scales[group]);
    levels[group] = (uint8_t)((rounded < 31 ? rounded : 31) + 32);
  }
  return 1.0f / factor;
}

static int RC_VARIANT(encode_q3_k)(const float *x, const float *importance, uint8_t *bytes, size_t blocks) {
  int overflow = 0;
  for (size_t block = 0; block < blocks; block++, x += RC_SUPERBLOCK, bytes += RC_Q3_K_BYTES) {
    rc_floats lanes[16], weights[16], scale;
    rc_ints levels[16];
    float scales[RC_LANES], d;
    uint8_t scale_levels[RC_LANES], q[256];
    RC_VARIANT(gather_runs)(x, RC_LANES, 16, lanes);
    if (importance) {
      float mean_square = 2 * RC_VARIANT(sum_of_squares)(x, 256) / 256;
      RC_VARIANT(weigh)(lanes, importance + block * 256, (rc_floats)mean_square, RC_LANES, 16, weights);
      RC_VARIANT(fit_scale)(lanes, weights, 16, 4, &scale, levels);
    } else {
      for (int i = 0; i < 16; i++) weights[i] = lanes[i] * lanes[i];
      RC_VARIANT(fit_three_bits)(lanes, weights, &scale, levels);
    }
    RC_VARIANT(store)(scales, scale);
    overflow |= !RC_VARIANT(all_finite)(scales, RC_LANES);
    if (importance) {
      // One group of sixteen numbers, in the first lane.
      float sums[RC_LANES];
      rc_floats groups[16], group_weights[16], fitted;
      rc_ints group_levels[16];
      RC_VARIANT(store)(sums, RC_VARIANT(sum_of_lanes)(weights, 16));
      RC_VARIANT(gather_runs)(scales, 1, 16, groups);
      RC_VARIANT(gather_runs)(sums, 1, 16, group_weights);
      RC_VARIANT(fit_scale)(groups, group_weights, 16, 32, &fitted, group_levels);
      for (int group = 0; group < 16; group++) scale_levels[group] = (uint8_t)group_levels[group][0];
      d = fitted[0];
    } else {
      d = RC_VARIANT(round_scales)(scales, scale_levels);
    }
    overflow |= RC_VARIANT(store_half)(bytes + 108, d);
    d = RC_VARIANT(load_half)(bytes + 108);
    uint8_t *packed = bytes + 96;
    memset(packed, 0, 12);
    for (int group = 0; group < 16; group++) {
      int level = scale_levels[group];
      packed[group % 8] |= (uint8_t)((level & 15) << group / 8 * 4);
      packed[8 + group % 4] |= (uint8_t)(level >> 4 << group / 4 * 2);
      scales[group] = d * (float)(level - 32);
    }
    scale = RC_VARIANT(load)(scales);
    for (int i = 0; i < 16; i++) {
      rc_ints again = RC_VARIANT(nearest_of_lanes)(lanes[i] / scale);
      levels[i] = scale != 0 ? RC_VARIANT(clamp)(again, -4, 3) + 4 : levels[i];
    }
    RC_VARIANT(scatter_runs)(levels, 16, q);
    memset(bytes, 0, 32);
    for (int i = 0; i < 256; i++) bytes[i % 32] |= (uint8_t)(q[i] >> 2 << i / 32);
    RC_VARIANT(store_pairs_of_bits)(q, bytes + 32);
  }
  return overflow;
}
