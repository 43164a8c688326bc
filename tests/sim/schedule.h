// The simulated world's time, chance and story. One thread, one queue of events, one seed.
#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "crypto/hash.h"

namespace amic::sim {

using Micros = std::int64_t;
inline constexpr Micros kMs = 1000;
inline constexpr Micros kSecond = 1000 * kMs;

// An invariant does not hold. Ends the history.
class Violation : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Events in order of their time; those of one instant in the order they were made.
class Schedule {
 public:
  void after(Micros delay, std::function<void()> work);
  // Runs the next event; false if there is none.
  bool step();
  Micros now() const { return now_; }
  // Days in which nothing happens: clocks go on, and all that waits does so for as much longer.
  void sleep(std::int64_t ms) { slept_ms_ += ms; }
  std::int64_t slept_ms() const { return slept_ms_; }
  std::size_t waiting() const { return queue_.size(); }

 private:
  struct Event {
    Micros at;
    std::uint64_t number;
    std::function<void()> work;
  };
  struct Later {
    bool operator()(Event const& a, Event const& b) const {
      return a.at != b.at ? a.at > b.at : a.number > b.number;
    }
  };
  std::priority_queue<Event, std::vector<Event>, Later> queue_;
  std::uint64_t made_ = 0;
  Micros now_ = 0;
  std::int64_t slept_ms_ = 0;
};

// What happened, line by line, for people and for comparing two runs byte by byte.
class Story {
 public:
  explicit Story(bool print) : print_(print) {}
  void tell(Micros at, std::string const& who, std::string const& what);
  Hash digest();  // of all lines; ends the story
  std::uint64_t lines() const { return lines_; }

 private:
  bool print_;
  std::uint64_t lines_ = 0;
  crypto::Sha256 hash_;
};

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}
  Random& random() { return random_; }
  // True in `n` of 1,000 cases.
  bool permille(std::uint64_t n) { return random_.below(1000) < n; }
  std::int64_t between(std::int64_t low, std::int64_t high) {  // both included
    return low +
           static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(high - low) + 1));
  }
  std::size_t index(std::size_t size) { return random_.below(size); }

 private:
  SeededRandom random_;
};

// A node's own clock: the world's time, some minutes off.
class SkewedClock final : public Clock {
 public:
  explicit SkewedClock(Schedule const& schedule) : schedule_(schedule) {}
  UnixMs now_ms() const override {
    return kStart + schedule_.now() / kMs + schedule_.slept_ms() + skew_ms_;
  }
  void set_skew(UnixMs skew_ms) { skew_ms_ = skew_ms; }

 private:
  static constexpr UnixMs kStart = 1'790'000'000'000;
  Schedule const& schedule_;
  UnixMs skew_ms_ = 0;
};

}  // namespace amic::sim
