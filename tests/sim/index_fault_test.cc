// The index writer over a disk that fails now and then: what failed is tried again, and the order
// of operations and items stays what the log says.
#include <gtest/gtest.h>

#include "holdings/holdings.h"
#include "memory_store.h"

namespace amic::sim {
namespace {

constexpr char kNote[] =
    R"({"type":"note","spec_version":"2.1","id":"note--00000000-0000-4000-8000-000000000001",)"
    R"("created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z",)"
    R"("content":"x","object_refs":["note--00000000-0000-4000-8000-000000000002"]})";

// An operation that came before its item, and could not be written at once.
TEST(IndexFaults, AnItemFindsTheOperationThatWaitsForTheDisk) {
  auto const disk = std::make_shared<Disk>();
  auto const store = MemoryStore::open(disk).value();
  holdings::Indexer indexer(*store);
  holdings::OperationContext operation;
  operation.seq = 1;
  operation.digest.data.fill(1);
  operation.target.data.fill(2);
  operation.originator = MemberId::parse("MY").value();
  operation.counter = 1;
  operation.kind = 1;
  operation.retracted = true;
  disk->on_apply = [] { return std::optional(Code::kDiskFull); };
  EXPECT_FALSE(indexer.operate(operation, nullptr));
  disk->on_apply = nullptr;
  ASSERT_TRUE(indexer.operate(operation, nullptr));  // it is known already
  holdings::ItemContext item;
  item.seq = 2;
  item.digest = operation.target;
  item.originator = operation.originator;
  item.media_type = "application/stix+json;version=2.1";
  ASSERT_TRUE(indexer.add(item, kNote));
  ASSERT_TRUE(indexer.flush());
  auto const row = disk->index().all_items().at(2);
  EXPECT_EQ(row.state, store::ItemState::kRetracted);
  EXPECT_TRUE(disk->index().all_objects().empty());
}

}  // namespace
}  // namespace amic::sim
