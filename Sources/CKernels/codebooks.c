// A codebook is a set of words, and an index counts its members in ascending order: of a word as a number, whose
// digits are the ranks of its levels, the first level being the lowest digit.
#include "codebooks.h"

#include <pthread.h>

#include "codebook_sets.h"

static rc_codebooks books;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void expand(const uint64_t *set, const uint8_t *levels, int base, int width, uint8_t *words) {
  int count = 1;
  for (int digit = 0; digit < width; digit++) count *= base;
  for (int word = 0; word < count; word++) {
    if (!(set[word / 64] >> word % 64 & 1)) continue;
    for (int digit = 0, rest = word; digit < width; digit++, rest /= base) *words++ = levels[rest % base];
  }
}

static void expand_all(void) {
  static const uint8_t three[] = {8, 25, 43}, ternary[] = {255, 0, 1};
  static const uint8_t fours[] = {4, 12, 20, 28, 36, 44, 52, 62}, odd[] = {1, 3, 5, 7, 9, 11, 13, 15};
  expand(rc_iq2_xxs_set, three, 3, 8, books.iq2_xxs[0]);
  expand(rc_iq2_xs_set, three, 3, 8, books.iq2_xs[0]);
  expand(rc_iq2_s_set, three, 3, 8, books.iq2_s[0]);
  expand(rc_iq1_set, ternary, 3, 8, books.iq1[0]);
  expand(rc_iq3_xxs_set, fours, 8, 4, books.iq3_xxs[0]);
  expand(rc_iq3_s_set, odd, 8, 4, books.iq3_s[0]);
}

const rc_codebooks *rc_all_codebooks(void) {
  pthread_once(&once, expand_all);
  return &books;
}
