// Searches for the scale (and minimum) of a group with the least weighted squared error. Groups of up to 32
// elements are fitted sixteen at a time, one to a lane.

// Sixteen runs of weights: what each column counts, times the size of the element beside the mean square of its block
// or row.
RC_INLINE void RC_VARIANT(weigh)(const rc_floats *x, const float *importance, rc_floats mean_square, size_t runs,
                                 int width, rc_floats *weights) {
  RC_VARIANT(gather_runs)(importance, runs, width, weights);
  for (int i = 0; i < width; i++) weights[i] *= __builtin_elementwise_sqrt(mean_square + x[i] * x[i]);
}

RC_INLINE float RC_VARIANT(sum_of_squares)(const float *x, size_t count) {
  float sum = 0;
  for (size_t i = 0; i < count; i++) sum += x[i] * x[i];
  return sum;
}

RC_INLINE rc_floats RC_VARIANT(sum_of_lanes)(const rc_floats *x, int width) {
  rc_floats sum = 0;
  for (int i = 0; i < width; i++) sum += x[i];
  return sum;
}

// How a range is divided: into most + first, most + first + step, ... steps in turn; whether errors count by their
// magnitudes in place of their squares.
#ifndef CKERNELS_ENCODE_FITS_H
#define CKERNELS_ENCODE_FITS_H
typedef struct {
  int most;
  float first, step;
  int steps, magnitudes;
} rc_division;
#endif

RC_INLINE rc_floats RC_VARIANT(line_error)(rc_floats difference, int magnitudes) {
  return magnitudes ? __builtin_elementwise_abs(difference) : difference * difference;
}

// Fits levels 0 ... most times a scale plus a minimum of at most 0. Each division's least-squares line is kept if it is
// better.
RC_INLINE void RC_VARIANT(fit_line)(const rc_floats *x, const rc_floats *weights, int width, rc_division by,
                                    rc_floats *best_scale, rc_floats *best_minimum,
                                    rc_ints *best_levels) {
  rc_floats levels[32];
  rc_floats minimum = x[0], maximum = x[0], sum_w = weights[0], sum_x = weights[0] * x[0];
  for (int i = 1; i < width; i++) {
    minimum = x[i] < minimum ? x[i] : minimum;
    maximum = x[i] > maximum ? x[i] : maximum;
    sum_w += weights[i];
    sum_x += weights[i] * x[i];
  }
  minimum = minimum > 0 ? (rc_floats)0.0f : minimum;
  rc_ints flat = maximum == minimum;

  rc_floats factor = (float)by.most / (maximum - minimum), scale = 1.0f / factor, best_error = 0;
  for (int i = 0; i < width; i++) {
    rc_floats level = rc_ints_to_floats(
      RC_VARIANT(clamp)(RC_VARIANT(nearest_of_lanes)(factor * (x[i] - minimum)), 0, by.most));
    best_error += weights[i] * RC_VARIANT(line_error)(scale * level + minimum - x[i], by.magnitudes);
  }
  // The levels of the best line so far are those of this factor and offset.
  rc_floats best_factor = factor, best_offset = minimum;
  for (int step = 0; step <= by.steps; step++) {
    factor = (by.first + by.step * (float)step + (float)by.most) / (maximum - minimum);
    rc_floats sum_l = 0, sum_l2 = 0, sum_xl = 0;
    for (int i = 0; i < width; i++) {
      levels[i] = rc_ints_to_floats(
        RC_VARIANT(clamp)(RC_VARIANT(nearest_of_lanes)(factor * (x[i] - minimum)), 0, by.most));
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
    for (int i = 0; i < width; i++) {
      rc_floats difference = line_scale * levels[i] + line_minimum - x[i];
      sum_error += weights[i] * RC_VARIANT(line_error)(difference, by.magnitudes);
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
  for (int i = 0; i < width; i++) {
    best_levels[i] = RC_VARIANT(clamp)(
      RC_VARIANT(nearest_of_lanes)(best_factor * (x[i] - best_offset)), 0, by.most);
  }
  *best_scale = flat ? (rc_floats)0.0f : scale;
  *best_minimum = minimum;
}

// The division where an importance matrix gives the weights, of every type.
static void RC_VARIANT(fit_weighted_line)(const rc_floats *x, const rc_floats *weights, int width, int most,
                                          rc_floats *scale, rc_floats *minimum, rc_ints *levels) {
  rc_division by = {most, -0.9f, 0.05f, 36, 0};
  RC_VARIANT(fit_line)(x, weights, width, by, scale, minimum, levels);
}

// Weighted sums of level times element and of squared levels, for levels -most ... most - 1 of the elements times
// `factor`.
RC_INLINE void RC_VARIANT(scale_sums)(const rc_floats *x, const rc_floats *weights, int width, int most,
                                      rc_floats factor, rc_floats *products, rc_floats *squares) {
  *products = 0;
  *squares = 0;
  for (int i = 0; i < width; i++) {
    rc_floats level = rc_ints_to_floats(
      RC_VARIANT(clamp)(RC_VARIANT(nearest_of_lanes)(factor * x[i]), -most, most - 1));
    *products += weights[i] * x[i] * level;
    *squares += weights[i] * level * level;
  }
}

// Fits levels -most ... most - 1 times a scale; the levels are returned plus `most`, or 0 where all elements nearly
// vanish. The scale that maps the extreme element to -most comes first, then eighteen that map it up to 0.9 beside.
RC_INLINE void RC_VARIANT(fit_scale)(const rc_floats *x, const rc_floats *weights, int width, int most,
                                     rc_floats *best_scale, rc_ints *best_levels) {
  rc_floats extreme, magnitude, products, squares;
  RC_VARIANT(extremes)(x, width, &extreme, &magnitude);
  rc_floats best_factor = -(float)most / extreme;
  RC_VARIANT(scale_sums)(x, weights, width, most, best_factor, &products, &squares);
  rc_floats scale = squares != 0 ? products / squares : (rc_floats)0.0f;
  rc_floats best = scale * products;
  for (int step = -9; step <= 9; step++) {
    if (step == 0) continue;
    rc_floats factor = -((float)most + 0.1f * (float)step) / extreme;
    RC_VARIANT(scale_sums)(x, weights, width, most, factor, &products, &squares);
    rc_ints better = (squares > 0) & (products * products > best * squares);
    scale = better ? products / squares : scale;
    best = better ? scale * products : best;
    best_factor = better ? factor : best_factor;
  }
  rc_ints empty = magnitude < 1e-15f;
  for (int i = 0; i < width; i++) {
    rc_ints level = RC_VARIANT(nearest_of_lanes)(best_factor * x[i]);
    best_levels[i] = empty ? (rc_ints)0 : RC_VARIANT(clamp)(level, -most, most - 1) + most;
  }
  *best_scale = empty ? (rc_floats)0.0f : scale;
}

// Moves levels one after another to where the sums of all of them are better, five times at most, as long as any lane
// has one that moves.
RC_INLINE void RC_VARIANT(improve)(const rc_floats *x, const rc_floats *weights, int width, int least, int most,
                                   rc_floats *products, rc_floats *squares, rc_ints *levels) {
  for (int round = 0; round < 5; round++) {
    rc_ints moved = 0;
    for (int i = 0; i < width; i++) {
      rc_floats weighted = weights[i] * x[i], level = rc_ints_to_floats(levels[i]);
      rc_floats product = *products - weighted * level, square = *squares - weights[i] * level * level;
      rc_ints next = RC_VARIANT(clamp)(RC_VARIANT(nearest_of_lanes)(x[i] * square / product), least, most);
      rc_floats next_level = rc_ints_to_floats(next);
      rc_floats next_product = product + weighted * next_level;
      rc_floats next_square = square + weights[i] * next_level * next_level;
      rc_ints better =
        (product > 0) & (next != levels[i]) & (next_square > 0)
        & (next_product * next_product * *squares > *products * *products * next_square);
      levels[i] = better ? next : levels[i];
      *products = better ? next_product : *products;
      *squares = better ? next_square : *squares;
      moved |= better;
    }
    if (!__builtin_reduce_or(moved)) break;
  }
}

// The weighted squared error of levels of at most `most`, which are the numbers times `factor`.
RC_INLINE float RC_VARIANT(scales_error)(const float *x, const float *weights, int count, float factor, int most) {
  float scale = 1.0f / factor, error = 0;
  for (int i = 0; i < count; i++) {
    int level = RC_VARIANT(nearest)(factor * x[i]);
    float difference = x[i] - scale * (float)(level < most ? level : most);
    error += weights[i] * difference * difference;
  }
  return error;
}

// The scale and the levels 0 ... most of the scales of a block's groups, none of them below 0.
static float RC_VARIANT(fit_scales)(const float *x, const float *weights, int count, int most, uint8_t *levels) {
  float largest = 0;
  for (int i = 0; i < count; i++) largest = x[i] > largest ? x[i] : largest;
  memset(levels, 0, (size_t)count);
  if (largest < 1e-15f) return 0;
  float factor = (float)most / largest;
  float best_error = RC_VARIANT(scales_error)(x, weights, count, factor, most);
  for (int step = -4; step <= 4; step++) {
    if (step == 0) continue;
    float own = (0.1f * (float)step + (float)most) / largest;
    float error = RC_VARIANT(scales_error)(x, weights, count, own, most);
    if (error < best_error) {
      best_error = error;
      factor = own;
    }
  }
  float products = 0, squares = 0;
  for (int i = 0; i < count; i++) {
    int level = RC_VARIANT(nearest)(factor * x[i]);
    level = level < most ? level : most;
    levels[i] = (uint8_t)level;
    products += weights[i] * x[i] * (float)level;
    squares += weights[i] * (float)level * (float)level;
  }
  for (int round = 0, moved = 1; round < 5 && moved; round++) {
    moved = 0;
    for (int i = 0; i < count; i++) {
      float weighted = weights[i] * x[i], level = (float)levels[i];
      float product = products - weighted * level, square = squares - weights[i] * level * level;
      if (!(product > 0 && square > 0)) continue;
      int next = RC_VARIANT(nearest)(x[i] * square / product);
      next = next < most ? next : most;
      if (next == levels[i]) continue;
      product += weighted * (float)next;
      square += weights[i] * (float)next * (float)next;
      if (product * product * squares > products * products * square) {
        levels[i] = (uint8_t)next;
        products = product;
        squares = square;
        moved = 1;
      }
    }
  }
  return squares > 0 ? products / squares : 0.0f;
}
