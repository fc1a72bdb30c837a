// The sixteen levels of iq4_nl and iq4_xs (ggml).
#ifndef CKERNELS_NONLINEAR_H
#define CKERNELS_NONLINEAR_H

static const float rc_nonlinear[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                       1,    13,   25,  38,  53,  69,  89,  113};

#endif
