#include "node/group_committer.h"

#include "base/limits.h"

namespace amic::node {

GroupCommitter::GroupCommitter(tlog::Log& log, std::function<void(std::uint64_t)> on_committed)
    : log_(log), on_committed_(std::move(on_committed)), thread_([this] { run(); }) {}

GroupCommitter::~GroupCommitter() {
  {
    std::lock_guard const lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void GroupCommitter::commit(store::Append unit, std::function<void(Result<std::uint64_t>)> done) {
  {
    std::lock_guard const lock(mutex_);
    if (waiting_.size() < limits::kCommitQueueMax && !stopping_) {
      waiting_.push_back({std::move(unit), std::move(done)});
      wake_.notify_one();
      return;
    }
  }
  done(fail(Code::kOverloaded, "commit", "too much waits for the disk"));
}

std::size_t GroupCommitter::waiting() const {
  std::lock_guard const lock(mutex_);
  return waiting_.size();
}

void GroupCommitter::run() {
  for (;;) {
    std::vector<Unit> group;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      while (!waiting_.empty() && group.size() < limits::kGroupCommitMax) {
        group.push_back(std::move(waiting_.front()));
        waiting_.pop_front();
      }
    }
    commit_group(std::move(group));
  }
}

void GroupCommitter::commit_alone(Unit& unit) {
  bool const has_records = !unit.append.records.empty();
  std::vector<store::Append> one;
  one.push_back(std::move(unit.append));
  auto seq = log_.append(std::move(one));
  if (seq && has_records) on_committed_(log_.size());
  unit.done(std::move(seq));
}

void GroupCommitter::commit_group(std::vector<Unit> group) {
  if (group.size() == 1) return commit_alone(group.front());
  std::vector<store::Append> units;
  units.reserve(group.size());
  bool has_records = false;
  for (auto const& unit : group) {
    units.push_back(unit.append);  // a copy: the units are tried alone if the group fails
    has_records = has_records || !unit.append.records.empty();
  }
  auto const first = log_.append(std::move(units));
  if (!first) {
    // One bad unit (an id used twice) must not fail its neighbours.
    for (auto& unit : group) commit_alone(unit);
    return;
  }
  if (has_records) on_committed_(log_.size());
  auto seq = *first;
  for (auto& unit : group) {
    unit.done(seq);
    seq += unit.append.records.size();
  }
}

}  // namespace amic::node
