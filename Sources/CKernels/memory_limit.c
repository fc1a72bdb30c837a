// Whether this process may have more memory, for libraries that do not ask before they wait.
#define _DEFAULT_SOURCE
#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "ckernels.h"

static bool is_limited(int kind) {
  struct rlimit limit;
  return getrlimit(kind, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
}

bool rc_memory_is_limited(void) { return is_limited(RLIMIT_AS) || is_limited(RLIMIT_DATA); }

bool rc_memory_has_room(size_t size) {
  // What is only looked at has not failed: an abort is told by errno to be for want of memory.
  int before = errno;
  void *room = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (room == MAP_FAILED) {
    errno = before;
    return false;
  }
  munmap(room, size);
  return true;
}
