// Activation functions of the feed-forward blocks, plain and gated.
#define RC_BODY "activations_body.h"
#include "each_variant.h"

void rc_activate(int kind, float *x, ptrdiff_t count) {
  RC_CALL(activate, kind, x, NULL, x, count);
}

void rc_gate(int kind, const float *x, const float *up, float *y, ptrdiff_t count) {
  RC_CALL(activate, kind, x, up, y, count);
}
