// How fast a peer takes what is sent, and how much may be on its way. Sans-I/O, not thread-safe;
// time is any steady count of microseconds. docs/PROTOCOL.md, "Pacing". Internal to src/link.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>

#include "base/limits.h"

namespace amic::link {

using SteadyUs = std::int64_t;

// Bytes that go with each request: HTTP header, frame header, TLS record, TCP and IP headers.
inline constexpr std::size_t kRequestOverheadBytes = 210;
// With its headers a smallest frame still fits one Ethernet packet.
inline constexpr std::size_t kFrameBytesMin = 1200;

// Rate: the largest rate of delivery seen lately. Round trip: the shortest. Their product is what
// fills the line; a little more than that is kept unanswered, so that the line never idles and what
// is urgent finds only a short queue before it. A line that has become faster shows by itself: what
// is sent is always a little more than was believed to fit.
class Pacer {
 public:
  struct Sent {  // kept with each request under way
    SteadyUs at = 0;
    std::size_t bytes = 0;
    std::uint64_t delivered = 0;  // when it was sent
    SteadyUs delivered_at = 0;
    bool limited = false;  // by the window, so that what comes of it is the line's rate
  };

  Sent sent(std::size_t bytes, SteadyUs now, bool limited);
  void answered(Sent const& sent, SteadyUs now);
  void lost(Sent const& sent);
  // Less came of it than was asked for.
  void shrink(Sent& sent, std::size_t bytes) {
    if (bytes >= sent.bytes) return;
    in_flight_ -= std::min(in_flight_, sent.bytes - bytes);
    sent.bytes = bytes;
  }
  // After a failure: the line may be another one now. Begins as at first.
  void restart();
  // A request and its answer, so large together, took so long.
  void saw_round_trip(SteadyUs duration, std::size_t bytes, SteadyUs now);

  void set_cap(std::uint64_t bytes_per_second) { cap_ = bytes_per_second; }

  std::uint64_t rate() const { return rate_; }  // bytes a second; 0: not known yet
  // Of the shortest request, without the time its bytes take on the line. 0: not known yet.
  SteadyUs round_trip() const;
  std::size_t in_flight() const { return in_flight_; }
  // Until the line has taken most of what was sent. Without this, all that the window allows would
  // go at once after a pause, and what is urgent would find that much before it.
  SteadyUs early(SteadyUs now) const;
  std::size_t window() const;         // bytes that may be unanswered
  std::size_t frame_bytes() const;    // data in a frame that more urgent data may have to wait for
  std::size_t largest_bytes() const;  // data in a frame that nothing can be more urgent than
  std::size_t batch_bytes() const;
  // Until when an answer is overdue, with what is on its way now.
  std::int64_t timeout_ms(std::int64_t least_ms) const;

 private:
  struct RoundTrip {
    SteadyUs duration = INT64_MAX;
    std::size_t bytes = 0;
  };
  struct Sample {
    std::uint64_t rate;
    SteadyUs at;
  };
  std::uint64_t planned_rate() const;  // capped
  void take_rate(std::uint64_t rate, SteadyUs now, bool limited);

  std::uint64_t cap_ = 0;
  std::uint64_t rate_ = 0;
  std::deque<Sample> samples_;            // falling rates: the first is the largest of its time
  RoundTrip shortest_, shortest_before_;  // of this while, and of the one before
  SteadyUs round_trip_since_ = 0;
  std::size_t in_flight_ = 0;
  std::uint64_t delivered_ = 0;
  SteadyUs delivered_at_ = 0;
  SteadyUs line_free_at_ = 0;
  bool starting_ = true;
};

// So many bytes a second, and no more than about a second's worth at once. A request may overdraw:
// the next one waits for it, so that the mean holds whatever the size of requests.
class TokenBucket {
 public:
  explicit TokenBucket(std::uint64_t per_second) : per_second_(per_second) {}
  bool limited() const { return per_second_ != 0; }
  // Microseconds until something may go; 0: now.
  SteadyUs wait(SteadyUs now);
  void take(std::size_t bytes) {
    if (limited()) tokens_ -= static_cast<double>(bytes);
  }

 private:
  std::uint64_t per_second_;
  double tokens_ = 0;
  SteadyUs filled_ = 0;
};

}  // namespace amic::link
