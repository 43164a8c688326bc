// Randomness comes from outside (law 9).
#pragma once

#include <cstdint>
#include <span>

#include "base/bytes.h"

namespace amic {

class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(std::span<std::uint8_t> out) = 0;

  // Uniform in [0, bound). bound > 0.
  std::uint64_t below(std::uint64_t bound);
  template <class Fixed>
  Fixed fixed() {
    Fixed out;
    fill(out.data);
    return out;
  }
};

// The kernel's generator (getrandom). Any thread.
class SystemRandom final : public Random {
 public:
  void fill(std::span<std::uint8_t> out) override;
};

// Deterministic (xoshiro256**). For tests and the simulation only: never for keys in production.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed);
  void fill(std::span<std::uint8_t> out) override;
  std::uint64_t next();

 private:
  std::uint64_t state_[4];
};

}  // namespace amic
