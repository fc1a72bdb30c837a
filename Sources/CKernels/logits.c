// Log-sum-exp over a vocabulary that comes in blocks of columns.
#define RC_BODY "logits_body.h"
#include "each_variant.h"

void rc_log_sum_exp(const float *logits, ptrdiff_t stride, ptrdiff_t rows, ptrdiff_t columns,
                    float softcap, float *maximum, double *sum) {
  RC_CALL(log_sum_exp, logits, stride, rows, columns, softcap, maximum, sum);
}

void rc_expected_difference(const float *logits, const float *others, ptrdiff_t stride,
                            ptrdiff_t rows, ptrdiff_t columns, float *maximum, double *sum,
                            double *weighted) {
  RC_CALL(expected_difference, logits, others, stride, rows, columns, maximum, sum, weighted);
}
