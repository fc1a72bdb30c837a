// Blocks of 256 elements whose indices stand for words of several levels, each with a sign bit of its own; groups of
// 32 or 16 elements have a scale. Layouts (ggml) in bytes, d being f16:
//   iq2_xxs: d, for each 32: 4 indices, 32 bits: 4 times 7 signs, scale (4 bits)
//   iq2_xs: d, for each 8: 16 bits: index (9), 7 signs; 8 scales for 16 and 16 (4 bits each)
//   iq2_s: d, 32 low index bytes, 32 sign bytes, 8 of high index bits, 8 scales for 16 and 16
//   iq3_xxs: d, 64 indices, for each 32: 32 bits as in iq2_xxs
//   iq3_s: d, 64 low index bytes, 8 of high index bits, 32 sign bytes, 4 scales for 32 and 32
//   iq1_s: d, 32 low index bytes, for each 32: 16 bits: 4 times 3 high index bits, scale (3), shift
//   iq1_m: 32 low index bytes, 16 of high index bits (3) and a shift for each 8, for each 64: 16 bits: 4 scales for 16
//     (3 bits), and a quarter of d
// The eighth of seven signs is their parity. A shift moves all levels by an eighth, up or down.
#include "codebooks.h"

RC_INLINE rc_bytes RC_VARIANT(two_words)(const uint8_t *first, const uint8_t *second) {
  rc_bytes v;
  memcpy(&v, first, 8);
  memcpy((uint8_t *)&v + 8, second, 8);
  return v;
}

RC_INLINE unsigned RC_VARIANT(eight_signs)(unsigned seven) {
  return seven | (unsigned)__builtin_parity(seven) << 7;
}

// Sixteen levels, those negated whose bit is set.
RC_INLINE rc_floats RC_VARIANT(with_signs)(rc_bytes levels, unsigned first, unsigned second) {
  uint8_t a = (uint8_t)first, b = (uint8_t)second;
  rc_bytes bits = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
  rc_bytes signs = {a, a, a, a, a, a, a, a, b, b, b, b, b, b, b, b};
  rc_bytes negative = (rc_bytes)((signs & bits) == bits);
  return RC_VARIANT(signed_floats)((levels ^ negative) - negative);
}

RC_INLINE uint32_t RC_VARIANT(load_word)(const uint8_t *bytes) {
  uint32_t word;
  memcpy(&word, bytes, sizeof word);
  return word;
}

static void RC_VARIANT(decode_iq2_xxs)(const uint8_t *bytes, float *restrict output, size_t blocks) {
  const rc_codebooks *books = rc_all_codebooks();
  for (size_t block = 0; block < blocks; block++, bytes += RC_IQ2_XXS_BYTES, output += RC_SUPERBLOCK) {
    float d = RC_VARIANT(load_half)(bytes);
    for (int group = 0; group < 8; group++) {
      const uint8_t *q = bytes + 2 + group * 8;
      uint32_t word = RC_VARIANT(load_word)(q + 4);
      float scale = d * (0.5f + (float)(word >> 28)) * 0.25f;
      for (int half = 0; half < 2; half++, q += 2, word >>= 14) {
        rc_bytes levels = RC_VARIANT(two_words)(books->iq2_xxs[q[0]], books->iq2_xxs[q[1]]);
        rc_floats values = RC_VARIANT(with_signs)(
          levels, RC_VARIANT(eight_signs)(word & 127), RC_VARIANT(eight_signs)(word >> 7 & 127));
        RC_VARIANT(store)(output + group * 32 + half * 16, scale * values);
      }
    }
  }
}

static void RC_VARIANT(decode_iq2_xs)(const uint8_t *bytes, float *restrict output, size_t blocks) {
  const rc_codebooks *books = rc_all_codebooks();
  for (size_t block = 0; block < blocks; block++, bytes += RC_IQ2_XS_BYTES, output += RC_SUPERBLOCK) {
    float d = RC_VARIANT(load_half)(bytes);
    for (int group = 0; group < 16; group++) {
      float scale = d * (0.5f + (float)(bytes[66 + group / 2] >> group % 2 * 4 & 15)) * 0.25f;
      uint32_t pair = RC_VARIANT(load_word)(bytes + 2 + group * 4);
      rc_bytes levels = RC_VARIANT(two_words)(books->iq2_xs[pair & 511], books->iq2_xs[pair >> 16 & 511]);
      rc_floats values = RC_VARIANT(with_signs)(
        levels, RC_VARIANT(eight_signs)(pair >> 9 & 127), RC_VARIANT(eight_signs)(pair >> 25));
      RC_VARIANT(store)(output + group * 16, scale * values);
    }
  }
}

static void RC_VARIANT(decode_iq2_s)(const uint8_t *bytes, float *restrict output, size_t blocks) {
  const rc_codebooks *books = rc_all_codebooks();
  for (size_t block = 0; block < blocks; block++, bytes += RC_IQ2_S_BYTES, output += RC_SUPERBLOCK) {
    float d = RC_VARIANT(load_half)(bytes);
    for (int group = 0; group < 16; group++) {
      float scale = d * (0.5f + (float)(bytes[74 + group / 2] >> group % 2 * 4 & 15)) * 0.25f;
      const uint8_t *q = bytes + 2 + group * 2, *signs = q + 32;
      int high = bytes[66 + group / 2] >> group % 2 * 4;
      rc_bytes levels = RC_VARIANT(two_words)(
        books->iq2_s[q[0] | (high & 3) << 8], books->iq2_s[q[1] | (high >> 2 & 3) << 8]);
      RC_VARIANT(store)(output + group * 16, scale * RC_VARIANT(with_signs)(levels, signs[0], signs[1]));
    }
  }
}

static void RC_VARIANT(decode_iq3_xxs)(const uint8_t *bytes, float *restrict output, size_t blocks) {
  const rc_codebooks *books = rc_all_codebooks();
  for (size_t block = 0; block < blocks; block++, bytes += RC_IQ3_XXS_BYTES, output += RC_SUPERBLOCK) {
    float d = RC_VARIANT(load_half)(bytes);
    for (int group = 0; group < 8; group++) {
      const uint8_t *q = bytes + 2 + group * 8;
      uint32_t word = RC_VARIANT(load_word)(bytes + 66 + group * 4);
      float scale = d * (0.5f + (float)(word >> 28)) * 0.5f;
      for (int half = 0; half < 2; half++, q += 4, word >>= 14) {
        rc_bytes levels;
        for (int i = 0; i < 4; i++) memcpy((uint8_t *)&levels + i * 4, books->iq3_xxs[q[i]], 4);
        rc_floats values = RC_VARIANT(with_signs)(
          levels, RC_VARIANT(eight_signs)(word & 127), RC_VARIANT(eight_signs)(word >> 7 & 127));
        RC_VARIANT(store)(output + group * 32 + half * 16, scale * values);
      }
    }
  }
}

static void RC_VARIANT(decode_iq3_s)(const uint8_t *bytes, float *restrict output, size_t blocks) {
  const rc_codebooks *books = rc_all_codebooks();
  for (size_t block = 0; block < blocks; block++, bytes += RC_IQ3_S_BYTES, output += RC_SUPERBLOCK) {
    float d = RC_VARIANT(load_half)(bytes);
    for (int group = 0; group < 16; group++) {
      float scale = d * (float)(1 + 2 * (bytes[106 + group / 4] >> group / 2 % 2 * 4 & 15));
      const uint8_t *q = bytes + 2 + group * 4, *signs = bytes + 74 + group * 2;
      int high = bytes[66 + group / 2] >> group % 2 * 4;
      rc_bytes levels;
      for (int i = 0; i < 4; i++) {
        memcpy((uint8_t *)&levels + i * 4, books->iq3_s[q[i] | (high >> i & 1) << 8], 4);
      }
      RC_VARIANT(store)(output + group * 16, scale * RC_VARIANT(with_signs)(levels, signs[0], signs[1]));
    }
  }
}

// Two words of iq1 with a shift for each, times a scale.
RC_INLINE void RC_VARIANT(store_shifted)(float *output, const uint8_t *first, const uint8_t *second,
                                         float scale, int first_down, int second_down) {
  float a = first_down ? -0.125f : 0.125f, b = second_down ? -0.125f : 0.125f;
  rc_floats shifts = {a, a, a, a, a, a, a, a, b, b, b, b, b, b, b, b};
  rc_floats levels = RC_VARIANT(signed_floats)(RC_VARIANT(two_words)(first, second));
  RC_VARIANT(store)(output, scale * (levels + shifts));
}

static void RC_VARIANT(decode_iq1_s)(const uint8_t *bytes, float *restrict output, size_t blocks) {
  const rc_codebooks *books = rc_all_codebooks();
  for (size_t block = 0; block < blocks; block++, bytes += RC_IQ1_S_BYTES, output += RC_SUPERBLOCK) {
    float d = RC_VARIANT(load_half)(bytes);
    for (int group = 0; group < 16; group++) {
      const uint8_t *q = bytes + 2 + group * 2;
      uint16_t word;
      memcpy(&word, bytes + 34 + group / 2 * 2, sizeof word);
      int high = word >> group % 2 * 6, down = word >> 15;
      float scale = d * (float)(2 * (word >> 12 & 7) + 1);
      RC_VARIANT(store_shifted)(output + group * 16, books->iq1[q[0] | (high & 7) << 8],
                                books->iq1[q[1] | (high >> 3 & 7) << 8], scale, down, down);
    }
  }
}

static void RC_VARIANT(decode_iq1_m)(const uint8_t *bytes, float *restrict output, size_t blocks) {
  const rc_codebooks *books = rc_all_codebooks();
  for (size_t block = 0; block < blocks; block++, bytes += RC_IQ1_M_BYTES, output += RC_SUPERBLOCK) {
    uint16_t words[4], bits = 0;
    memcpy(words, bytes + 48, sizeof words);
    for (int i = 0; i < 4; i++) bits |= (uint16_t)(words[i] >> 12 << 4 * i);
    float d = RC_VARIANT(half)(bits);
    for (int group = 0; group < 16; group++) {
      const uint8_t *q = bytes + group * 2;
      int high = bytes[32 + group];
      float scale = d * (float)(2 * (words[group / 4] >> group % 4 * 3 & 7) + 1);
      RC_VARIANT(store_shifted)(output + group * 16, books->iq1[q[0] | (high & 7) << 8],
                                books->iq1[q[1] | (high >> 4 & 7) << 8], scale, high & 8, high & 128);
    }
  }
}
