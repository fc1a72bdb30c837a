// Scratch memory that stays with each thread, so that inner loops allocate nothing.
#include <stdlib.h>

#include "ckernels.h"

static _Thread_local struct {
  void *memory;
  size_t size;
} slots[RC_THREAD_SLOTS];

void *rc_thread_memory(int slot, size_t size) {
  if (slots[slot].size < size) {
    // Whole pages: aligned_alloc wants a multiple of the alignment, and growth should be rare.
    size_t rounded = (size + 4095) / 4096 * 4096;
    void *memory = aligned_alloc(64, rounded);
    if (memory == NULL) return NULL;
    free(slots[slot].memory);
    slots[slot].memory = memory;
    slots[slot].size = rounded;
  }
  return slots[slot].memory;
}
