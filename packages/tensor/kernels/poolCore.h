#pragma once
#include "abi.h"

// The thread pool, shared by the native and the WASM runtime; they differ only in how a thread sleeps.
//
// A job is a number of chunks. Threads take chunks by raising a ticket, so whoever is awake does the work: a
// thread that the system has put aside costs nothing but its own absence, and the caller never waits for one that
// has not started. The ticket carries the job's number, so a thread that wakes late cannot take part in a job it
// knows nothing about.
//
// What can hurt is a thread that the system puts aside in the middle of a chunk while other programs want the processor: the
// caller waits for its next turn, milliseconds for a job of microseconds. Once that has happened, the caller does the next
// short jobs alone, the more of them the more often it happens.

typedef void (*PoolFunction)(void *context, int chunk, int thread);

struct Pool {
  int32_t threads;
  // 0 where the caller must not sleep (the main thread of a page): it spins until the last chunk is done.
  int32_t mayBlock;
  int32_t quit;
  // Job number in the high half, next chunk in the low half.
  alignas(64) uint64_t ticket;
  alignas(64) int32_t done;
  int32_t callerSleeps;
  // The job's number again: the word that idle threads sleep on.
  alignas(64) int32_t job;
  int32_t sleepers;
  alignas(64) PoolFunction function;
  void *context;
  int32_t chunks;
  // The caller's own: how many jobs it still does alone, how many the next stall makes it do, and its longest chunk.
  alignas(64) int32_t alone;
  int32_t penalty;
  int64_t longest;
};

// Sleeps until *word is no longer `seen`, or for no reason.
void poolSleep(Pool *pool, int32_t *word, int32_t seen);
// Wakes up to `count` threads that sleep on `word`.
void poolWake(Pool *pool, int32_t *word, int32_t count);
// Tells the core that the thread spins.
void poolPause();
// Nanoseconds of a clock; always 0 where there is none, and then no job is done alone.
int64_t poolNow();

namespace {

// About 20 microseconds: the gap between two groups of a plan is shorter, sleeping and waking takes longer.
const int spins = 600;

// A thread whose sleep was this short spins longer the next time, up to so many spins: steps of small models follow each other
// within a tenth of a millisecond, and waking takes half of that. After a long sleep it spins less again.
const int64_t shortSleepNanoseconds = 200000, longSleepNanoseconds = 2000000;
const int mostSpins = 9600;

// A wait of a few chunks and this much more is a stall; jobs that take longer than that are shared in any case.
const int64_t stallNanoseconds = 500000;
const int32_t leastPenalty = 16, mostPenalty = 1024;

template <class T> inline T loadNow(const T *from) { return __atomic_load_n(from, __ATOMIC_SEQ_CST); }
template <class T> inline void storeNow(T *to, T value) { __atomic_store_n(to, value, __ATOMIC_SEQ_CST); }

inline int64_t noteChunk(Pool *pool, int64_t started) {
  const int64_t taken = poolNow() - started;
  if (taken > pool->longest) pool->longest = taken;
  return taken;
}

inline void takeChunks(Pool *pool, uint32_t job, int thread) {
  uint64_t ticket = loadNow(&pool->ticket);
  for (;;) {
    if (uint32_t(ticket >> 32) != job) return;
    const int32_t chunks = loadNow(&pool->chunks);
    const PoolFunction function = loadNow(&pool->function);
    void *const context = loadNow(&pool->context);
    if (uint32_t(ticket) >= uint32_t(chunks)) return;
    // Success proves that the three fields belong to this job: the next one closes the ticket before it writes them.
    if (!__atomic_compare_exchange_n(&pool->ticket, &ticket, ticket + 1, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) continue;
    const int64_t started = thread == 0 ? poolNow() : 0;
    function(context, int(uint32_t(ticket)), thread);
    if (thread == 0) noteChunk(pool, started);
    if (__atomic_add_fetch(&pool->done, 1, __ATOMIC_SEQ_CST) == chunks && loadNow(&pool->callerSleeps)) {
      poolWake(pool, &pool->done, 1);
    }
    ticket = loadNow(&pool->ticket);
  }
}

// What the threads other than the caller do until `quit`.
inline void serve(Pool *pool, int thread) {
  int32_t seen = 0;
  int patience = spins;
  for (;;) {
    int32_t job = loadNow(&pool->job);
    for (int spin = 0; job == seen && spin < patience; spin++) {
      poolPause();
      job = loadNow(&pool->job);
    }
    const int64_t slept = job == seen ? poolNow() : 0;
    while (job == seen && !loadNow(&pool->quit)) {
      __atomic_add_fetch(&pool->sleepers, 1, __ATOMIC_SEQ_CST);
      poolSleep(pool, &pool->job, seen);
      __atomic_sub_fetch(&pool->sleepers, 1, __ATOMIC_SEQ_CST);
      job = loadNow(&pool->job);
    }
    if (loadNow(&pool->quit)) return;
    if (slept != 0) {
      const int64_t taken = poolNow() - slept;
      if (taken < shortSleepNanoseconds) patience = patience * 2 < mostSpins ? patience * 2 : mostSpins;
      else if (taken > longSleepNanoseconds) patience = patience / 2 > spins ? patience / 2 : spins;
    }
    seen = job;
    takeChunks(pool, uint32_t(job), thread);
  }
}

// Makes every serving thread return.
inline void dismiss(Pool *pool) {
  storeNow(&pool->quit, int32_t(1));
  __atomic_add_fetch(&pool->job, 1, __ATOMIC_SEQ_CST);
  poolWake(pool, &pool->job, MAX_THREADS);
}

// Does a short job without the other threads; returns how many chunks it did before it saw that the job is long.
inline int32_t runAlone(Pool *pool, int chunks, PoolFunction function, void *context) {
  pool->alone--;
  int64_t spent = 0;
  for (int32_t chunk = 0; chunk < chunks; chunk++) {
    if (chunk > 0 && spent / chunk * (chunks - chunk) > stallNanoseconds * 2) return chunk;
    const int64_t started = poolNow();
    function(context, chunk, 0);
    spent += noteChunk(pool, started);
  }
  return chunks;
}

// Waits until all chunks are done.
inline void finishJob(Pool *pool, int chunks) {
  for (int spin = 0; spin < spins || !pool->mayBlock; spin++) {
    if (loadNow(&pool->done) == chunks) return;
    poolPause();
  }
  storeNow(&pool->callerSleeps, int32_t(1));
  for (int32_t done; (done = loadNow(&pool->done)) != chunks;) poolSleep(pool, &pool->done, done);
  storeNow(&pool->callerSleeps, int32_t(0));
}

inline void runJob(Pool *pool, int chunks, PoolFunction function, void *context) {
  pool->longest = 0;
  const int32_t first = pool->alone > 0 ? runAlone(pool, chunks, function, context) : 0;
  if (first == chunks) return;
  const uint32_t job = uint32_t(pool->job) + 1;
  storeNow(&pool->ticket, uint64_t(job) << 32 | 0xffffffffu);
  storeNow(&pool->function, function);
  storeNow(&pool->context, context);
  storeNow(&pool->chunks, int32_t(chunks));
  storeNow(&pool->done, first);
  storeNow(&pool->ticket, uint64_t(job) << 32 | uint32_t(first));
  storeNow(&pool->job, int32_t(job));
  const int32_t left = chunks - first, wanted = left < pool->threads ? left - 1 : pool->threads - 1;
  if (loadNow(&pool->sleepers) > 0) poolWake(pool, &pool->job, wanted);

  takeChunks(pool, job, 0);
  const int64_t started = poolNow();
  finishJob(pool, chunks);
  if (poolNow() - started > 4 * pool->longest + stallNanoseconds) {
    pool->penalty = pool->penalty < leastPenalty ? leastPenalty : pool->penalty < mostPenalty ? pool->penalty * 2 : mostPenalty;
    pool->alone = pool->penalty;
  } else if (pool->alone == 0) {
    pool->penalty -= pool->penalty / 8;
  }
}

}  // namespace
