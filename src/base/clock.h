// Time comes from outside: rules, replication, consent and log take a Clock (law 9).
#pragma once

#include <cstdint>

namespace amic {

using UnixMs = std::int64_t;  // milliseconds since 1970-01-01T00:00:00Z

class Clock {
 public:
  virtual ~Clock() = default;
  virtual UnixMs now_ms() const = 0;
};

class SystemClock final : public Clock {
 public:
  UnixMs now_ms() const override;
};

// Tests and the simulation own time.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(UnixMs start_ms = 1'700'000'000'000) : now_ms_(start_ms) {}
  UnixMs now_ms() const override { return now_ms_; }
  void advance(UnixMs by_ms) { now_ms_ += by_ms; }
  void set(UnixMs to_ms) { now_ms_ = to_ms; }

 private:
  UnixMs now_ms_;
};

}  // namespace amic
