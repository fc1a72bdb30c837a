#include "lanes.h"
#include "factors.h"

static void RC_VARIANT(put_rows)(const float *x, ptrdiff_t x_stride, ptrdiff_t rows,
                                 ptrdiff_t width, float scale, int form, void *y,
                                 ptrdiff_t y_stride) {
  ptrdiff_t whole = width - width % RC_LANES;
  for (ptrdiff_t row = 0; row < rows; row++, x += x_stride) {
    for (ptrdiff_t i = 0; i < whole; i += RC_LANES) {
      RC_VARIANT(put)(form, y, i, RC_VARIANT(load)(x + i) * scale);
    }
    if (whole < width) {
      rc_floats v = RC_VARIANT(load_part)(x + whole, width - whole, 0) * scale;
      RC_VARIANT(put_part)(form, y, whole, v, width - whole);
    }
    y = RC_VARIANT(advanced)(form, y, y_stride);
  }
}

// Which lanes of two vectors, the second's counted from 16, give the lower or upper pairs of rows that are
// `step` apart, the runs of `step` lanes changing places across the diagonal.
#define RC_LOWER_1 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30
#define RC_UPPER_1 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31
#define RC_LOWER_2 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29
#define RC_UPPER_2 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31
#define RC_LOWER_4 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27
#define RC_UPPER_4 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31
#define RC_LOWER_8 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23
#define RC_UPPER_8 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31
#define RC_EXCHANGE(step)                                                               \
  for (int i = 0; i < RC_LANES; i++) {                                                  \
    if (i & step) continue;                                                             \
    rc_floats lower = __builtin_shufflevector(v[i], v[i + step], RC_LOWER_##step);      \
    rc_floats upper = __builtin_shufflevector(v[i], v[i + step], RC_UPPER_##step);      \
    v[i] = lower;                                                                       \
    v[i + step] = upper;                                                                \
  }

// A square of sixteen rows and columns.
RC_INLINE void RC_VARIANT(transpose_square)(const float *x, ptrdiff_t x_stride, float *y,
                                            ptrdiff_t y_stride) {
  rc_floats v[RC_LANES];
  for (int i = 0; i < RC_LANES; i++) v[i] = RC_VARIANT(load)(x + i * x_stride);
  RC_EXCHANGE(1)
  RC_EXCHANGE(2)
  RC_EXCHANGE(4)
  RC_EXCHANGE(8)
  for (int i = 0; i < RC_LANES; i++) RC_VARIANT(store)(y + i * y_stride, v[i]);
}
#undef RC_EXCHANGE
#undef RC_LOWER_1
#undef RC_UPPER_1
#undef RC_LOWER_2
#undef RC_UPPER_2
#undef RC_LOWER_4
#undef RC_UPPER_4
#undef RC_LOWER_8
#undef RC_UPPER_8

static void RC_VARIANT(transpose)(const float *x, ptrdiff_t x_stride, ptrdiff_t rows,
                                  ptrdiff_t width, float *y, ptrdiff_t y_stride) {
  ptrdiff_t whole_rows = rows - rows % RC_LANES, whole = width - width % RC_LANES;
  // Along the rows first. The rows of y are far apart, where processors do not fetch them by themselves.
  for (ptrdiff_t column = 0; column < whole; column += RC_LANES) {
    for (ptrdiff_t row = 0; row < whole_rows; row += RC_LANES) {
      float *later = y + (column + 2 * RC_LANES) * y_stride + row;
      for (int i = 0; i < RC_LANES; i++) __builtin_prefetch(later + i * y_stride, 1);
      RC_VARIANT(transpose_square)(x + row * x_stride + column, x_stride,
                                   y + column * y_stride + row, y_stride);
    }
  }
  for (ptrdiff_t row = 0; row < rows; row++) {
    for (ptrdiff_t column = row < whole_rows ? whole : 0; column < width; column++) {
      y[column * y_stride + row] = x[row * x_stride + column];
    }
  }
}
