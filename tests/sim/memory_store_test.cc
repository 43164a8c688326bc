// The memory store keeps the contract: the suite that every backend passes, run over it, and what
// its disk adds.
#include "memory_store.h"

#include "store/conformance.h"

namespace amic::store {

// In this program "memory:NAME" is the only kind of store.
Result<std::unique_ptr<Store>> Store::open(std::string const& dsn, Options options) {
  constexpr std::string_view kMemory = "memory:";
  if (!dsn.starts_with(kMemory)) return fail(Code::kUsage, "dsn", "expected memory:NAME");
  auto opened = sim::MemoryStore::open(sim::disk_at(dsn.substr(kMemory.size())), options);
  if (!opened) return fail(std::move(opened).error());
  return std::unique_ptr<Store>(std::move(*opened));
}

namespace {

class MemoryBackend final : public Backend {
 public:
  std::string dsn() const override { return "memory:" + std::to_string(number_); }

 private:
  static inline int made_ = 0;
  int const number_ = ++made_;
};
std::unique_ptr<Backend> make_memory() {
  return std::make_unique<MemoryBackend>();
}
std::string memory_name(testing::TestParamInfo<Factory> const&) {
  return "memory";
}

}  // namespace
}  // namespace amic::store

// The suite names its backends by these two.
#define all_backends() testing::Values(&make_memory)
#define backend_name memory_name
#include "store/conformance_test.cc"
#include "store/lanes_test.cc"
#include "store/property_test.cc"
#undef all_backends
#undef backend_name

namespace amic::sim {
namespace {

using store::ok;

struct OpenDisk {
  std::shared_ptr<Disk> disk = std::make_shared<Disk>();
  std::unique_ptr<MemoryStore> store = ok(MemoryStore::open(disk));
  void crash(std::size_t lost_batches, bool index_lost = false) {
    store.reset();
    disk->crash(lost_batches, index_lost);
    store = ok(MemoryStore::open(disk));
  }
  void fail_next(AppendFault fault) {
    disk->on_append = [this, fault] {
      auto const now = fault;  // the next line ends this function object
      disk->on_append = nullptr;
      return now;
    };
  }
  void index_one(std::uint64_t seq) {
    store::Derived derived;
    auto const label = ok(store->intern(as_bytes("a")));
    derived.objects = {store::object(seq, store::object_id(seq), 1, label, seq)};
    derived.upto_seq = seq;
    ok(store->apply(derived));
  }
};

TEST(MemoryDisk, AFailedAppendStoresNothing) {
  OpenDisk node;
  node.fail_next(AppendFault::kDiskFull);
  EXPECT_EQ(node.store->append({store::unit(1)}).error().code, Code::kDiskFull);
  node.fail_next(AppendFault::kIo);
  EXPECT_EQ(node.store->append({store::unit(1)}).error().code, Code::kIo);
  node.crash(0);
  EXPECT_EQ(ok(node.store->log_size()), 0U);
  EXPECT_EQ(ok(node.store->append({store::unit(1)})), 1U);
}

TEST(MemoryDisk, AnAppendMaySayNoAndBeThereAllTheSame) {
  OpenDisk node;
  node.fail_next(AppendFault::kIoStored);
  EXPECT_EQ(node.store->append({store::unit(1)}).error().code, Code::kIo);
  EXPECT_EQ(ok(node.store->log_size()), 1U);
  node.fail_next(AppendFault::kIoAfterwards);
  EXPECT_EQ(node.store->append({store::unit(2)}).error().code, Code::kIo);
  EXPECT_EQ(ok(node.store->log_size()), 1U);
  node.crash(0);
  EXPECT_EQ(ok(node.store->log_size()), 2U);
  node.fail_next(AppendFault::kIoAfterwards);
  EXPECT_FALSE(node.store->append({store::unit(3)}));
  ok(node.store->append({store::unit(4)}));  // written over
  node.crash(0);
  EXPECT_EQ(ok(node.store->log_size()), 3U);
  EXPECT_FALSE(ok(node.store->log_find(store::envelope_id(3))));
}

TEST(MemoryDisk, ACrashTakesTheNewestPartOfTheIndexOrAllOfIt) {
  OpenDisk node;
  for (std::uint64_t seq = 1; seq <= 4; ++seq) {
    ok(node.store->append({store::unit(seq)}));
    node.index_one(seq);
  }
  node.crash(0);
  EXPECT_EQ(ok(node.store->watermark()), 4U);
  node.crash(3);
  EXPECT_FALSE(node.store->index_was_reset());
  EXPECT_EQ(ok(node.store->watermark()), 1U);
  EXPECT_EQ(ok(node.store->object_count({1})), 1U);
  node.index_one(2);
  node.crash(0, true);
  EXPECT_TRUE(node.store->index_was_reset());
  EXPECT_EQ(ok(node.store->watermark()), 0U);
  EXPECT_EQ(ok(node.store->log_size()), 4U);
}

TEST(MemoryDisk, OneStoreAtATimeUnderItsKey) {
  OpenDisk node;
  EXPECT_EQ(MemoryStore::open(node.disk).error().code, Code::kLocked);
  node.store.reset();
  crypto::Secret const key(as_bytes("0123456789abcdef0123456789abcdef"));
  EXPECT_EQ(MemoryStore::open(node.disk, {.key = key}).error().code, Code::kConflict);
  auto const sealed = std::make_shared<Disk>();
  ok(MemoryStore::open(sealed, {.key = key})).reset();
  EXPECT_EQ(MemoryStore::open(sealed).error().code, Code::kMissingKey);
  EXPECT_TRUE(MemoryStore::open(sealed, {.key = key}).has_value());
}

TEST(MemoryDisk, ASnapshotIsAStoreOfItsOwn) {
  OpenDisk node;
  ok(node.store->append({store::unit(1)}));
  ok(node.store->snapshot("copy-of-a-node"));
  EXPECT_EQ(node.store->snapshot("copy-of-a-node").error().code, Code::kConflict);
  ok(node.store->append({store::unit(2)}));
  auto const copy = ok(MemoryStore::open(disk_at("copy-of-a-node")));
  EXPECT_EQ(ok(copy->log_size()), 1U);
}

TEST(MemoryDisk, WhatWasShreddedStaysAwayFromTheIndexAndItsFeedEnd) {
  OpenDisk node;
  for (std::uint64_t seq = 1; seq <= 2; ++seq) {
    ok(node.store->append({store::unit(seq)}));
    node.index_one(seq);
  }
  ok(node.store->shred(2, 5));
  ok(node.store->shred(2, 6));
  EXPECT_EQ(ok(node.store->object_count({1})), 1U);
  EXPECT_EQ(ok(node.store->feed_end()).ord, 2U);
  auto const record = ok(node.store->log_read(2, 1, 100)).at(0);
  EXPECT_TRUE(record.shredded);
  EXPECT_TRUE(record.bytes.empty());
  EXPECT_EQ(record.shredded_end.ord, 2U);
  EXPECT_EQ(node.store->shred(3, 5).error().code, Code::kNotFound);
  ok(node.store->check());
}

}  // namespace
}  // namespace amic::sim
