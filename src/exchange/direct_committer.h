// Commits in the caller's thread: for the simulation, tests and offline commands. The running node
// uses node/group_committer.h.
#pragma once

#include <mutex>

#include "exchange/exchange.h"

namespace amic::exchange {

class DirectCommitter final : public Committer {
 public:
  explicit DirectCommitter(tlog::Log& log) : log_(log) {}
  void commit(store::Append unit, std::function<void(Result<std::uint64_t>)> done) override {
    Result<std::uint64_t> seq = 0;
    {
      std::lock_guard const lock(mutex_);
      std::vector<store::Append> units;
      units.push_back(std::move(unit));
      seq = log_.append(std::move(units));
    }
    done(std::move(seq));
  }

 private:
  std::mutex mutex_;
  tlog::Log& log_;
};

}  // namespace amic::exchange
