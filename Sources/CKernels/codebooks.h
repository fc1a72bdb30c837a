// Codebooks of the formats with fewer than four bits a number: an index stands for a word of eight or four levels.
#ifndef CKERNELS_CODEBOOKS_H
#define CKERNELS_CODEBOOKS_H
#include <stdint.h>

/// The words by their indices; levels of iq1 are signed.
typedef struct {
  uint8_t iq2_xxs[256][8], iq2_xs[512][8], iq2_s[1024][8], iq1[2048][8];
  uint8_t iq3_xxs[256][4], iq3_s[512][4];
} rc_codebooks;

/// Made by the first call, on any thread.
const rc_codebooks *rc_all_codebooks(void);

#endif
