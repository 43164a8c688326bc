// Threads and timers of a process. Owns the event loop; Asio stays inside runtime.cc.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace amic::net {

class Runtime {
 public:
  explicit Runtime(int threads);
  ~Runtime();  // stops and joins
  Runtime(Runtime const&) = delete;
  Runtime& operator=(Runtime const&) = delete;

  void start();                           // spawns the threads
  void stop();                            // idempotent; pending work is dropped
  void post(std::function<void()> work);  // any thread
  static std::int64_t now_us();           // steady; for durations only

  // One-shot timer. The token cancels on request or when destroyed... unless detach()ed.
  class Timer {
   public:
    virtual ~Timer() = default;
    virtual void cancel() = 0;
  };
  [[nodiscard]] std::shared_ptr<Timer> after(std::int64_t delay_ms, std::function<void()> work);

  // Calls `work` once on the first of these signals (SIGINT, SIGTERM, ...).
  void on_signal(std::vector<int> signals, std::function<void(int)> work);

  struct Impl;
  Impl& impl() { return *impl_; }  // for net/*.cc only

 private:
  std::unique_ptr<Impl> impl_;
};

// Bounded pool for blocking work (store reads, crypto batches).
class WorkerPool {
 public:
  WorkerPool(int threads, std::size_t queue_max);
  ~WorkerPool();  // finishes what is queued, then joins
  // False if the queue is full: answer kOverloaded.
  bool try_post(std::function<void()> work);
  std::size_t queued() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace amic::net
