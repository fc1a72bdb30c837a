// Blocks of 32 elements. Layouts (ggml): q4_0: f16 d, 16 bytes of low and high nibbles; q4_1: f16
// d, f16 m, nibbles; q5_0 and q5_1: as q4_0 and q4_1 with 32 fifth bits before the nibbles; q8_0:
// f16 d, 32 signed bytes; iq4_nl: as q4_0, nibbles being indices into a table; mxfp4: a byte e, the
// scale being 2^(e - 127), and nibbles, indices into a table. Elements 0 to 15 are the low nibbles,
// 16 to 31 the high ones.
#include "nonlinear.h"

static void RC_VARIANT(decode_q4_0)(const uint8_t *bytes, float *restrict output, size_t blocks) {
  for (size_t block = 0; block < blocks; block++, bytes += RC_Q4_0_BYTES, output += RC_BLOCK) {
    float d = RC_VARIANT(load_half)(bytes);
    rc_bytes q = RC_VARIANT(load_bytes)(bytes + 2);
    RC_VARIANT(store)(output, d * RC_VARIANT(signed_floats)((q & 15) - 8));
    RC_VARIANT(store)(output + 16, d * RC_VARIANT(signed_floats)((q >> 4) - 8));
  }
}

static void RC_VARIANT(decode_q4_1)(const uint8_t *bytes, float *restrict output, size_t blocks) {
  for (size_t block = 0; block < blocks; block++, bytes += RC_Q4_1_BYTES, output += RC_BLOCK) {
    float d = RC_VARIANT(load_half)(bytes), m = RC_VARIANT(load_half)(bytes + 2);
    rc_bytes q = RC_VARIANT(load_bytes)(bytes + 4);
    RC_VARIANT(store)(output, d * RC_VARIANT(floats)(q & 15) + m);
    RC_VARIANT(store)(output + 16, d * RC_VARIANT(floats)(q >> 4) + m);
  }
}

static void RC_VARIANT(decode_q5_0)(const uint8_t *bytes, float *restrict output, size_t blocks) {
  for (size_t block = 0; block < blocks; block++, bytes += RC_Q5_0_BYTES, output += RC_BLOCK) {
    float d = RC_VARIANT(load_half)(bytes);
    uint32_t fifth;
    memcpy(&fifth, bytes + 2, sizeof fifth);
    for (int i = 0; i < 16; i++) {
      int q = (int)((bytes[6 + i] & 15u) | (fifth >> i & 1u) << 4);
      output[i] = d * (float)(q - 16);
    }
    for (int i = 0; i < 16; i++) {
      int q = (int)((bytes[6 + i] >> 4) | (fifth >> (16 + i) & 1u) << 4);
      output[16 + i] = d * (float)(q - 16);
    }
  }
}

static void RC_VARIANT(decode_q5_1)(const uint8_t *bytes, float *restrict output, size_t blocks) {
  for (size_t block = 0; block < blocks; block++, bytes += RC_Q5_1_BYTES, output += RC_BLOCK) {
    float d = RC_VARIANT(load_half)(bytes), m = RC_VARIANT(load_half)(bytes + 2);
    uint32_t fifth;
    memcpy(&fifth, bytes + 4, sizeof fifth);
    for (int i = 0; i < 16; i++) {
      int q = (int)((bytes[8 + i] & 15u) | (fifth >> i & 1u) << 4);
      output[i] = d * (float)q + m;
    }
    for (int i = 0; i < 16; i++) {
      int q = (int)((bytes[8 + i] >> 4) | (fifth >> (16 + i) & 1u) << 4);
      output[16 + i] = d * (float)q + m;
    }
  }
}

static void RC_VARIANT(decode_q8_0)(const uint8_t *bytes, float *restrict output, size_t blocks) {
  for (size_t block = 0; block < blocks; block++, bytes += RC_Q8_0_BYTES, output += RC_BLOCK) {
    float d = RC_VARIANT(load_half)(bytes);
    for (int i = 0; i < 32; i++) output[i] = d * (float)(int8_t)bytes[2 + i];
  }
}

static void RC_VARIANT(decode_iq4_nl)(const uint8_t *bytes, float *restrict output,
                                      size_t blocks) {
  for (size_t block = 0; block < blocks; block++, bytes += RC_IQ4_NL_BYTES, output += RC_BLOCK) {
    float d = RC_VARIANT(load_half)(bytes);
    rc_bytes q = RC_VARIANT(load_bytes)(bytes + 2);
    RC_VARIANT(store)(output, d * RC_VARIANT(levels)(rc_nonlinear, q & 15));
    RC_VARIANT(store)(output + 16, d * RC_VARIANT(levels)(rc_nonlinear, q >> 4));
  }
}

static void RC_VARIANT(decode_mxfp4)(const uint8_t *bytes, float *restrict output, size_t blocks) {
  for (size_t block = 0; block < blocks; block++, bytes += RC_MXFP4_BYTES, output += RC_BLOCK) {
    float d = RC_VARIANT(half_of_power)(bytes[0]);
    rc_bytes q = RC_VARIANT(load_bytes)(bytes + 1);
    RC_VARIANT(store)(output, d * RC_VARIANT(levels)(rc_fp4, q & 15));
    RC_VARIANT(store)(output + 16, d * RC_VARIANT(levels)(rc_fp4, q >> 4));
  }
}
