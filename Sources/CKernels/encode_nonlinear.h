// iq4_nl: blocks of 32 elements, each the nearest of sixteen uneven levels times the scale; iq4_xs: blocks of
// eight such groups, whose scales are integers of 6 bits times d. Of sixteen scales around the one that maps the
// extreme element to the lowest level, the one with the least squared error is taken, weighted by the squared
// elements, or by an importance matrix and the size of the element beside the mean square of its block.

// The nearest level's value and index; of two equally near the higher.
RC_INLINE void RC_VARIANT(nearest_level)(rc_floats x, rc_floats *value, rc_ints *index) {
  rc_floats sum = rc_nonlinear[0];
  rc_ints passed = 0;
  for (int k = 1; k < 16; k++) {
    rc_ints below = x - rc_nonlinear[k - 1] < rc_nonlinear[k] - x;
    sum += below ? (rc_floats)0.0f : (rc_floats)(rc_nonlinear[k] - rc_nonlinear[k - 1]);
    passed += below + 1;
  }
  *value = sum;
  *index = passed;
}

// Weighted sums of level times element, and of squared levels, for elements times `factor`.
RC_INLINE void RC_VARIANT(level_sums)(const rc_floats *x, const rc_floats *weights, rc_floats factor,
                                      rc_floats *products, rc_floats *squares) {
  *products = 0;
  *squares = 0;
  for (int i = 0; i < 32; i++) {
    rc_floats value;
    rc_ints index;
    RC_VARIANT(nearest_level)(factor * x[i], &value, &index);
    rc_floats weighted = weights[i] * value;
    *products += weighted * x[i];
    *squares += weighted * value;
  }
}

// The scales of up to sixteen groups, of blocks of `groups` groups each.
RC_INLINE rc_floats RC_VARIANT(fit_uneven_scale)(const float *x, const float *importance, size_t runs, size_t groups,
                                                 rc_floats *lanes) {
  rc_floats weights[32], extreme, magnitude, products, squares;
  RC_VARIANT(gather_runs)(x, runs, 32, lanes);
  if (importance) {
    rc_floats mean_square = 0;
    for (size_t run = 0; run < runs; run += groups) {
      float mean = RC_VARIANT(sum_of_squares)(x + run * 32, groups * 32) * (2.0f / (float)(groups * 32));
      for (size_t group = run; group < run + groups; group++) mean_square[group] = mean;
    }
    RC_VARIANT(weigh)(lanes, importance, mean_square, runs, 32, weights);
  } else {
    for (int i = 0; i < 32; i++) weights[i] = lanes[i] * lanes[i];
  }
  RC_VARIANT(extremes)(lanes, 32, &extreme, &magnitude);
  RC_VARIANT(level_sums)(lanes, weights, 1.0f / (-extreme / rc_nonlinear[0]), &products, &squares);
  rc_floats scale = squares > 0 ? products / squares : (rc_floats)0.0f;
  rc_floats best = scale * products;
  for (int attempt = -7; attempt <= 7; attempt++) {
    rc_floats factor = ((float)attempt + rc_nonlinear[0]) / extreme;
    RC_VARIANT(level_sums)(lanes, weights, factor, &products, &squares);
    rc_ints better = (squares > 0) & (products * products > best * squares);
    scale = better ? products / squares : scale;
    best = better ? scale * products : best;
  }
  return magnitude < 1e-15f ? (rc_floats)0.0f : scale;
}

// The indices of levels times the scale, as runs.
RC_INLINE void RC_VARIANT(uneven_levels)(const rc_floats *lanes, rc_floats scale, uint8_t *q) {
  rc_floats factor = scale != 0 ? 1.0f / scale : (rc_floats)0.0f;
  rc_ints indices[32];
  for (int i = 0; i < 32; i++) {
    rc_floats value;
    RC_VARIANT(nearest_level)(factor * lanes[i], &value, &indices[i]);
  }
  RC_VARIANT(scatter_runs)(indices, 32, q);
}

static int RC_VARIANT(encode_iq4_nl)(const float *x, const float *importance, uint8_t *bytes, size_t blocks) {
  int overflow = 0;
  for (size_t first = 0; first < blocks; first += RC_LANES) {
    size_t runs = blocks - first < RC_LANES ? blocks - first : RC_LANES;
    rc_floats lanes[32];
    rc_floats scale = RC_VARIANT(fit_uneven_scale)(
      x + first * 32, importance ? importance + first * 32 : NULL, runs, 1, lanes);
    uint8_t q[RC_LANES * 32];
    RC_VARIANT(uneven_levels)(lanes, scale, q);
    float scales[RC_LANES];
    RC_VARIANT(store)(scales, scale);
    for (size_t run = 0; run < runs; run++) {
      uint8_t *block = bytes + (first + run) * RC_IQ4_NL_BYTES;
      overflow |= RC_VARIANT(store_half)(block, scales[run]);
      RC_VARIANT(store_nibbles)(q + run * 32, block + 2);
    }
  }
  return overflow;
}

// Levels come from d before it is rounded to half precision.
static int RC_VARIANT(encode_iq4_xs)(const float *x, const float *importance, uint8_t *bytes, size_t blocks) {
  int overflow = 0;
  for (size_t first = 0; first < blocks; first += 2, x += 2 * RC_SUPERBLOCK, bytes += 2 * RC_IQ4_XS_BYTES) {
    size_t count = blocks - first < 2 ? 1 : 2;
    rc_floats lanes[32];
    float scales[RC_LANES];
    RC_VARIANT(store)(scales, RC_VARIANT(fit_uneven_scale)(
      x, importance ? importance + first * 256 : NULL, count * 8, 8, lanes));
    overflow |= !RC_VARIANT(all_finite)(scales, RC_LANES);
    for (size_t block = 0; block < count; block++) {
      float *own = scales + block * 8, most = 0;
      uint8_t *head = bytes + block * RC_IQ4_XS_BYTES;
      for (int group = 0; group < 8; group++) most = fabsf(own[group]) > fabsf(most) ? own[group] : most;
      float d = -most / 32, factor = RC_VARIANT(inverse)(d);
      overflow |= RC_VARIANT(store_half)(head, d);
      memset(head + 2, 0, 6);
      for (int group = 0; group < 8; group++) {
        int level = RC_VARIANT(nearest)(factor * own[group]);
        level = level < -32 ? -32 : level > 31 ? 31 : level;
        own[group] = d * (float)level;
        head[2 + group / 4] |= (uint8_t)((level + 32) >> 4 << group % 4 * 2);
        head[4 + group / 2] |= (uint8_t)(((level + 32) & 15) << group % 2 * 4);
      }
    }
    uint8_t q[RC_LANES * 32];
    RC_VARIANT(uneven_levels)(lanes, RC_VARIANT(load)(scales), q);
    for (size_t group = 0; group < count * 8; group++) {
      RC_VARIANT(store_nibbles)(q + group * 32, bytes + group / 8 * RC_IQ4_XS_BYTES + 8 + group % 8 * 16);
    }
  }
  return overflow;
}

// mxfp4: the scale is the power of two that brings the largest magnitude to the highest binade of the
// levels, each element the nearest level: of two equally near the smaller. Blocks whose scale would
// be below 2^-127 take that one, where the reference leaves the range of the byte.
static int RC_VARIANT(encode_mxfp4)(const float *x, uint8_t *bytes, size_t blocks) {
  for (size_t block = 0; block < blocks; block++, x += RC_BLOCK, bytes += RC_MXFP4_BYTES) {
    float magnitude = fabsf(RC_VARIANT(extreme)(x));
    float power = magnitude > 0 ? floorf(log2f(magnitude)) - 2 + 127 : 0;
    bytes[0] = (uint8_t)(power > 0 ? power : 0);
    float d = RC_VARIANT(half_of_power)(bytes[0]);
    float least[RC_BLOCK];
    int32_t index[RC_BLOCK] = {0};
    for (int i = 0; i < RC_BLOCK; i++) least[i] = fabsf(rc_fp4[0] * d - x[i]);
    for (int level = 1; level < 16; level++) {
      for (int i = 0; i < RC_BLOCK; i++) {
        float error = fabsf(rc_fp4[level] * d - x[i]);
        index[i] = error < least[i] ? level : index[i];
        least[i] = error < least[i] ? error : least[i];
      }
    }
    uint8_t q[RC_BLOCK];
    for (int i = 0; i < RC_BLOCK; i++) q[i] = (uint8_t)index[i];
    RC_VARIANT(store_nibbles)(q, bytes + 1);
  }
  return 0;
}
