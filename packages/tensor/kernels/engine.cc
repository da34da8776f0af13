#include "engine.h"

#include <utility>

#include "poolNative.h"

Engine::Engine(FaiRun run, int threads, size_t reserveBytes, std::function<void()> completed)
    : arena(reserveBytes), run_(run), pool_(createPool(threads)), notify_(std::move(completed)) {}

Engine::~Engine() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    quit_ = true;
    queue_.clear();
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
  destroyPool(pool_);
}

int32_t Engine::run(const Job &job) {
  uint8_t *const base = arena.base();
  int32_t *const block = reinterpret_cast<int32_t *>(base + size_t(job.block) * 64);
  run_(reinterpret_cast<int32_t *>(base + size_t(job.program) * 64), int32_t(job.words),
       reinterpret_cast<uint32_t *>(block + 4 + job.scalars), block + 4, base, base + size_t(job.workspace) * 64, pool_,
       block);
  return block[0];
}

void Engine::enqueue(const Job &job) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    queue_.push_back(job);
    // The thread starts with the first long plan: a program that only runs small ones never has it.
    if (!thread_.joinable()) thread_ = std::thread([this] { work(); });
  }
  changed_.notify_one();
}

void Engine::work() {
  for (;;) {
    Job job;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      changed_.wait(lock, [this] { return quit_ || !queue_.empty(); });
      if (quit_) return;
      job = queue_.front();
      queue_.pop_front();
    }
    run(job);
    __atomic_fetch_add(&completed_, 1, __ATOMIC_RELEASE);
    notify_();
  }
}
