#pragma once
#include "pool.h"

// A pool of `threads` threads, the caller included; 1 to MAX_THREADS. Its threads start with the first job.
Pool *createPool(int threads);
// Ends the threads; no job may be running.
void destroyPool(Pool *pool);
