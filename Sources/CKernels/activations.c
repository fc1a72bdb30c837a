// Activation functions of the feed-forward blocks, plain and gated.
#define RC_BODY "activations_body.h"
#include "each_variant.h"

void rc_activate(int kind, const float *x, int form, void *y, ptrdiff_t count) {
  RC_CALL(activate, kind, x, NULL, form, y, count);
}

void rc_clamped_gate(const float *x, const float *up, float slope, float limit, int form, void *y,
                     ptrdiff_t count) {
  RC_CALL(clamped_gate, x, up, slope, limit, form, y, count);
}

void rc_gate(int kind, const float *x, const float *up, int form, void *y, ptrdiff_t count) {
  RC_CALL(activate, kind, x, up, form, y, count);
}
