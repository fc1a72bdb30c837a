// PCRE2, 8-bit code units: the patterns of pre-tokenizers.
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
