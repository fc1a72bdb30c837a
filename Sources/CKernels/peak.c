// What this processor can do at most, for benchmarks to compare with.
#define RC_BODY "peak_body.h"
#include "each_variant.h"

float rc_peak_multiply_add(int chains, ptrdiff_t steps, float seed) {
  float result = 0;
  RC_CALL(peak_multiply_add, chains, steps, seed, &result);
  return result;
}

void rc_peak_triad(const float *a, const float *b, float factor, float *y, ptrdiff_t count) {
  RC_CALL(peak_triad, a, b, factor, y, count);
}

#if RC_X86
// Twelve independent sums cover the latency of two multiply units.
__attribute__((target("avx512f,avx512bw,avx512bf16"))) static float bfloat16_sums(ptrdiff_t steps,
                                                                               float seed) {
  __m512bh a = _mm512_cvtne2ps_pbh(_mm512_set1_ps(seed), _mm512_set1_ps(seed));
  __m512 sums[12];
#pragma unroll
  for (int i = 0; i < 12; i++) sums[i] = _mm512_set1_ps((float)i);
  for (ptrdiff_t step = 0; step < steps; step++) {
#pragma unroll
    for (int i = 0; i < 12; i++) sums[i] = _mm512_dpbf16_ps(sums[i], a, a);
  }
  __m512 total = sums[0];
#pragma unroll
  for (int i = 1; i < 12; i++) total = _mm512_add_ps(total, sums[i]);
  return _mm512_reduce_add_ps(total);
}
#endif

float rc_peak_bfloat16(ptrdiff_t steps, float seed) {
#if RC_X86
  if (rc_isa_has_bf16()) return bfloat16_sums(steps, seed);
#endif
  (void)steps;
  (void)seed;
  return 0;
}
