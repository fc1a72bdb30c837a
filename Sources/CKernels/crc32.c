// CRC-32 as zip and gzip have it (ISO 3309, reflected polynomial 0xEDB88320), eight bytes a step.

#include "ckernels.h"

// table[k][b] is the CRC of byte b followed by k zero bytes.
static uint32_t table[8][256];

__attribute__((constructor)) static void fill_table(void) {
  for (uint32_t byte = 0; byte < 256; byte++) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
    table[0][byte] = crc;
  }
  for (int k = 1; k < 8; k++) {
    for (int byte = 0; byte < 256; byte++) {
      uint32_t crc = table[k - 1][byte];
      table[k][byte] = crc >> 8 ^ table[0][crc & 255];
    }
  }
}

uint32_t rc_crc32(uint32_t crc, const void *bytes, size_t count) {
  const uint8_t *p = bytes;
  crc = ~crc;
  for (; count >= 8; p += 8, count -= 8) {
    // By bytes, so that the order of a word's bytes does not matter.
    uint32_t low = crc ^ (p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24);
    crc = table[7][low & 255] ^ table[6][low >> 8 & 255] ^ table[5][low >> 16 & 255] ^
          table[4][low >> 24] ^ table[3][p[4]] ^ table[2][p[5]] ^ table[1][p[6]] ^ table[0][p[7]];
  }
  for (; count > 0; p++, count--) crc = crc >> 8 ^ table[0][(crc ^ *p) & 255];
  return ~crc;
}
