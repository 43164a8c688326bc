// What one peer may ask of our server (law 10).
#pragma once

#include <algorithm>
#include <memory>
#include <mutex>

#include "base/clock.h"
#include "base/limits.h"
#include "base/result.h"

namespace amic::link {

class Budget : public std::enable_shared_from_this<Budget> {
 public:
  Budget(std::size_t requests_max, std::uint64_t bytes_per_second)
      : requests_max_(requests_max),
        bytes_per_second_(bytes_per_second),
        burst_(std::max<std::uint64_t>(bytes_per_second, kBurstBytesMin)),
        bytes_left_(burst_) {}

  // A place for one request of `bytes`, given back when the token goes. kOverloaded.
  Result<std::shared_ptr<void>> take(std::size_t bytes, UnixMs now_ms) {
    std::lock_guard const lock(mutex_);
    if (requests_ >= requests_max_)
      return fail(Code::kOverloaded, "link.requests", "too many requests at once");
    if (bytes_per_second_ != 0) {
      refill(now_ms);
      if (bytes > bytes_left_)
        return fail(Code::kOverloaded, "link.bytes", "too many bytes a second");
      bytes_left_ -= bytes;
    }
    ++requests_;
    return std::shared_ptr<void>(this, [self = shared_from_this()](void*) { self->give_back(); });
  }

 private:
  // The largest request must fit, however low the rate.
  static constexpr std::uint64_t kBurstBytesMin =
      limits::kEnvelopeBytesMax + limits::kBatchBytesMax;

  void refill(UnixMs now_ms) {
    if (now_ms <= filled_ms_) return;
    auto const elapsed_ms =
        static_cast<std::uint64_t>(std::min<UnixMs>(now_ms - filled_ms_, 3'600'000));
    bytes_left_ = std::min(burst_, bytes_left_ + elapsed_ms * bytes_per_second_ / 1000);
    filled_ms_ = now_ms;
  }
  void give_back() {
    std::lock_guard const lock(mutex_);
    --requests_;
  }

  std::size_t const requests_max_;
  std::uint64_t const bytes_per_second_;
  std::uint64_t const burst_;
  std::mutex mutex_;
  std::size_t requests_ = 0;
  std::uint64_t bytes_left_;
  UnixMs filled_ms_ = 0;
};

}  // namespace amic::link
