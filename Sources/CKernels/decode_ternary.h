// Blocks of 256 elements of -1, 0 or 1 times f16 d. Layouts (ggml) in bytes:
//   tq1_0: 48 with five elements, 4 with four, d. The elements are digits of a number of base 3, as a fraction of 256
//     that is rounded up: the highest follows from the number times 3, the next ones from its remainders.
//   tq2_0: 64 q (2 bits, plus 1), d

// The highest digit of sixteen numbers, less 1.
RC_INLINE rc_floats RC_VARIANT(ternary)(rc_bytes numbers) {
  rc_bytes above = (rc_bytes)(numbers > 85) + (rc_bytes)(numbers > 170);
  return RC_VARIANT(signed_floats)((rc_bytes)(0 - above) - 1);
}

static void RC_VARIANT(decode_tq1_0)(const uint8_t *bytes, float *restrict output, size_t blocks) {
  static const uint8_t powers[] = {1, 3, 9, 27, 81};
  for (size_t block = 0; block < blocks; block++, bytes += RC_TQ1_0_BYTES, output += RC_SUPERBLOCK) {
    float d = RC_VARIANT(load_half)(bytes + 52);
    // 32 bytes for elements 0 ... 159, 16 for the next 80.
    for (int part = 0; part < 3; part++) {
      rc_bytes numbers = RC_VARIANT(load_bytes)(bytes + part * 16);
      for (int digit = 0; digit < 5; digit++) {
        float *values = part < 2 ? output + digit * 32 + part * 16 : output + 160 + digit * 16;
        RC_VARIANT(store)(values, d * RC_VARIANT(ternary)(numbers * powers[digit]));
      }
    }
    uint8_t last[RC_LANES];
    for (int i = 0; i < RC_LANES; i++) last[i] = (uint8_t)(bytes[48 + i % 4] * powers[i / 4]);
    RC_VARIANT(store)(output + 240, d * RC_VARIANT(ternary)(RC_VARIANT(load_bytes)(last)));
  }
}

static void RC_VARIANT(decode_tq2_0)(const uint8_t *bytes, float *restrict output, size_t blocks) {
  for (size_t block = 0; block < blocks; block++, bytes += RC_TQ2_0_BYTES, output += RC_SUPERBLOCK) {
    float d = RC_VARIANT(load_half)(bytes + 64);
    for (int group = 0; group < 16; group++) {
      const uint8_t *q = bytes + group / 8 * 32 + group % 2 * 16;
      rc_ints two = RC_VARIANT(load_ints)(q) >> group / 2 % 4 * 2 & 3;
      RC_VARIANT(store)(output + group * 16, d * rc_to_floats(two - 1));
    }
  }
}
