// What must happen when a signal ends the program: only calls that are safe in a handler.

#define _GNU_SOURCE
#include "ckernels.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

enum { SLOTS = 1024, LONGEST = 4096 };

// A slot is 0 free, 1 being filled, 2 in use.
static atomic_int states[SLOTS];
static char paths[SLOTS][LONGEST];

void rc_register_temporary(const char *path) {
  size_t length = strlen(path);
  if (length >= LONGEST) return;
  for (int i = 0; i < SLOTS; i++) {
    int expected = 0;
    if (atomic_compare_exchange_strong(&states[i], &expected, 1)) {
      memcpy(paths[i], path, length + 1);
      atomic_store(&states[i], 2);
      return;
    }
  }
}

void rc_unregister_temporary(const char *path) {
  for (int i = 0; i < SLOTS; i++) {
    if (atomic_load(&states[i]) == 2 && strcmp(paths[i], path) == 0) {
      atomic_store(&states[i], 0);
      return;
    }
  }
}

// How many places put signals off, and the signal that came meanwhile.
static atomic_int holders;
static atomic_int pending;

#ifdef __linux__
// Removes the files of a folder, of which there may be more than slots. readdir() would allocate memory, which a handler
// may not.
static void empty_folder(const char *path) {
  struct entry {
    uint64_t inode;
    int64_t next;
    unsigned short size;
    unsigned char kind;
    char name[];
  };
  static _Alignas(struct entry) char entries[1 << 14];
  int folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (folder < 0) return;
  // What is removed may make others be passed over, so this looks again until nothing can be removed.
  for (int removed = 1; removed;) {
    removed = 0;
    lseek(folder, 0, SEEK_SET);
    long count;
    while ((count = syscall(SYS_getdents64, folder, entries, sizeof entries)) > 0) {
      for (long at = 0; at < count; at += ((struct entry *)(entries + at))->size) {
        if (unlinkat(folder, ((struct entry *)(entries + at))->name, 0) == 0) removed = 1;
      }
    }
  }
  close(folder);
}
#else
static void empty_folder(const char *path) { (void)path; }
#endif

static void remove_temporaries(void) {
  // While files change places, older ones lie under temporary names: the only copy. They are said to wait there when the
  // output is opened.
  if (atomic_load(&holders) > 0) return;
  // Two threads may fail at once.
  static atomic_flag begun = ATOMIC_FLAG_INIT;
  if (atomic_flag_test_and_set(&begun)) return;
  // Files first: a folder can be removed once it is empty, whatever their order.
  for (int i = 0; i < SLOTS; i++) {
    if (atomic_load(&states[i]) == 2) unlink(paths[i]);
  }
  for (int i = 0; i < SLOTS; i++) {
    if (atomic_load(&states[i]) != 2 || rmdir(paths[i]) == 0 || errno != ENOTEMPTY) continue;
    empty_folder(paths[i]);
    rmdir(paths[i]);
  }
}

// A process that this one waits for; 0 where there is none.
static atomic_int child;

void rc_set_child(int process) { atomic_store(&child, process); }

// What a signal that ends the process says: one of two texts, so that a new one can be written while
// the other may be read.
static char stop_lines[2][LONGEST];
static _Atomic(const char *) stop_line;

void rc_set_stop_line(const char *line) {
  if (!line || strlen(line) >= LONGEST) {
    atomic_store(&stop_line, NULL);
    return;
  }
  char *other = atomic_load(&stop_line) == stop_lines[0] ? stop_lines[1] : stop_lines[0];
  strcpy(other, line);
  atomic_store(&stop_line, other);
}

// Those of them whose own end tells more than a code: SIGQUIT writes a core file where that is wanted, and a scheduler
// looks for SIGXCPU, its limit of processor time.
static int ends_by_itself(int number) { return number == SIGQUIT || number == SIGXCPU; }

static void ended(int number) {
  if (atomic_load(&holders) > 0) {
    atomic_store(&pending, number);
    return;
  }
  int process = atomic_load(&child);
  const char *line = atomic_load(&stop_line);
  if (line) {
    ssize_t ignored = write(2, line, strlen(line));
    (void)ignored;
  }
  if (process > 0) kill(process, SIGTERM);
  remove_temporaries();
  if (ends_by_itself(number)) {
    // It is blocked while its handler runs.
    sigset_t own;
    sigemptyset(&own);
    sigaddset(&own, number);
    signal(number, SIG_DFL);
    pthread_sigmask(SIG_UNBLOCK, &own, NULL);
    raise(number);
  }
  _exit(128 + number);
}

void rc_hold_signals(int held) {
  if (held) {
    atomic_fetch_add(&holders, 1);
  } else if (atomic_fetch_sub(&holders, 1) == 1) {
    int number = atomic_exchange(&pending, 0);
    if (number) ended(number);
  }
}

// Mapped files: where each lies, and the path by which it is named. More than these have no name.
static struct {
  atomic_int state;  // as of the slots above
  const char *base;
  size_t size;
} mappings[SLOTS];
static char mapped_paths[SLOTS][LONGEST];

void rc_register_mapping(const void *base, size_t size, const char *path) {
  size_t length = strlen(path);
  if (length >= LONGEST) return;
  for (int i = 0; i < SLOTS; i++) {
    int expected = 0;
    if (atomic_compare_exchange_strong(&mappings[i].state, &expected, 1)) {
      mappings[i].base = base;
      mappings[i].size = size;
      memcpy(mapped_paths[i], path, length + 1);
      atomic_store(&mappings[i].state, 2);
      return;
    }
  }
}

void rc_unregister_mapping(const void *base) {
  for (int i = 0; i < SLOTS; i++) {
    if (atomic_load(&mappings[i].state) == 2 && mappings[i].base == base) {
      atomic_store(&mappings[i].state, 0);
      return;
    }
  }
}

static void say(const char *text) {
  ssize_t ignored = write(2, text, strlen(text));
  (void)ignored;
}

static void truncated(int number, siginfo_t *info, void *context) {
  (void)number;
  (void)context;
  const char *address = info->si_addr;
  const char *path = "a mapped file";
  for (int i = 0; i < SLOTS; i++) {
    if (atomic_load(&mappings[i].state) == 2 && address >= mappings[i].base &&
        address < mappings[i].base + mappings[i].size) {
      path = mapped_paths[i];
      break;
    }
  }
  remove_temporaries();
  // One line in one call where it fits, so that no other process writes into it.
  static char line[LONGEST + 128];
  strcpy(line, "ropeconv: error: ");
  strcat(line, path);
  strcat(line, ": was truncated while it was read\n");
  say(line);
  _exit(74);
}

// Faults of the program itself: the language traps by SIGILL or SIGTRAP, whichever the processor raises, C's division by
// SIGFPE. What was to be done before, such as printing where, is done after.
static struct {
  int number;
  struct sigaction before;
} faults[] = {{.number = SIGABRT}, {.number = SIGSEGV}, {.number = SIGILL}, {.number = SIGTRAP}, {.number = SIGFPE}};
enum { FAULTS = sizeof faults / sizeof *faults };

// The language aborts where it gets no memory, with errno as the C library left it; where it gets none to say so either, it
// reads from nowhere (SIGSEGV). That is what happened if there is little to get. Whichever of these it was, nothing is left
// behind, and the process ends by it.
static void aborted(int number, siginfo_t *info, void *context) {
  enum { LITTLE = 1 << 26 };
  int failed = number == SIGABRT && errno == ENOMEM;
  remove_temporaries();
  void *probe = mmap(NULL, LITTLE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (failed || probe == MAP_FAILED) {
    say("ropeconv: error: memory ran out: a limit of this process (ulimit -v) or of the machine is reached\n");
    _exit(70);
  }
  munmap(probe, LITTLE);
  const struct sigaction *before = NULL;
  for (int i = 0; i < FAULTS; i++) {
    if (faults[i].number == number) before = &faults[i].before;
  }
  if (before && before->sa_flags & SA_SIGINFO && before->sa_sigaction) before->sa_sigaction(number, info, context);
  // One that only prints comes back; the work must not, also where somebody sent the signal: its files are gone.
  signal(number, SIG_DFL);
  raise(number);
}

void rc_install_signal_handlers(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  sigemptyset(&action.sa_mask);
  action.sa_handler = ended;
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  // A caller that had one ignored (nohup: when the terminal goes) wants the work to go on.
  const int ignorable[] = {SIGHUP, SIGQUIT, SIGXCPU};
  for (size_t i = 0; i < sizeof ignorable / sizeof *ignorable; i++) {
    struct sigaction old;
    if (sigaction(ignorable[i], NULL, &old) == 0 && !(old.sa_flags & SA_SIGINFO) && old.sa_handler == SIG_IGN) continue;
    sigaction(ignorable[i], &action, NULL);
  }
  action.sa_flags = SA_SIGINFO;
  action.sa_sigaction = truncated;
  sigaction(SIGBUS, &action, NULL);
  action.sa_flags |= SA_ONSTACK;
  action.sa_sigaction = aborted;
  for (int i = 0; i < FAULTS; i++) sigaction(faults[i].number, &action, &faults[i].before);
  // A program started from a thread that blocks signals would inherit that, and never hear of them.
  sigset_t handled;
  sigemptyset(&handled);
  sigaddset(&handled, SIGINT);
  sigaddset(&handled, SIGTERM);
  sigaddset(&handled, SIGHUP);
  sigaddset(&handled, SIGQUIT);
  sigaddset(&handled, SIGXCPU);
  sigaddset(&handled, SIGABRT);
  sigaddset(&handled, SIGBUS);
  sigprocmask(SIG_UNBLOCK, &handled, NULL);
}

void rc_end_with_parent(int parent) {
#ifdef __linux__
  prctl(PR_SET_PDEATHSIG, SIGTERM);
#endif
  // It may have ended before that.
  if (getppid() != parent) raise(SIGTERM);
}
