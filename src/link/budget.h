// What one peer may ask of our server (law 10).
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <mutex>

#include "base/clock.h"
#include "base/result.h"
#include "link/link.h"

namespace amic::link {

// A second's worth comes in each second and ten seconds' worth at most are saved up. What a request
// costs is often known only afterwards, so it may overdraw: then the next one is refused until the
// debt is paid. Honest peers wait and lose nothing.
class Budget : public std::enable_shared_from_this<Budget> {
 public:
  explicit Budget(BudgetLimits limits)
      : requests_max_(limits.requests_max),
        buckets_{
            Bucket("link.bytes", "too many bytes a second", limits.bytes_per_second),
            Bucket("link.envelopes", "too many envelopes a second", limits.envelopes_per_second),
            Bucket("link.cpu", "too much work a second", limits.cpu_ms_per_second * 1000)} {}

  // A place for one request of `bytes`, given back when the token goes. kOverloaded.
  Result<std::shared_ptr<void>> take(std::size_t bytes, UnixMs now_ms) {
    std::lock_guard const lock(mutex_);
    if (requests_ >= requests_max_)
      return fail(Code::kOverloaded, "link.requests", "too many requests at once");
    for (Bucket& bucket : buckets_) {
      bucket.refill(now_ms);
      if (bucket.per_second != 0 && bucket.left < 0)
        return fail(Code::kOverloaded, bucket.where, bucket.what);
    }
    buckets_[kBytes].charge(bytes);
    ++requests_;
    return std::shared_ptr<void>(this, [self = shared_from_this()](void*) { self->give_back(); });
  }

  void charge_bytes(std::size_t count) { charge(kBytes, count); }
  void charge_envelopes(std::size_t count) { charge(kEnvelopes, count); }
  void charge_cpu(std::uint64_t microseconds) { charge(kCpu, microseconds); }

  // Until take() has a chance again; 0: it has one now.
  std::int64_t wait_ms(UnixMs now_ms) {
    std::lock_guard const lock(mutex_);
    std::int64_t out = 0;
    for (Bucket& bucket : buckets_) {
      bucket.refill(now_ms);
      if (bucket.per_second != 0 && bucket.left < 0)
        out = std::max(out, -bucket.left * 1000 / static_cast<std::int64_t>(bucket.per_second) + 1);
    }
    return out;
  }

  // The same for Retry-After: at least 1.
  std::int64_t retry_after_s() const {
    std::lock_guard const lock(mutex_);
    std::int64_t out = 1;
    for (Bucket const& bucket : buckets_)
      if (bucket.per_second != 0 && bucket.left < 0)
        out = std::max(out, -bucket.left / static_cast<std::int64_t>(bucket.per_second) + 1);
    return std::min<std::int64_t>(out, 60);
  }

 private:
  static constexpr std::int64_t kSavedSeconds = 10;

  enum Kind : std::size_t { kBytes, kEnvelopes, kCpu, kKinds };
  struct Bucket {
    Bucket(char const* place, char const* detail, std::uint64_t rate)
        : where(place),
          what(detail),
          per_second(std::min<std::uint64_t>(rate, 1ULL << 40)),
          left(full()) {}
    std::int64_t full() const { return static_cast<std::int64_t>(per_second) * kSavedSeconds; }
    void refill(UnixMs now_ms) {
      if (now_ms <= filled_ms) return;
      std::int64_t const elapsed_ms = std::min<UnixMs>(now_ms - filled_ms, 3'600'000);
      // Through double: an hour at the highest rate would not fit.
      auto const come = static_cast<double>(elapsed_ms) * static_cast<double>(per_second) / 1000;
      left = std::min(full(), left + static_cast<std::int64_t>(std::min(come, 1e15)));
      filled_ms = now_ms;
    }
    void charge(std::uint64_t cost) {  // a debt stays below 2^50
      left -= static_cast<std::int64_t>(std::min<std::uint64_t>(cost, 1ULL << 40));
    }
    char const* where;
    char const* what;
    std::uint64_t per_second;
    std::int64_t left;
    UnixMs filled_ms = 0;
  };

  void charge(Kind kind, std::uint64_t cost) {
    std::lock_guard const lock(mutex_);
    buckets_[kind].charge(cost);
  }
  void give_back() {
    std::lock_guard const lock(mutex_);
    --requests_;
  }

  std::size_t const requests_max_;
  mutable std::mutex mutex_;
  std::size_t requests_ = 0;
  std::array<Bucket, kKinds> buckets_;
};

}  // namespace amic::link
