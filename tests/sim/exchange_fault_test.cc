// The exchange over a disk that is full, or damaged, for a moment: nothing is taken for the fault
// of what came, and what could not be stored is stored later.
#include <gtest/gtest.h>

#include <deque>

#include "exchange/direct_committer.h"
#include "exchange/operations.h"
#include "exchange/testing.h"
#include "memory_store.h"

namespace amic::sim {
namespace {

using exchange::testing::must;

class ExchangeFaults : public ::testing::Test {
 protected:
  struct Node {
    Node(ExchangeFaults& test, consent::testing::Founder const& keys)
        : store(MemoryStore::open(disk).value()),
          log(must(tlog::Log::open(
              *store, tlog::log_origin(test.founders.community.id, keys.card.member, Realm()),
              keys.log))),
          committer(*log),
          exchange(must(exchange::Exchange::open(
              test.founders.community, {keys.card.member, keys.node, keys.sealing}, *store,
              committer, test.clock, test.random, Realm()))) {
      disk->on_append = [this] {
        if (faults.empty()) return AppendFault::kNone;
        auto const fault = faults.front();
        faults.pop_front();
        return fault;
      };
    }
    std::shared_ptr<Disk> disk = std::make_shared<Disk>();
    std::deque<AppendFault> faults;  // of the next appends
    std::unique_ptr<MemoryStore> store;
    std::unique_ptr<tlog::Log> log;
    exchange::DirectCommitter committer;
    std::unique_ptr<exchange::Exchange> exchange;
  };

  std::unique_ptr<Node> node(std::size_t i) {
    return std::make_unique<Node>(*this, founders.members[i]);
  }
  static exchange::ShareResult share(Node& from, std::vector<std::string> const& to) {
    auto request = exchange::testing::share_request(to, "text");
    request.media_type = "text/plain";
    Result<exchange::ShareResult> out = fail(Code::kInternal, "test");
    from.exchange->share(std::move(request), [&](auto result) { out = std::move(result); });
    return must(std::move(out));
  }
  static Result<Bytes> accept(Node& at, Node& from, BytesView batch) {
    Result<Bytes> out = fail(Code::kInternal, "test");
    at.exchange->accept(from.exchange->self(), batch, [&](auto receipt) { out = receipt; });
    return out;
  }
  static void deliver(Node& from, Node& to) {
    while (auto const batch = must(from.exchange->next_batch(to.exchange->self())))
      from.exchange->on_receipt(to.exchange->self(), must(accept(to, from, *batch)),
                                [](Result<void> done) { must(std::move(done)); });
  }
  static bool waits(Node& from, Node& to) {
    return !must(from.store->outbox(to.exchange->self(), 3, 0, 1)).empty();
  }

  SeededRandom random{1};
  ManualClock clock;
  exchange::testing::Founders founders =
      exchange::testing::Founders::make({"BN", "MY", "SG"}, random, clock.now_ms());
  std::unique_ptr<Node> bn = node(0), my = node(1), sg = node(2);
};

TEST_F(ExchangeFaults, AnEnvelopeIsNotRefusedForADamagedRecordHere) {
  exchange::testing::introduce(*my->exchange, *bn->exchange);
  auto const item = share(*my, {"BN"});
  deliver(*my, *bn);
  auto const whole = bn->disk->log().at(1);
  bn->disk->rot(1, 0);
  exchange::Operations operations(*my->exchange, *my->store, clock, exchange::ComplyMode::kAuto);
  exchange::OperateRequest retract;
  retract.item = item.id;
  retract.precedence = Precedence::kRoutine;
  operations.operate(std::move(retract), [](auto result) { must(std::move(result)); });
  auto const batch = *must(my->exchange->next_batch(bn->exchange->self()));
  EXPECT_EQ(accept(*bn, *my, batch).error().code, Code::kCorrupt);
  must(bn->store->put_back({whole}, false));
  auto const receipt = must(exchange::decode_receipt(must(accept(*bn, *my, batch))));
  EXPECT_EQ(receipt.n, 2U);
  EXPECT_EQ(receipt.refused_total, 0U);
}

// A disk that answers with an error and keeps what it got makes a sender queue something twice.
TEST_F(ExchangeFaults, WhatWasQueuedTwiceIsStoredOnceAndNotRefused) {
  exchange::testing::introduce(*my->exchange, *bn->exchange);
  share(*my, {"BN"});
  auto batch = must(exchange::decode_batch(*must(my->exchange->next_batch(bn->exchange->self()))));
  batch.envelopes.push_back(batch.envelopes.front());
  auto const bytes =
      exchange::encode(exchange::sign_batch(std::move(batch), founders.members[1].node));
  auto const receipt = must(exchange::decode_receipt(must(accept(*bn, *my, bytes))));
  EXPECT_EQ(receipt.n, 2U);
  EXPECT_EQ(receipt.refused_total, 0U);
  EXPECT_EQ(bn->disk->log().size(), 1U);
  EXPECT_EQ(must(bn->store->received(my->exchange->self(), 3, 0, 9)).size(), 2U);
}

TEST_F(ExchangeFaults, AReceiptThatCameLateIsStoredWhenTheDiskHasRoomAgain) {
  exchange::testing::introduce(*my->exchange, *bn->exchange);
  share(*my, {"BN"});
  auto const batch = *must(my->exchange->next_batch(bn->exchange->self()));
  auto const receipt = must(accept(*bn, *my, batch));
  my->faults = {AppendFault::kDiskFull};
  EXPECT_EQ(must(my->exchange->late_receipt(bn->exchange->self(), receipt)), 1U);
  EXPECT_TRUE(waits(*my, *bn));
  EXPECT_EQ(must(my->exchange->late_receipt(bn->exchange->self(), receipt)), 1U);
  EXPECT_FALSE(waits(*my, *bn));
}

TEST_F(ExchangeFaults, WhatCameBackIsPassedOnWhenTheDiskHasRoomAgain) {
  exchange::testing::introduce(*my->exchange, *bn->exchange);
  share(*my, {"BN", "SG"});
  deliver(*my, *bn);
  my = node(1);  // lost all it had
  exchange::testing::introduce(*my->exchange, *sg->exchange);
  exchange::testing::introduce(*my->exchange, *bn->exchange);
  auto const ask = must(my->exchange->next_return(bn->exchange->self()));
  ASSERT_TRUE(ask);
  auto const back = must(bn->exchange->returned(my->exchange->self(), ask->lane, ask->after_n));
  my->faults = {AppendFault::kNone, AppendFault::kDiskFull, AppendFault::kDiskFull};
  my->exchange->on_returned(bn->exchange->self(), ask->lane, back,
                            [](Result<void> done) { must(std::move(done)); });
  EXPECT_FALSE(waits(*my, *sg));
  my->faults.clear();
  deliver(*my, *sg);
  deliver(*my, *sg);
  EXPECT_EQ(sg->disk->log().size(), 1U);
}

}  // namespace
}  // namespace amic::sim
