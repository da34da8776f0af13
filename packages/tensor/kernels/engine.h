#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "abi.h"
#include "arenaNative.h"

// A submission, all of it in the arena: positions are in 64-byte lines. `block` holds the guard (4 words), then
// `scalars` scalars, then the table of the slots.
struct Job {
  uint32_t program;
  uint32_t words;
  uint32_t block;
  uint32_t scalars;
  uint32_t workspace;
};

// One CPU backend: arena, thread pool, and a thread that runs the queued submissions in order.
class Engine {
 public:
  // `completed` is called on the engine's thread after each queued job.
  Engine(FaiRun run, int threads, size_t reserveBytes, std::function<void()> completed);
  // Waits for the running job, forgets the queued ones.
  ~Engine();
  Engine(const Engine &) = delete;
  Engine &operator=(const Engine &) = delete;

  NativeArena arena;

  // Runs a job on the calling thread and returns its fault; the queue must be empty.
  int32_t run(const Job &job);
  void enqueue(const Job &job);
  // How many queued jobs have finished, modulo 2^32.
  uint32_t completed() const { return __atomic_load_n(&completed_, __ATOMIC_ACQUIRE); }

 private:
  void work();

  const FaiRun run_;
  Pool *const pool_;
  const std::function<void()> notify_;
  uint32_t completed_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> queue_;
  bool quit_ = false;
  std::thread thread_;
};
