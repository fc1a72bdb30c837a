// Levels that 4-bit indices stand for: the sixteen of iq4_nl and iq4_xs (ggml), and those of mxfp4,
// floats with 2 exponent bits and 1 of mantissa, doubled. Its index 8, a negative zero, decodes to 0.
#ifndef CKERNELS_NONLINEAR_H
#define CKERNELS_NONLINEAR_H
#include <stdint.h>

static const int8_t rc_nonlinear[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                        1,    13,   25,  38,  53,  69,  89,  113};
static const int8_t rc_fp4[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

#endif
