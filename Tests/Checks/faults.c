// For Tests/Checks/faults: calls of the system on files of one folder are counted, and one of them, or all from that one
// on, fails or moves one byte. Loaded in front of the C library (LD_PRELOAD).
//
// FAULT_FOLDER  paths below it count, and what was opened there; the program is started in it
// FAULT_AT      the call that fails, counted from 0; nothing fails without it
// FAULT_ERROR   the number of the error; 0: the call moves one byte instead, where it moves bytes
// FAULT_FOREVER 1: so do all that follow
// FAULT_SIGNAL  the process gets this signal before the call, which then goes on
// FAULT_LOG     a file outside the folder, to which the names of all calls are written
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { DESCRIPTORS = 4096, NONE = -1, SHORT = 0 };

static const char *folder;
static long at = -1;
static int error_number, forever, signal_number, log_descriptor = -1;
static atomic_long calls;
static atomic_char watched[DESCRIPTORS];

__attribute__((constructor)) static void prepare(void) {
  folder = getenv("FAULT_FOLDER");
  if (getenv("FAULT_AT")) at = atol(getenv("FAULT_AT"));
  if (getenv("FAULT_ERROR")) error_number = atoi(getenv("FAULT_ERROR"));
  forever = getenv("FAULT_FOREVER") != NULL;
  if (getenv("FAULT_SIGNAL")) signal_number = atoi(getenv("FAULT_SIGNAL"));
  if (getenv("FAULT_LOG"))
    log_descriptor = syscall(SYS_openat, AT_FDCWD, getenv("FAULT_LOG"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
}

// A relative path is below the folder: the program is started there.
static int below(const char *path) {
  return folder && path && (path[0] != '/' || strncmp(path, folder, strlen(folder)) == 0);
}
static int known(int descriptor) { return descriptor >= 0 && descriptor < DESCRIPTORS && watched[descriptor]; }

// Counts a call; NONE where it is to be left alone, SHORT, or the number of its error.
static int next(const char *name) {
  long number = atomic_fetch_add(&calls, 1);
  if (log_descriptor >= 0) {
    char line[64];
    size_t length = strlen(name);
    memcpy(line, name, length);
    line[length] = '\n';
    syscall(SYS_write, log_descriptor, line, length + 1);
  }
  if (at < 0 || (forever ? number < at : number != at)) return NONE;
  if (signal_number) {
    // To this thread: the signal is there before the call goes on.
    raise(signal_number);
    return NONE;
  }
  return error_number;
}

// The library's own function of a name.
#define REAL(name) ((typeof(&name))dlsym(RTLD_NEXT, #name))

static int opened(int descriptor, int counts) {
  if (descriptor >= 0 && descriptor < DESCRIPTORS) watched[descriptor] = counts;
  return descriptor;
}

#define OPEN(name, ...)                                   \
  mode_t mode = 0;                                        \
  if (flags & (O_CREAT | O_TMPFILE)) {                    \
    va_list list;                                         \
    va_start(list, flags);                                \
    mode = va_arg(list, mode_t);                          \
    va_end(list);                                         \
  }                                                       \
  int counts = below(path);                               \
  int fault = counts ? next("open") : NONE;               \
  if (fault > 0) return errno = fault, -1;                \
  return opened(REAL(name)(__VA_ARGS__, mode), counts);

int open(const char *path, int flags, ...) { OPEN(open, path, flags) }
int open64(const char *path, int flags, ...) { OPEN(open64, path, flags) }
int openat(int base, const char *path, int flags, ...) { OPEN(openat, base, path, flags) }
int openat64(int base, const char *path, int flags, ...) { OPEN(openat64, base, path, flags) }

#define MOVE(name, type, descriptor, count, ...)                              \
  int fault = known(descriptor) ? next(#name) : NONE;                         \
  if (fault > 0) return errno = fault, -1;                                    \
  if (fault == SHORT && count > 1) count = 1;                                 \
  return REAL(name)(__VA_ARGS__);

ssize_t read(int d, void *b, size_t n) { MOVE(read, ssize_t, d, n, d, b, n) }
ssize_t write(int d, const void *b, size_t n) { MOVE(write, ssize_t, d, n, d, b, n) }
ssize_t pread(int d, void *b, size_t n, off_t o) { MOVE(pread, ssize_t, d, n, d, b, n, o) }
ssize_t pread64(int d, void *b, size_t n, off64_t o) { MOVE(pread64, ssize_t, d, n, d, b, n, o) }
ssize_t pwrite(int d, const void *b, size_t n, off_t o) { MOVE(pwrite, ssize_t, d, n, d, b, n, o) }
ssize_t pwrite64(int d, const void *b, size_t n, off64_t o) { MOVE(pwrite64, ssize_t, d, n, d, b, n, o) }
ssize_t copy_file_range(int a, off64_t *i, int d, off64_t *o, size_t n, unsigned f) {
  MOVE(copy_file_range, ssize_t, d, n, a, i, d, o, n, f)
}

#define PLAIN(name, counts, ...)                    \
  int fault = (counts) ? next(#name) : NONE;        \
  if (fault > 0) return errno = fault, -1;          \
  return REAL(name)(__VA_ARGS__);

int ftruncate(int d, off_t n) { PLAIN(ftruncate, known(d), d, n) }
int ftruncate64(int d, off64_t n) { PLAIN(ftruncate64, known(d), d, n) }
int fsync(int d) { PLAIN(fsync, known(d), d) }
int fdatasync(int d) { PLAIN(fdatasync, known(d), d) }
int rename(const char *a, const char *b) { PLAIN(rename, below(b), a, b) }
int renameat(int c, const char *a, int d, const char *b) { PLAIN(renameat, below(b), c, a, d, b) }
int renameat2(int c, const char *a, int d, const char *b, unsigned f) { PLAIN(renameat2, below(b), c, a, d, b, f) }
int link(const char *a, const char *b) { PLAIN(link, below(b), a, b) }
int linkat(int c, const char *a, int d, const char *b, int f) { PLAIN(linkat, below(b), c, a, d, b, f) }
int mkdir(const char *p, mode_t m) { PLAIN(mkdir, below(p), p, m) }

// A descriptor is closed however that ends.
int close(int d) {
  int counts = known(d), fault = counts ? next("close") : NONE;
  if (counts) watched[d] = 0;
  int result = REAL(close)(d);
  return fault > 0 ? (errno = fault, -1) : result;
}

#define MAP(name)                                        \
  int fault = known(d) ? next("mmap") : NONE;            \
  if (fault > 0) return errno = fault, MAP_FAILED;       \
  return REAL(name)(a, n, p, f, d, o);

void *mmap(void *a, size_t n, int p, int f, int d, off_t o) { MAP(mmap) }
void *mmap64(void *a, size_t n, int p, int f, int d, off64_t o) { MAP(mmap64) }
