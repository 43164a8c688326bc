#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "base/check.h"
#include "net/runtime.h"

namespace amic::net {

struct WorkerPool::Impl {
  explicit Impl(std::size_t queue_limit) : queue_max(queue_limit) {}

  void run() {
    std::unique_lock lock(mutex);
    for (;;) {
      ready.wait(lock, [&] { return stopping || !queue.empty(); });
      if (queue.empty()) return;
      auto work = std::move(queue.front());
      queue.pop_front();
      lock.unlock();
      work();
      work = nullptr;  // what it holds dies outside the lock
      lock.lock();
    }
  }

  std::size_t const queue_max;
  mutable std::mutex mutex;
  std::condition_variable ready;
  std::deque<std::function<void()>> queue;
  bool stopping = false;
  std::vector<std::thread> threads;
};

WorkerPool::WorkerPool(int threads, std::size_t queue_max)
    : impl_(std::make_unique<Impl>(queue_max)) {
  CHECK(threads > 0);
  for (int i = 0; i < threads; ++i) impl_->threads.emplace_back([this] { impl_->run(); });
}

WorkerPool::~WorkerPool() {
  {
    std::lock_guard const lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->ready.notify_all();
  for (auto& thread : impl_->threads) thread.join();
}

bool WorkerPool::try_post(std::function<void()> work) {
  {
    std::lock_guard const lock(impl_->mutex);
    if (impl_->stopping || impl_->queue.size() >= impl_->queue_max) return false;
    impl_->queue.push_back(std::move(work));
  }
  impl_->ready.notify_one();
  return true;
}

std::size_t WorkerPool::queued() const {
  std::lock_guard const lock(impl_->mutex);
  return impl_->queue.size();
}

}  // namespace amic::net
