// What the simulation (tests/sim) found, each as the smallest story that shows it.
#include <gtest/gtest.h>

#include "exchange/exchange.h"
#include "exchange/testing.h"

namespace amic::exchange {
namespace {

using testing::indicator_bundle;
using testing::must;
using testing::share_request;
using testing::TestCommunity;
using testing::TestNode;

// Does with each unit what the test says.
class FaultyCommitter final : public Committer {
 public:
  enum class Mode { kGood, kFull, kStoredButFails, kHolds };
  explicit FaultyCommitter(tlog::Log& log) : good_(log) {}
  void commit(store::Append unit, std::function<void(Result<std::uint64_t>)> done) override {
    if (mode == Mode::kFull) return done(fail(Code::kDiskFull, "test"));
    if (mode == Mode::kHolds) return;
    if (mode == Mode::kGood) return good_.commit(std::move(unit), std::move(done));
    good_.commit(std::move(unit), [](Result<std::uint64_t>) {});
    done(fail(Code::kIo, "test"));
  }
  Mode mode = Mode::kGood;

 private:
  DirectCommitter good_;
};

// MY with a committer of ours, and BN.
struct TwoNodes {
  TestCommunity community{{"BN", "MY"}};
  TestNode& bn = community.node("BN");
  TestNode& my = community.node("MY");
  FaultyCommitter committer{my.log()};
  std::unique_ptr<Exchange> exchange = open();

  std::unique_ptr<Exchange> open() {
    auto out = must(Exchange::open(community.founders.community,
                                   {my.id(), my.keys().node, my.keys().sealing}, my.store(),
                                   committer, community.clock, community.random, Realm()));
    testing::introduce(*out, bn.exchange());
    return out;
  }
  Result<ShareResult> share(std::string body) {
    Result<ShareResult> out = fail(Code::kInternal, "test");
    exchange->share(share_request({"BN"}, std::move(body)),
                    [&](Result<ShareResult> result) { out = std::move(result); });
    return out;
  }
  std::optional<Bytes> next() { return must(exchange->next_batch(bn.id())); }
  Result<void> receipt(Bytes const& bytes) {
    Result<void> out;
    exchange->on_receipt(bn.id(), bytes, [&](Result<void> result) { out = std::move(result); });
    return out;
  }
  std::uint64_t waiting() {
    auto const lanes = must(my.store().lanes());
    return lanes.at(0).last_n - lanes.at(0).acked_n;
  }
};

TEST(ExchangeRecovery, AReceiptThatCouldNotBeStoredIsStoredLater) {
  TwoNodes two;
  must(two.share(indicator_bundle(two.community.random, "a")));
  auto const receipt = must(two.bn.accept(two.my.id(), *two.next()));
  two.committer.mode = FaultyCommitter::Mode::kFull;
  EXPECT_EQ(two.receipt(receipt).error().code, Code::kDiskFull);
  EXPECT_FALSE(two.next());  // nothing to send; the disk is still full
  EXPECT_EQ(two.waiting(), 1U);
  two.committer.mode = FaultyCommitter::Mode::kGood;
  EXPECT_FALSE(two.next());
  EXPECT_EQ(two.waiting(), 0U);
}

TEST(ExchangeRecovery, ResumingFromAPeerAheadLetsItsRowsGo) {
  TwoNodes two;
  for (auto const* name : {"a", "b", "c"})
    must(two.share(indicator_bundle(two.community.random, name)));
  auto const receipt = must(two.bn.accept(two.my.id(), *two.next()));
  two.exchange = two.open();  // has forgotten that it sent anything
  must(two.exchange->resync(two.bn.id(), receipt));
  EXPECT_EQ(two.waiting(), 0U);
  EXPECT_FALSE(two.next());
}

TEST(ExchangeRecovery, AShareThatTheDiskKeptAfterAllIsSent) {
  TwoNodes two;
  EXPECT_FALSE(two.next());  // the outbox was read to its end
  two.committer.mode = FaultyCommitter::Mode::kStoredButFails;
  EXPECT_EQ(two.share(indicator_bundle(two.community.random, "a")).error().code, Code::kIo);
  EXPECT_TRUE(two.next());
}

// The link gives a lane up from within these callbacks.
TEST(ExchangeRecovery, CallbacksOfRefusalsMayCallTheExchange) {
  TwoNodes two;
  must(two.share(indicator_bundle(two.community.random, "a")));
  auto const batch = *two.next();
  auto const receipt = must(two.bn.accept(two.my.id(), batch));
  must(two.receipt(receipt));
  bool called = false;
  two.exchange->on_receipt(two.bn.id(), receipt, [&](Result<void> result) {
    EXPECT_EQ(result.error().code, Code::kRejected);  // nothing is in flight any more
    two.exchange->batch_failed(two.bn.id(), 3);
    called = true;
  });
  EXPECT_TRUE(called);

  must(two.bn.share(share_request({"MY"}, indicator_bundle(two.community.random, "b"))));
  auto const incoming = *must(two.bn.exchange().next_batch(two.my.id()));
  two.committer.mode = FaultyCommitter::Mode::kHolds;
  two.exchange->accept(two.bn.id(), incoming, [](Result<Bytes>) { FAIL() << "not stored yet"; });
  called = false;
  two.exchange->accept(two.bn.id(), incoming, [&](Result<Bytes> result) {
    EXPECT_EQ(result.error().code, Code::kOverloaded);
    called = two.exchange->current_receipt(two.bn.id(), 3).has_value();
  });
  EXPECT_TRUE(called);
}

}  // namespace
}  // namespace amic::exchange
