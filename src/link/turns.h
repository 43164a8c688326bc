// Work for one peer on the shared pool: one piece at a time, so that a peer that asks much waits
// behind itself and not in front of others. Internal to src/link; any thread.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>

#include "net/runtime.h"

namespace amic::link {

class Turns : public std::enable_shared_from_this<Turns> {
 public:
  // The budget bounds how much waits: each piece of work holds a place of it.
  explicit Turns(net::WorkerPool& pool) : pool_(pool) {}

  // False: the pool is full.
  bool try_post(std::function<void()> work) {
    std::lock_guard const lock(mutex_);
    if (!busy_) return busy_ = hand_over(work);
    waiting_.push_back(std::move(work));
    return true;
  }

 private:
  // To the end of the pool's queue. Under the lock: nothing of ours may slip in between.
  bool hand_over(std::function<void()> const& work) {
    return pool_.try_post([self = shared_from_this(), work = work]() mutable {
      work();
      work = nullptr;
      self->go_on();
    });
  }

  void go_on() {
    for (;;) {
      std::function<void()> next;
      {
        std::lock_guard const lock(mutex_);
        if (waiting_.empty()) {
          busy_ = false;
          return;
        }
        next = std::move(waiting_.front());
        waiting_.pop_front();
        if (hand_over(next)) return;
      }
      next();  // the pool is full or ends: it was accepted, so it is done here
    }
  }

  net::WorkerPool& pool_;
  std::mutex mutex_;
  std::deque<std::function<void()>> waiting_;
  bool busy_ = false;
};

}  // namespace amic::link
