// Blocks of 256 elements: groups of 16 or 32 elements, each with a scale (and a minimum) that is
// itself an integer times the block's f16 d (and dmin). Layouts (ggml) in bytes:
//   q2_k: 16 scale|minimum nibbles, 64 q (2 bits), d, dmin
//   q3_k: 32 third bits, 64 q (2 bits), 12 scales (6 bits), d
//   q4_k: d, dmin, 12 scales and minima (6 bits), 128 q (4 bits)
//   q5_k: d, dmin, 12 scales and minima, 32 fifth bits, 128 q (4 bits)
//   q6_k: 128 q (4 low bits), 64 q (2 high bits), 16 signed scales, d
//   q8_k: f32 d, 256 signed q, 16 int16 sums (of use only to products)
//   iq4_xs: d, 2 bytes of high scale bits, 4 of low ones, 128 q (4 bits, indices into a table)

static void RC_VARIANT(decode_q2_k)(const uint8_t *bytes, float *restrict output, size_t blocks) {
  for (size_t block = 0; block < blocks; block++, bytes += RC_Q2_K_BYTES, output += RC_SUPERBLOCK) {
    float d = RC_VARIANT(load_half)(bytes + 80), dmin = RC_VARIANT(load_half)(bytes + 82);
    for (int group = 0; group < 16; group++) {
      float scale = d * (float)(bytes[group] & 15);
      float minimum = dmin * (float)(bytes[group] >> 4);
      const uint8_t *q = bytes + 16 + group / 8 * 32 + group % 2 * 16;
      int shift = group / 2 % 4 * 2;
      float *values = output + group * 16;
      rc_ints two = RC_VARIANT(load_ints)(q) >> shift & 3;
      RC_VARIANT(store)(values, scale * rc_to_floats(two) - minimum);
    }
  }
}

static void RC_VARIANT(decode_q3_k)(const uint8_t *bytes, float *restrict output, size_t blocks) {
  for (size_t block = 0; block < blocks; block++, bytes += RC_Q3_K_BYTES, output += RC_SUPERBLOCK) {
    const uint8_t *packed = bytes + 96;
    float d = RC_VARIANT(load_half)(bytes + 108);
    for (int group = 0; group < 16; group++) {
      // Four low bits in 8 bytes of nibbles, two high bits in the 4 bytes that follow.
      int low = packed[group % 8] >> group / 8 * 4 & 15;
      int high = packed[8 + group % 4] >> group / 4 * 2 & 3;
      float scale = d * (float)((low | high << 4) - 32);
      const uint8_t *q = bytes + 32 + group / 8 * 32 + group % 2 * 16;
      const uint8_t *third = bytes + group % 2 * 16;
      int shift = group / 2 % 4 * 2, bit = group / 2;
      float *values = output + group * 16;
      rc_ints two = RC_VARIANT(load_ints)(q) >> shift & 3;
      rc_ints missing = ~RC_VARIANT(load_ints)(third) >> bit & 1;
      RC_VARIANT(store)(values, scale * rc_to_floats(two - missing * 4));
    }
  }
}

// The 6-bit scale and minimum of one of eight groups, from the 12 bytes of q4_k and q5_k.
RC_INLINE void RC_VARIANT(scale_and_minimum)(const uint8_t *packed, int group, int *scale,
                                             int *minimum) {
  if (group < 4) {
    *scale = packed[group] & 63;
    *minimum = packed[group + 4] & 63;
  } else {
    *scale = (packed[group + 4] & 15) | packed[group - 4] >> 6 << 4;
    *minimum = packed[group + 4] >> 4 | packed[group] >> 6 << 4;
  }
}

static void RC_VARIANT(decode_q4_k)(const uint8_t *bytes, float *restrict output, size_t blocks) {
  for (size_t block = 0; block < blocks; block++, bytes += RC_Q4_K_BYTES, output += RC_SUPERBLOCK) {
    float d = RC_VARIANT(load_half)(bytes), dmin = RC_VARIANT(load_half)(bytes + 2);
    for (int group = 0; group < 8; group++) {
      int scale, minimum;
      RC_VARIANT(scale_and_minimum)(bytes + 4, group, &scale, &minimum);
      float factor = d * (float)scale, offset = dmin * (float)minimum;
      const uint8_t *q = bytes + 16 + group / 2 * 32;
      int shift = group % 2 * 4;
      float *values = output + group * 32;
      for (int i = 0; i < 32; i++) values[i] = factor * (float)(q[i] >> shift & 15) - offset;
    }
  }
}

static void RC_VARIANT(decode_q5_k)(const uint8_t *bytes, float *restrict output, size_t blocks) {
  for (size_t block = 0; block < blocks; block++, bytes += RC_Q5_K_BYTES, output += RC_SUPERBLOCK) {
    float d = RC_VARIANT(load_half)(bytes), dmin = RC_VARIANT(load_half)(bytes + 2);
    const uint8_t *fifth = bytes + 16;
    for (int group = 0; group < 8; group++) {
      int scale, minimum;
      RC_VARIANT(scale_and_minimum)(bytes + 4, group, &scale, &minimum);
      float factor = d * (float)scale, offset = dmin * (float)minimum;
      const uint8_t *q = bytes + 48 + group / 2 * 32;
      int shift = group % 2 * 4;
      float *values = output + group * 32;
      for (int i = 0; i < 32; i++) {
        int value = (q[i] >> shift & 15) | (fifth[i] >> group & 1) << 4;
        values[i] = factor * (float)value - offset;
      }
    }
  }
}

static void RC_VARIANT(decode_q6_k)(const uint8_t *bytes, float *restrict output, size_t blocks) {
  for (size_t block = 0; block < blocks; block++, bytes += RC_Q6_K_BYTES, output += RC_SUPERBLOCK) {
    float d = RC_VARIANT(load_half)(bytes + 208);
    for (int group = 0; group < 16; group++) {
      float scale = d * (float)(int8_t)bytes[192 + group];
      // Halves of 128 elements: 64 bytes of low nibbles, then high ones; 32 bytes of high bits.
      int part = group / 2 % 4;
      const uint8_t *low = bytes + group / 8 * 64 + part % 2 * 32 + group % 2 * 16;
      const uint8_t *high = bytes + 128 + group / 8 * 32 + group % 2 * 16;
      int low_shift = part / 2 * 4, high_shift = part * 2;
      float *values = output + group * 16;
      rc_ints four = RC_VARIANT(load_ints)(low) >> low_shift & 15;
      rc_ints two = RC_VARIANT(load_ints)(high) >> high_shift & 3;
      RC_VARIANT(store)(values, scale * rc_to_floats((four | two << 4) - 32));
    }
  }
}

static void RC_VARIANT(decode_q8_k)(const uint8_t *bytes, float *restrict output, size_t blocks) {
  for (size_t block = 0; block < blocks; block++, bytes += RC_Q8_K_BYTES, output += RC_SUPERBLOCK) {
    float d;
    memcpy(&d, bytes, sizeof d);
    for (int i = 0; i < 256; i++) output[i] = d * (float)(int8_t)bytes[4 + i];
  }
}

static void RC_VARIANT(decode_iq4_xs)(const uint8_t *bytes, float *restrict output,
                                      size_t blocks) {
  for (size_t block = 0; block < blocks; block++, bytes += RC_IQ4_XS_BYTES, output += RC_SUPERBLOCK) {
    float d = RC_VARIANT(load_half)(bytes);
    uint16_t high;
    memcpy(&high, bytes + 2, sizeof high);
    for (int group = 0; group < 8; group++) {
      int scale = (bytes[4 + group / 2] >> group % 2 * 4 & 15) | (high >> group * 2 & 3) << 4;
      float factor = d * (float)(scale - 32);
      const uint8_t *q = bytes + 8 + group * 16;
      float *values = output + group * 32;
      rc_bytes indices = RC_VARIANT(load_bytes)(q);
      RC_VARIANT(store)(values, factor * RC_VARIANT(levels)(rc_nonlinear, indices & 15));
      RC_VARIANT(store)(values + 16, factor * RC_VARIANT(levels)(rc_nonlinear, indices >> 4));
    }
  }
}
