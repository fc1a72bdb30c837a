// What the implementation files share: the call of the variant for the instruction set in use.
#ifndef CKERNELS_VARIANTS_H
#define CKERNELS_VARIANTS_H

#include "ckernels.h"

#if defined(__x86_64__) && defined(__clang__)
#define RC_X86 1
#include <immintrin.h>
#else
#define RC_X86 0
#endif

// Calls FUNCTION_portable, FUNCTION_avx2 or FUNCTION_avx512.
#if RC_X86
#define RC_CALL(function, ...)                             \
  switch (rc_variant()) {                                  \
    case RC_AVX512: function##_avx512(__VA_ARGS__); break; \
    case RC_AVX2: function##_avx2(__VA_ARGS__); break;     \
    default: function##_portable(__VA_ARGS__); break;      \
  }
#else
#define RC_CALL(function, ...) function##_portable(__VA_ARGS__)
#endif

#endif
