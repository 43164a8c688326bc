// The event loops behind Runtime: one io_context and one thread each, so that what lives on a loop
// needs no locks. Internal to net.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "net/runtime.h"

namespace amic::net {

// Shared: may outlive its Runtime, in which case post() says no.
class Loop {
 public:
  Loop() : io_(std::make_unique<boost::asio::io_context>(1)) {}

  // Any thread. False (and `work` is dropped) if the Runtime is gone.
  bool post(std::function<void()> work);
  bool is_current() const;  // on this loop's thread
  // Only on the loop's thread, or while the Runtime is known to live.
  boost::asio::io_context& io() { return *io_; }

 private:
  friend struct Runtime::Impl;
  std::mutex mutex_;  // guards io_ against posting while it dies
  std::unique_ptr<boost::asio::io_context> io_;
};

struct Runtime::Impl {
  explicit Impl(int threads);
  ~Impl();

  void start();
  void stop();
  std::shared_ptr<Loop> const& next_loop();
  bool on_own_thread() const;

  // Runs fn(i) once for each loop i, on its thread, and returns when all have run. On one of our
  // own threads: runs its own at once and does not wait for the others. If the threads don't run
  // (any more), runs all of them here.
  void on_each_loop(std::function<void(std::size_t)> fn);

  std::vector<std::shared_ptr<Loop>> loops;

 private:
  void join();

  std::atomic<std::size_t> next_{0};
  std::atomic<bool> started_{false};
  std::atomic<bool> stopped_{false};
  std::mutex join_mutex_;
  std::vector<std::thread> threads_;
};

}  // namespace amic::net
