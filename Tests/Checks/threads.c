// For Tests/Checks/threads: the pool that all of the engine's threads come from, under ThreadSanitizer. Callers of
// their own threads share it, one job starts in another, and the number of threads changes.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "ckernels.h"

enum { CALLERS = 4, ROUNDS = 300, UNITS = 64 };

struct sums {
  // Written by whoever does the unit, read by the caller when all are done: without a lock.
  long values[UNITS];
  int inner;
};

static void unit(void *context, ptrdiff_t number, ptrdiff_t worker) {
  struct sums *sums = context;
  sums->values[number] += number + 1;
  (void)worker;
  if (sums->inner) {
    // It is done by this thread alone, as the pool is in use.
    struct sums below = {.inner = 0};
    rc_parallel(UNITS, 3, NULL, unit, &below);
    sums->values[number] += below.values[UNITS - 1] - UNITS;
  }
}

static void *call(void *argument) {
  long seed = (long)argument;
  for (int round = 0; round < ROUNDS; round++) {
    struct sums sums = {.inner = round % 7 == 0};
    rc_parallel(UNITS, 1 + (seed + round) % 9, NULL, unit, &sums);
    for (int i = 0; i < UNITS; i++) {
      if (sums.values[i] != i + 1) {
        printf("unit %d was done %ld times\n", i, sums.values[i] / (i + 1));
        exit(1);
      }
    }
  }
  return NULL;
}

int main(void) {
  pthread_t threads[CALLERS];
  for (long i = 0; i < CALLERS; i++) pthread_create(&threads[i], NULL, call, (void *)i);
  for (int i = 0; i < CALLERS; i++) pthread_join(threads[i], NULL);
  printf("%d jobs of %d units by %d callers\n", CALLERS * ROUNDS, UNITS, CALLERS);
  return 0;
}
