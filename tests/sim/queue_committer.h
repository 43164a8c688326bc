// The committer of a simulated node. As node/group_committer.h does it: units wait, go to the disk
// in groups, and their callbacks follow; but when each of these happens is the world's choice, and
// a crash in between drops what was not on the disk yet and all callbacks.
#pragma once

#include <deque>

#include "exchange/exchange.h"
#include "world.h"

namespace amic::sim {

class QueueCommitter final : public exchange::Committer {
 public:
  QueueCommitter(World& world, SimNode& node, tlog::Log& log)
      : world_(world), node_(node), log_(log) {}
  void commit(store::Append unit, std::function<void(Result<std::uint64_t>)> done) override;
  bool idle() const { return waiting_.empty() && !busy_; }
  std::size_t waiting() const { return waiting_.size(); }
  // On the disk are units whose callbacks were not called yet.
  bool answers_due() const { return answers_due_; }

 private:
  struct Unit {
    store::Append append;
    std::function<void(Result<std::uint64_t>)> done;
  };
  struct Finished {
    std::function<void(Result<std::uint64_t>)> done;
    Result<std::uint64_t> seq;
  };
  void schedule_run();
  void run();
  std::vector<Finished> commit_group(std::vector<Unit> group);
  void answer(std::vector<Finished> finished);
  void plant(store::Append& unit) const;  // the committer's planted bugs

  World& world_;
  SimNode& node_;
  tlog::Log& log_;
  std::deque<Unit> waiting_;
  bool busy_ = false;
  bool answers_due_ = false;
};

}  // namespace amic::sim
