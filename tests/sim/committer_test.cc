// The node's group committer over a disk that fails: what is stored is told as stored, what is not
// is told as not, and nothing is told twice.
#include <gtest/gtest.h>

#include <future>

#include "base/check.h"
#include "crypto/hash.h"
#include "memory_store.h"
#include "node/group_committer.h"

namespace amic::sim {
namespace {

store::Append unit(std::uint8_t id, std::string const& text) {
  store::Record record;
  record.id.data.fill(id);
  record.bytes = to_bytes(text);
  record.digest = crypto::sha256(record.bytes);
  store::Append out;
  out.records.push_back(std::move(record));
  return out;
}

class GroupCommitterTest : public ::testing::Test {
 protected:
  using Answer = std::future<Result<std::uint64_t>>;

  Answer commit(store::Append append) {
    auto const told = std::make_shared<std::promise<Result<std::uint64_t>>>();
    committer_->commit(std::move(append),
                       [told](Result<std::uint64_t> seq) { told->set_value(std::move(seq)); });
    return told->get_future();
  }
  // The next append waits until `release()`; the ones after it meet these faults in turn.
  void hold_then(std::deque<AppendFault> faults) {
    disk_->on_append = [this, faults = std::move(faults), first = true]() mutable {
      if (std::exchange(first, false)) {
        holding_.set_value();
        released_.get_future().wait();
        return AppendFault::kNone;
      }
      if (faults.empty()) return AppendFault::kNone;
      auto const fault = faults.front();
      faults.pop_front();
      return fault;
    };
  }
  void wait_until_held() { holding_.get_future().wait(); }
  void release() { released_.set_value(); }
  void fail_next(AppendFault fault) {
    disk_->on_append = [this, fault] {
      auto const now = fault;  // the next line ends this function object
      disk_->on_append = nullptr;
      return now;
    };
  }

  std::shared_ptr<Disk> disk_ = std::make_shared<Disk>();
  std::unique_ptr<MemoryStore> store_ = MemoryStore::open(disk_).value();
  std::unique_ptr<tlog::Log> log_ =
      tlog::Log::open(*store_, "aa.c0c0c0c0.amic/log/operations",
                      crypto::SigningKey::from_seed(Bytes(32, 1)).value())
          .value();
  std::vector<std::uint64_t> committed_;  // read only after an answer that follows
  std::promise<void> holding_;
  std::promise<void> released_;
  // Last: its thread uses all of the above.
  std::unique_ptr<node::GroupCommitter> committer_ = std::make_unique<node::GroupCommitter>(
      *log_, [this](std::uint64_t size) { committed_.push_back(size); });
};

TEST_F(GroupCommitterTest, AGroupThatIsStoredInSpiteOfItsErrorIsASuccess) {
  hold_then({AppendFault::kIoStored});
  auto one = commit(unit(1, "one"));
  wait_until_held();
  auto two = commit(unit(2, "two"));
  auto three = commit(unit(3, "three"));
  release();
  EXPECT_EQ(one.get().value(), 1U);
  EXPECT_EQ(two.get().value(), 2U);
  EXPECT_EQ(three.get().value(), 3U);
  EXPECT_EQ(commit(unit(4, "four")).get().value(), 4U);
  committer_.reset();
  EXPECT_EQ(committed_, (std::vector<std::uint64_t>{1, 3, 4}));
  EXPECT_EQ(log_->size(), 4U);
}

TEST_F(GroupCommitterTest, SoIsAUnitAlone) {
  fail_next(AppendFault::kIoStored);
  EXPECT_EQ(commit(unit(1, "one")).get().value(), 1U);
  committer_.reset();
  EXPECT_EQ(committed_, (std::vector<std::uint64_t>{1}));
  EXPECT_EQ(log_->size(), 1U);
  EXPECT_TRUE(log_->sign_checkpoint().has_value());
}

TEST_F(GroupCommitterTest, WhatIsNotStoredIsTriedAloneAndElseToldAsLost) {
  hold_then({AppendFault::kIo, AppendFault::kDiskFull});
  auto one = commit(unit(1, "one"));
  wait_until_held();
  auto two = commit(unit(2, "two"));
  auto three = commit(unit(3, "three"));
  release();
  EXPECT_EQ(one.get().value(), 1U);
  EXPECT_EQ(two.get().error().code, Code::kDiskFull);
  EXPECT_EQ(three.get().value(), 2U);
  committer_.reset();
  EXPECT_EQ(committed_, (std::vector<std::uint64_t>{1, 2}));
}

TEST_F(GroupCommitterTest, ASecondUnitWithTheSameIdIsAConflict) {
  EXPECT_EQ(commit(unit(1, "one")).get().value(), 1U);
  EXPECT_EQ(commit(unit(1, "one")).get().error().code, Code::kConflict);
  fail_next(AppendFault::kIo);
  EXPECT_EQ(commit(unit(1, "one")).get().error().code, Code::kIo);
  committer_.reset();
  EXPECT_EQ(committed_, (std::vector<std::uint64_t>{1}));
}

}  // namespace
}  // namespace amic::sim
