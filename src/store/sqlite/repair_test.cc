// Damage to the log: found, named, salvaged, put back.
#include <gtest/gtest.h>

#include <set>

#include "base/random.h"
#include "store/conformance.h"
#include "store/sqlite/testing.h"

namespace amic::store {
namespace {

using damaging::Damager;

Options encrypted() {
  return {.key = test_key(1)};
}

// A store of some records; large ones go on in pages of their own.
class RepairTest : public testing::Test {
 protected:
  RepairTest() { open(); }
  void open() { store_ = ok(Store::open("sqlite:" + dir_.path().string(), encrypted())); }
  void fill(std::uint64_t count, std::size_t size = 64) {
    for (std::uint64_t n = 1; n <= count; ++n) {
      Append one = unit(n, size);
      one.records[0].kind = RecordKind::kEnvelopeIn;
      one.records[0].peer = member("MY");
      one.received.push_back({member("MY"), 3, n, 0, 0, one.records[0].digest});
      one.cursors.push_back({CursorKind::kReceived, member("MY"), 3, n, {}});
      ok(store_->append({one}));
      records_.push_back(one.records[0]);
      records_.back().seq = n;
    }
  }
  template <class Work>
  void damage(Work work) {
    store_.reset();
    {
      Damager damager(dir_.path());
      work(damager);
    }
    open();
  }
  std::map<std::uint64_t, Flaw> flaws(bool* pages_broken = nullptr) {
    std::map<std::uint64_t, Flaw> out;
    for (std::uint64_t seq = 1; seq <= records_.size();) {
      auto const seen = ok(store_->audit(seq, records_.size(), 4096));
      for (auto const& row : seen.rows)
        if (row.flaw != Flaw::kNone) out[row.seq] = row.flaw;
      if (pages_broken != nullptr && seen.pages_broken) *pages_broken = true;
      seq = seen.rows.back().seq + 1;
    }
    return out;
  }
  std::vector<Record> of(std::map<std::uint64_t, Flaw> const& flaws) const {
    std::vector<Record> out;
    for (auto const& [seq, flaw] : flaws) out.push_back(records_.at(seq - 1));
    return out;
  }
  void expect_whole() {
    EXPECT_TRUE(flaws().empty());
    ok(store_->check());
    auto const all = ok(store_->log_read(1, records_.size(), 1 << 30));
    ASSERT_EQ(all.size(), records_.size());
    for (std::size_t i = 0; i < all.size(); ++i) {
      EXPECT_EQ(all[i].bytes, records_[i].bytes);
      EXPECT_EQ(all[i].peer, records_[i].peer);
      EXPECT_EQ(all[i].at_ms, records_[i].at_ms) << i;
    }
    EXPECT_EQ(ok(store_->received(member("MY"), 3, 0, 100'000)).size(), records_.size());
  }

  TempDir dir_;
  std::unique_ptr<Store> store_;
  std::vector<Record> records_;
};

TEST_F(RepairTest, NamesEachKindOfDamageAndGoesOn) {
  fill(20);
  damage([](Damager& disk) {
    disk.flip_bytes(3);
    disk.drop_record(7);
    disk.drop_key(11);
    disk.drop_id(13);
  });
  std::map<std::uint64_t, Flaw> const expected{
      {3, Flaw::kBytes}, {7, Flaw::kMissing}, {11, Flaw::kKey}, {13, Flaw::kId}};
  EXPECT_EQ(flaws(), expected);
  ok(store_->check_pages());
  auto const done = ok(store_->put_back(of(expected), true));
  EXPECT_EQ(done.records, 4u);
  EXPECT_TRUE(done.index_stale);
  expect_whole();
  EXPECT_EQ(ok(store_->put_back(of(expected), true)).records, 0u) << "whole ones are left";
}

TEST_F(RepairTest, AHoleIsNotFilledByItsNeighbour) {
  fill(5);
  damage([](Damager& disk) { disk.drop_record(3); });
  EXPECT_EQ(store_->log_read(3, 1, 1 << 20).error().code, Code::kCorrupt);
  EXPECT_EQ(store_->log_read(1, 5, 1 << 20).error().code, Code::kCorrupt);
  EXPECT_EQ(store_->log_digests(1, 5, nullptr).error().code, Code::kCorrupt);
  EXPECT_EQ(ok(store_->log_read(4, 5, 1 << 20)).size(), 2u);
  EXPECT_EQ(ok(store_->log_read(6, 5, 1 << 20)).size(), 0u);
}

TEST_F(RepairTest, OtherBytesAreRefused) {
  fill(5);
  damage([](Damager& disk) { disk.flip_bytes(2); });
  Record other = record(2, 99);
  other.seq = 2;
  EXPECT_EQ(store_->put_back({other}, false).error().code, Code::kConflict);
  other.bytes[0] ^= 1;
  EXPECT_EQ(store_->put_back({other}, false).error().code, Code::kInternal);
  Record stolen = records_[1];
  stolen.id = envelope_id(4);
  EXPECT_EQ(store_->put_back({stolen}, false).error().code, Code::kConflict);
  EXPECT_EQ(flaws().size(), 1u) << "all or none";
  EXPECT_EQ(ok(store_->put_back({records_[1]}, false)).records, 1u);
  expect_whole();
}

TEST_F(RepairTest, WhatWasErasedStaysErased) {
  fill(6);
  ok(store_->shred(4, 1));
  ok(store_->shred(5, 1));
  EXPECT_TRUE(flaws().empty());
  EXPECT_EQ(store_->put_back({records_[3]}, true).error().code, Code::kUnavailable);
  damage([](Damager& disk) { disk.drop_erasure(5); });
  EXPECT_EQ(flaws(), (std::map<std::uint64_t, Flaw>{{5, Flaw::kErased}}));
  EXPECT_EQ(store_->put_back({records_[4]}, true).error().code, Code::kUnavailable);
  Record note = records_[4];
  note.bytes.clear();
  note.shredded = true;
  ok(store_->put_back({note}, false));
  EXPECT_TRUE(flaws().empty());
  EXPECT_TRUE(ok(store_->log_find(records_[4].id))->shredded);
  Record live = records_[0];
  live.shredded = true;
  EXPECT_EQ(store_->put_back({live}, false).error().code, Code::kConflict);
  EXPECT_TRUE(flaws().empty());
}

// Any page of any table of rows, with zeros or noise: what is left is taken over, what is not is
// named, and with the records put back all is as it was.
TEST_F(RepairTest, DamagedPagesAreSalvaged) {
  fill(400, 6000);
  std::vector<std::uint64_t> pages;
  damage([&](Damager& disk) {
    for (char const* const table : {"record", "dek", "record_by_id", "received"})
      for (auto const page : disk.pages_of(table)) pages.push_back(page);
  });
  ASSERT_GT(pages.size(), 400u) << "SQLite was built without dbstat";
  SeededRandom random(5);
  for (int round = 0; round < 12; ++round) {
    std::size_t const count = 1 + random.below(4);
    damage([&](Damager& disk) {
      for (std::size_t i = 0; i < count; ++i) {
        Bytes noise(Damager::kPageBytes);
        if (round % 2 == 0) random.fill(noise);
        disk.overwrite_page(pages[random.below(pages.size())], std::string(as_text(noise)));
      }
    });
    bool broken = false;
    auto const damaged = flaws(&broken);
    if (broken || !store_->check_pages()) {
      auto const salvaged = store_->salvage();
      ASSERT_TRUE(salvaged) << salvaged.error().text();
      EXPECT_TRUE(store_->check_pages());
    }
    auto const left = flaws();
    for (auto const& [seq, flaw] : left) EXPECT_TRUE(damaged.contains(seq)) << seq;
    ok(store_->put_back(of(left), true));
    // What lanes held is for their peers to say: here the test plays them.
    Append lanes;
    for (auto const& record : records_)
      lanes.received.push_back({member("MY"), 3, record.seq, {}, record.seq, record.digest});
    ok(store_->append({lanes}));
    // A row that is gone has lost its time; without an index the given one stands.
    expect_whole();
    if (HasFailure()) return;
    std::vector<std::uint64_t> again;
    damage([&](Damager& disk) {
      for (char const* const table : {"record", "dek", "record_by_id", "received"})
        for (auto const page : disk.pages_of(table)) again.push_back(page);
    });
    pages = again;
  }
}

TEST_F(RepairTest, ASalvageLeavesNothingBeside) {
  fill(50, 6000);
  ok(store_->salvage());
  for (auto const& entry : std::filesystem::directory_iterator(dir_.path()))
    EXPECT_EQ(entry.path().string().find("salvage"), std::string::npos) << entry.path();
  expect_whole();
  ok(store_->append({unit(51)}));
  EXPECT_EQ(ok(store_->log_size()), 51u);
}

// A salvage that was killed leaves a copy of the keys: opening removes it.
TEST_F(RepairTest, OpeningRemovesWhatAnInterruptedSalvageLeft) {
  fill(3);
  store_.reset();
  std::ofstream(dir_.path() / sqlite::kSalvageFile) << "half a file";
  open();
  EXPECT_FALSE(std::filesystem::exists(dir_.path() / sqlite::kSalvageFile));
}

TEST_F(RepairTest, ALostPositionIsNotMadeUp) {
  fill(10);
  damage([](Damager& disk) {
    auto const root = disk.root_of("cursor");
    disk.overwrite_page(root, std::string(Damager::kPageBytes, '\0'));
  });
  EXPECT_EQ(store_->salvage().error().code, Code::kCorrupt);
  EXPECT_EQ(ok(store_->log_size()), 10u) << "nothing has changed";
}

}  // namespace
}  // namespace amic::store
