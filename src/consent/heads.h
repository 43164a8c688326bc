// Heads: the head in force and those before it, as a running node knows them. What was sealed and
// signed under an earlier head is checked with that one's keys and members.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <set>

#include "consent/head.h"

namespace amic::consent {

// What a node checks with at one epoch. Never changed once it is there.
struct Epoch {
  Community community;  // of a past epoch that was read from the history: without texts
  std::set<MemberId> roster;
};

// Epochs are only added, so a reference stays valid as long as the Heads. Any thread.
class Heads {
 public:
  explicit Heads(Community now);
  // An epoch before the first one known: kOutOfRange unless it joins on to that one.
  Result<void> add_past(Community past);
  // kConflict unless `next` follows the head in force: the next epoch, naming its digest.
  Result<void> advance(Community next);

  Epoch const& current() const { return *current_.load(); }
  Epoch const* at(std::uint64_t epoch) const;  // nullptr: not known (yet)

 private:
  static std::unique_ptr<Epoch const> make(Community community);
  std::atomic<Epoch const*> current_;
  mutable std::mutex mutex_;
  std::map<std::uint64_t, std::unique_ptr<Epoch const>> epochs_;
};

}  // namespace amic::consent
