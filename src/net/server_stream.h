// The bounded queue between whoever pushes into an EventStream and the connection that sends it.
// Internal to net.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "net/http.h"

namespace amic::net {

// What may wait in one stream, beside limits::kSseQueueEventsMax.
inline constexpr std::size_t kStreamQueueBytesMax = 16 << 20;

class QueuedStream final : public EventStream {
 public:
  // `wake` is called, on any thread, when the connection has something to look at.
  explicit QueuedStream(std::function<void()> wake) : wake_(std::move(wake)) {}

  bool push(std::string chunk) override;
  void close() override;
  bool closed() const override;

  struct Taken {
    std::string bytes;  // all that waited, joined
    bool last = false;  // close() was called and nothing is left
    bool broken = false;
  };
  Taken take();
  void peer_gone();

 private:
  void wake_once(std::unique_lock<std::mutex>& lock);

  mutable std::mutex mutex_;
  std::function<void()> wake_;
  std::deque<std::string> queue_;
  std::size_t queue_bytes_ = 0;
  bool closing_ = false;  // by the producer: what waits is still sent
  bool broken_ = false;   // peer gone or overflow: nothing more is sent
  bool woken_ = false;    // a wake-up is on its way
};

}  // namespace amic::net
