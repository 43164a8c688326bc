#include "net/server_stream.h"

#include "base/limits.h"

namespace amic::net {

bool QueuedStream::push(std::string chunk) {
  std::unique_lock lock(mutex_);
  if (closing_ || broken_) return false;
  bool const full = queue_.size() >= limits::kSseQueueEventsMax ||
                    (!queue_.empty() && queue_bytes_ + chunk.size() > kStreamQueueBytesMax);
  if (full) {
    broken_ = true;
    queue_.clear();
    wake_once(lock);
    return false;
  }
  if (chunk.empty()) return true;  // an empty chunk would end a chunked body
  queue_bytes_ += chunk.size();
  queue_.push_back(std::move(chunk));
  wake_once(lock);
  return true;
}

void QueuedStream::close() {
  std::unique_lock lock(mutex_);
  if (closing_ || broken_) return;
  closing_ = true;
  wake_once(lock);
}

bool QueuedStream::closed() const {
  std::lock_guard const lock(mutex_);
  return closing_ || broken_;
}

QueuedStream::Taken QueuedStream::take() {
  std::lock_guard const lock(mutex_);
  woken_ = false;
  Taken out;
  out.bytes.reserve(queue_bytes_ + 2);
  for (auto const& chunk : queue_) out.bytes += chunk;
  queue_.clear();
  queue_bytes_ = 0;
  out.last = closing_;
  out.broken = broken_;
  return out;
}

void QueuedStream::peer_gone() {
  std::lock_guard const lock(mutex_);
  broken_ = true;
  queue_.clear();
  wake_ = nullptr;
}

void QueuedStream::wake_once(std::unique_lock<std::mutex>& lock) {
  // An overflow must be seen even if a wake-up was taken before it.
  if ((woken_ && !broken_) || !wake_) return;
  woken_ = true;
  auto const wake = wake_;
  lock.unlock();
  wake();
}

}  // namespace amic::net
