// Compiles the header named RC_BODY once per instruction set; RC_VARIANT(name) is the name with the
// set's suffix, and RC_SHUFFLES whether the set can look bytes up in a register. Included once by each
// implementation file.
#include "variants.h"

#pragma clang diagnostic ignored "-Wpsabi"

#define RC_VARIANT(name) name##_portable
#define RC_SHUFFLES 0
#include RC_BODY
#undef RC_SHUFFLES
#undef RC_VARIANT

#if RC_X86

#define RC_SHUFFLES 1
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#define RC_VARIANT(name) name##_avx2
#include RC_BODY
#undef RC_VARIANT
#pragma clang attribute pop

#pragma clang attribute push( \
  __attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl"))), \
  apply_to = function)
#define RC_VARIANT(name) name##_avx512
#include RC_BODY
#undef RC_VARIANT
#pragma clang attribute pop
#undef RC_SHUFFLES

#endif
