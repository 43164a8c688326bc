// Group commit: one thread, one fsync for all that waits. While one transaction is on its way to
// the disk, what arrives waits and goes with the next; nothing is delayed on purpose.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "exchange/exchange.h"

namespace amic::node {

class GroupCommitter final : public exchange::Committer {
 public:
  // `on_committed` is called after each durable transaction that added records, before the units'
  // own callbacks, with the new log size. All callbacks run on the committer's thread.
  GroupCommitter(tlog::Log& log, std::function<void(std::uint64_t log_size)> on_committed);
  ~GroupCommitter() override;  // commits what waits, then ends

  // Over limits::kCommitQueueMax waiting units: done(kOverloaded) at once.
  void commit(store::Append unit, std::function<void(Result<std::uint64_t>)> done) override;
  std::size_t waiting() const;

 private:
  struct Unit {
    store::Append append;
    std::function<void(Result<std::uint64_t>)> done;
  };
  void run();
  void commit_group(std::vector<Unit> group);
  void commit_alone(Unit& unit);

  tlog::Log& log_;
  std::function<void(std::uint64_t)> on_committed_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Unit> waiting_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace amic::node
