// One history: a community is started, clients share, everything goes wrong for a while, then all
// heals and it must come to rest with everything where it belongs.
#pragma once

#include <cstdint>
#include <string>

#include "mutants.h"

namespace amic::sim {

struct Options {
  std::uint64_t seed = 1;
  std::size_t members = 0;  // 0: 3 to 5, now and then 7 or 11, from the seed
  bool trace = false;       // print the story
  Mutant mutant = Mutant::kNone;
};
struct Outcome {
  bool ok = false;
  std::string violation;  // what did not hold
  std::string digest;     // of the whole story, in hex
  std::uint64_t events = 0;
  // What was reached, so that a test can see that the weather was rough enough.
  std::uint64_t accepted = 0, refused = 0, delivered = 0, crashes = 0, quarantined = 0;
  std::uint64_t operations = 0, destroyed = 0, groups = 0, relayed = 0, carried = 0, rotten = 0;
};
Outcome run_history(Options const& options);

}  // namespace amic::sim
