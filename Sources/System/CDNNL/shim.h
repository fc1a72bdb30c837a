// oneDNN's C interface: matrix products on the instruction set the CPU has. The functions below fill
// its arrays of dimensions, which Swift sees as tuples.
#include <dnnl.h>
#include <dnnl_debug.h>

/// A matrix whose elements lie `row_stride` and `column_stride` elements apart.
static inline dnnl_status_t cdnnl_matrix(dnnl_memory_desc_t *layout, dnnl_data_type_t type,
                                         dnnl_dim_t rows, dnnl_dim_t columns,
                                         dnnl_dim_t row_stride, dnnl_dim_t column_stride) {
  dnnl_dims_t sizes = {rows, columns}, strides = {row_stride, column_stride};
  return dnnl_memory_desc_init_by_strides(layout, 2, sizes, type, strides);
}

/// A matrix in the layout that a product likes best.
static inline dnnl_status_t cdnnl_any_matrix(dnnl_memory_desc_t *layout, dnnl_data_type_t type,
                                             dnnl_dim_t rows, dnnl_dim_t columns) {
  dnnl_dims_t sizes = {rows, columns};
  return dnnl_memory_desc_init_by_tag(layout, 2, sizes, type, dnnl_format_tag_any);
}

/// Some columns of a matrix of `rows` rows as a matrix that begins at element 0; `offset` receives
/// where they begin in the whole one.
static inline dnnl_status_t cdnnl_columns(dnnl_memory_desc_t *layout,
                                          const dnnl_memory_desc_t *whole, dnnl_dim_t rows,
                                          dnnl_dim_t first, dnnl_dim_t count, dnnl_dim_t *offset) {
  dnnl_dims_t sizes = {rows, count}, offsets = {0, first};
  dnnl_status_t status = dnnl_memory_desc_init_submemory(layout, whole, sizes, offsets);
  *offset = layout->offset0;
  layout->offset0 = 0;
  return status;
}
