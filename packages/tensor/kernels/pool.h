#pragma once

// The thread pool, as the kernels see it. The runtime defines these two functions.
struct Pool;

// Calls fn(context, chunk, thread) for every chunk in [0, chunks), each exactly once, on any thread in any order,
// and returns when all are done. `thread` is in [0, poolThreads(pool)) and no two calls with one value overlap.
void parallelFor(Pool *pool, int chunks, void (*fn)(void *context, int chunk, int thread), void *context);

// How many threads can take part, the caller included; 1 to MAX_THREADS.
int poolThreads(Pool *pool);
