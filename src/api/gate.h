// Work that runs on other people's threads (pool, timers, committer) and uses the service must not
// outlive it. Each piece of work takes a Pass; close() lets no more in and waits for the rest.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>

namespace amic::api {

class Gate {
 public:
  class Pass {
   public:
    explicit Pass(std::shared_ptr<Gate> gate) : gate_(std::move(gate)), inside_(gate_->enter()) {}
    ~Pass() {
      if (inside_) gate_->leave();
    }
    Pass(Pass const&) = delete;
    Pass& operator=(Pass const&) = delete;
    explicit operator bool() const { return inside_; }

   private:
    std::shared_ptr<Gate> gate_;
    bool inside_;
  };

  // Idempotent. Not from within a pass.
  void close() {
    std::unique_lock lock(mutex_);
    closed_ = true;
    left_.wait(lock, [this] { return inside_ == 0; });
  }

 private:
  bool enter() {
    std::lock_guard const lock(mutex_);
    if (closed_) return false;
    ++inside_;
    return true;
  }
  void leave() {
    std::lock_guard const lock(mutex_);
    --inside_;
    if (inside_ == 0) left_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable left_;
  std::size_t inside_ = 0;
  bool closed_ = false;
};

}  // namespace amic::api
