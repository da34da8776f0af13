// What a WASM instance exports. Compiled twice: with FAI_THREADS for shared memory, where every worker has an instance
// of its own over one memory, and without for a page that may not share memory.
#include "abi.h"

#define EXPORT(name) extern "C" __attribute__((export_name(#name)))

#if defined(FAI_THREADS)
#include "poolCore.h"

// In the shared memory, so all instances see this one.
static Pool pool;

void poolPause() {}

int64_t poolNow() { return 0; }

void poolSleep(Pool *, int32_t *word, int32_t seen) { __builtin_wasm_memory_atomic_wait32(word, seen, -1); }

void poolWake(Pool *, int32_t *word, int32_t count) { __builtin_wasm_memory_atomic_notify(word, uint32_t(count)); }

void parallelFor(Pool *shared, int chunks, PoolFunction function, void *context) {
  if (shared == nullptr || chunks < 2 || shared->threads < 2) {
    for (int chunk = 0; chunk < chunks; chunk++) function(context, chunk, 0);
    return;
  }
  runJob(shared, chunks, function, context);
}

int poolThreads(Pool *shared) { return shared == nullptr ? 1 : shared->threads; }

// Called once, before any job.
EXPORT(startPool) void startPool(int threads) { pool.threads = threads; }

// Called once on each worker but the caller's; returns after dismissPool.
EXPORT(servePool) void servePool(int thread) { serve(&pool, thread); }

EXPORT(dismissPool) void dismissPool() { dismiss(&pool); }

static Pool *poolFor(int mayBlock) {
  pool.mayBlock = mayBlock;
  return &pool;
}

#else

void parallelFor(Pool *, int chunks, void (*function)(void *, int, int), void *context) {
  for (int chunk = 0; chunk < chunks; chunk++) function(context, chunk, 0);
}

int poolThreads(Pool *) { return 1; }

static Pool *poolFor(int) { return nullptr; }

#endif

// Runs a job (engine.ts) and returns its fault. mayBlock is 0 on the main thread of a page.
EXPORT(run)
int32_t run(uint8_t *arena, int mayBlock, uint32_t program, uint32_t words, uint32_t block, uint32_t scalars, uint32_t workspace) {
  int32_t *const values = reinterpret_cast<int32_t *>(arena + block * 64);
  fai_run_wasm(reinterpret_cast<int32_t *>(arena + program * 64), int32_t(words),
               reinterpret_cast<uint32_t *>(values + 4 + scalars), values + 4, arena, arena + workspace * 64,
               poolFor(mayBlock), values);
  return values[0];
}
