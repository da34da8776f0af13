#include "poolNative.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "poolCore.h"

#if defined(__linux__)
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace {

struct NativePool : Pool {
  std::vector<std::thread> others;
  bool started = false;
  std::mutex mutex;
  std::condition_variable changed;
};

void start(NativePool *pool) {
  pool->started = true;
  try {
    for (int thread = 1; thread < pool->threads; thread++) {
      pool->others.emplace_back([pool, thread] { serve(pool, thread); });
    }
  } catch (const std::system_error &) {
    // A system that has no more threads to give: those that started, and the caller, do the work.
  }
}

}  // namespace

void poolPause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("isb");
#endif
}

int64_t poolNow() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

#if defined(__linux__)

void poolSleep(Pool *, int32_t *word, int32_t seen) {
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen, nullptr, nullptr, 0);
}

void poolWake(Pool *, int32_t *word, int32_t count) {
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, nullptr, nullptr, 0);
}

#else

void poolSleep(Pool *base, int32_t *word, int32_t seen) {
  NativePool *pool = static_cast<NativePool *>(base);
  std::unique_lock<std::mutex> lock(pool->mutex);
  pool->changed.wait(lock, [&] { return loadNow(word) != seen; });
}

void poolWake(Pool *base, int32_t *, int32_t) {
  NativePool *pool = static_cast<NativePool *>(base);
  { std::lock_guard<std::mutex> lock(pool->mutex); }
  pool->changed.notify_all();
}

#endif

Pool *createPool(int threads) {
  NativePool *pool = new NativePool();
  pool->threads = threads < 1 ? 1 : threads > MAX_THREADS ? int(MAX_THREADS) : threads;
  pool->mayBlock = 1;
  return pool;
}

void destroyPool(Pool *base) {
  NativePool *pool = static_cast<NativePool *>(base);
  dismiss(pool);
  for (std::thread &thread : pool->others) thread.join();
  delete pool;
}

void parallelFor(Pool *base, int chunks, PoolFunction function, void *context) {
  NativePool *pool = static_cast<NativePool *>(base);
  if (pool == nullptr || chunks < 2 || pool->threads < 2) {
    for (int chunk = 0; chunk < chunks; chunk++) function(context, chunk, 0);
    return;
  }
  if (!pool->started) start(pool);
  runJob(pool, chunks, function, context);
}

int poolThreads(Pool *pool) { return pool == nullptr ? 1 : pool->threads; }
