// Which instruction set the kernels use.
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "variants.h"

static int available(void) {
#if RC_X86
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") ||
      !__builtin_cpu_supports("f16c")) {
    return RC_PORTABLE;
  }
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
    return RC_AVX512;
  }
  return RC_AVX2;
#else
  return RC_PORTABLE;
#endif
}

static int allowed(void) {
  const char *limit = getenv("ROPECONV_ISA");
  if (limit != NULL && strcmp(limit, "portable") == 0) return RC_PORTABLE;
  if (limit != NULL && strcmp(limit, "avx2") == 0) return RC_AVX2;
  return RC_AVX512;
}

int rc_isa_level(void) {
  // Every thread would compute the same value, so a race costs nothing.
  static _Atomic int known = -1;
  int level = atomic_load_explicit(&known, memory_order_relaxed);
  if (level >= 0) return level;
  int best = available(), limit = allowed();
  level = best < limit ? best : limit;
  atomic_store_explicit(&known, level, memory_order_relaxed);
  return level;
}

int rc_isa_has_bf16(void) {
#if RC_X86
  const char *limit = getenv("ROPECONV_ISA");
  if (limit != NULL && strcmp(limit, "avx512") == 0) return 0;
  __builtin_cpu_init();
  return rc_isa_level() == RC_AVX512 && __builtin_cpu_supports("avx512bf16") != 0;
#else
  return 0;
#endif
}

// Of the calling thread alone: what a test forces must not change the digits of another's work.
static _Thread_local int forced = -1;

void rc_force_variant(int level) { forced = level; }

int rc_variant(void) {
  int level = rc_isa_level();
  return forced >= 0 && forced < level ? forced : level;
}
