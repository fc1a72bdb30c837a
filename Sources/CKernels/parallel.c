// A pool of threads that stay, so that libraries keep what they hold per thread. Units of work are
// handed out by a counter.
#include <pthread.h>
#include <stdatomic.h>

#include "ckernels.h"

struct job {
  void (*prepare)(void);
  rc_body body;
  void *context;
  ptrdiff_t count;
  _Atomic ptrdiff_t next;
};

static void work(struct job *job, ptrdiff_t worker) {
  if (job->prepare != NULL) job->prepare();
  for (;;) {
    ptrdiff_t unit = atomic_fetch_add(&job->next, 1);
    if (unit >= job->count) return;
    job->body(job->context, unit, worker);
  }
}

enum { MOST_THREADS = 1024 };

// Held by the call that uses the pool.
static pthread_mutex_t in_use = PTHREAD_MUTEX_INITIALIZER;

// Guarded by `state`: the job of generation `generation` is for workers 1..<workers; `running` of
// them are not done with it.
static pthread_mutex_t state = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t started = PTHREAD_COND_INITIALIZER;
static pthread_cond_t finished = PTHREAD_COND_INITIALIZER;
static struct job *current_job;
static unsigned long generation;
static ptrdiff_t workers;
static ptrdiff_t running;

// Threads of the pool, the caller included; guarded by `in_use`.
static ptrdiff_t pool_size = 1;

struct beginning {
  ptrdiff_t worker;
  unsigned long generation;
};
static struct beginning beginnings[MOST_THREADS];

static void *pool_thread(void *argument) {
  struct beginning *beginning = argument;
  ptrdiff_t worker = beginning->worker;
  unsigned long seen = beginning->generation;
  pthread_mutex_lock(&state);
  for (;;) {
    while (generation == seen) pthread_cond_wait(&started, &state);
    seen = generation;
    if (worker >= workers) continue;
    struct job *job = current_job;
    pthread_mutex_unlock(&state);
    work(job, worker);
    pthread_mutex_lock(&state);
    if (--running == 0) pthread_cond_signal(&finished);
  }
  return NULL;
}

// Makes the pool `threads` strong, or as strong as the system allows.
static void grow(ptrdiff_t threads) {
  while (pool_size < threads) {
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) return;
    pthread_attr_setstacksize(&attributes, 8 << 20);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    struct beginning *beginning = &beginnings[pool_size];
    beginning->worker = pool_size;
    // Only the holder of `in_use` changes the generation.
    beginning->generation = generation;
    pthread_t thread;
    int failure = pthread_create(&thread, &attributes, pool_thread, beginning);
    pthread_attr_destroy(&attributes);
    if (failure != 0) return;
    pool_size++;
  }
}

void rc_parallel(ptrdiff_t count, ptrdiff_t threads, void (*prepare)(void), rc_body body,
                 void *context) {
  if (count <= 0) return;
  struct job job = {
    .prepare = prepare, .body = body, .context = context, .count = count};
  if (threads > count) threads = count;
  if (threads > MOST_THREADS) threads = MOST_THREADS;
  if (threads <= 1 || pthread_mutex_trylock(&in_use) != 0) {
    work(&job, 0);
    return;
  }
  grow(threads);
  if (threads > pool_size) threads = pool_size;
  pthread_mutex_lock(&state);
  current_job = &job;
  workers = threads;
  running = threads - 1;
  generation++;
  pthread_cond_broadcast(&started);
  pthread_mutex_unlock(&state);

  work(&job, 0);

  pthread_mutex_lock(&state);
  while (running > 0) pthread_cond_wait(&finished, &state);
  pthread_mutex_unlock(&state);
  pthread_mutex_unlock(&in_use);
}
