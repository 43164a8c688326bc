// Counts what is under way, so that stop() can wait for it and nothing starts after.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>

namespace amic::link {

// Held by shared_ptr in every callback that may come late: it outlives the service.
class Activity : public std::enable_shared_from_this<Activity> {
 public:
  // Held for as long as something is under way. Null once closed: then touch nothing.
  using Token = std::shared_ptr<void>;

  Token enter() {
    std::lock_guard const lock(mutex_);
    if (closed_) return nullptr;
    ++running_;
    return Token(this, [self = shared_from_this()](void*) { self->leave(); });
  }
  void close() {
    std::lock_guard const lock(mutex_);
    closed_ = true;
  }
  bool closed() const {
    std::lock_guard const lock(mutex_);
    return closed_;
  }
  void wait() {
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [this] { return running_ == 0; });
  }

 private:
  void leave() {
    std::lock_guard const lock(mutex_);
    if (--running_ == 0) idle_.notify_all();
  }

  mutable std::mutex mutex_;
  std::condition_variable idle_;
  std::size_t running_ = 0;
  bool closed_ = false;
};

}  // namespace amic::link
