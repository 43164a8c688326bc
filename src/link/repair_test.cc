// A repair's questions over real TLS on loopback.
#include <gtest/gtest.h>

#include <future>

#include "exchange/testing.h"
#include "link/link.h"
#include "link/wire.h"
#include "store/sqlite/testing.h"

namespace amic::link {
namespace {

using exchange::Repair;
using exchange::testing::must;
using exchange::testing::TestCommunity;
using exchange::testing::TestNode;

// A node of the test community with its threads and its link.
struct Linked {
  SeededRandom random{99};
  tlog::Witness witness;
  net::Runtime runtime{2};
  net::WorkerPool workers{2, 256};
  obs::Metrics metrics;
  std::unique_ptr<Repair> repair;
  std::unique_ptr<LinkService> link;

  Linked(TestNode& of, Clock const& clock, bool repairs = true)
      : witness(of.store(), of.log(), tlog::cosigner_name(of.exchange().community().id, of.id()),
                of.keys().cosigner, clock),
        repair(must(Repair::open({of.exchange(), of.store(), of.log(), clock, {}}))) {
    Options options;
    options.tls_seed = to_bytes(of.keys().tls.seed());
    runtime.start();
    link = must(LinkService::create({runtime, workers, of.exchange(), of.log(), witness, clock,
                                     random, metrics, nullptr, repairs ? repair.get() : nullptr},
                                    options));
  }
  ~Linked() {
    link->stop();
    runtime.stop();
  }
  Result<Bytes> ask(Repair::Ask question) {
    std::promise<Result<Bytes>> answered;
    link->ask(std::move(question),
              [&](Result<Bytes> answer) { answered.set_value(std::move(answer)); });
    return answered.get_future().get();
  }
  exchange::RepairState run() {
    must(repair->start());
    for (bool done = false; !done;) {
      auto step = repair->step();
      done = step.done;
      if (step.ask) repair->answered(ask(std::move(*step.ask)));
    }
    return repair->state();
  }
};

struct RepairLinkTest : testing::Test {
  RepairLinkTest() {
    for (int i = 0; i < 20; ++i)
      must(bn.share(exchange::testing::share_request(
          {"MY"}, exchange::testing::indicator_bundle(community.random, "x"))));
    bn.deliver(my);
    my.close();
    {
      store::damaging::Damager disk(community.directory.path() / "MY");
      for (std::uint64_t seq = 5; seq < 9; ++seq) disk.flip_bytes(seq);
    }
    my.open();
  }
  TestCommunity community{{"BN", "MY"}};
  TestNode& bn = community.node("BN");
  TestNode& my = community.node("MY");
};

TEST_F(RepairLinkTest, GetsBackWhatIsDamaged) {
  Linked there(bn, community.clock), here(my, community.clock);
  must(here.link->set_address(bn.id(), {"https", "127.0.0.1", there.link->port()}));
  here.link->start();
  auto const state = here.run();
  EXPECT_EQ(state.restored, 4u);
  EXPECT_EQ(state.remaining, 0u);
  EXPECT_TRUE(my.store().check());
}

TEST_F(RepairLinkTest, APeerThatDoesNotKnowTheQuestionIsNamed) {
  Linked there(bn, community.clock, false), here(my, community.clock);
  must(here.link->set_address(bn.id(), {"https", "127.0.0.1", there.link->port()}));
  auto const state = here.run();
  EXPECT_EQ(state.remaining, 4u);
  ASSERT_EQ(state.peers.size(), 1u);
  EXPECT_NE(state.peers[0].problem.find("not_found"), std::string::npos) << state.peers[0].problem;
}

TEST_F(RepairLinkTest, AnswersToNonsenseAreProblems) {
  Linked there(bn, community.clock), here(my, community.clock);
  must(here.link->set_address(bn.id(), {"https", "127.0.0.1", there.link->port()}));
  for (auto const kind : {Repair::Kind::kRanges, Repair::Kind::kPieces}) {
    auto const answer = here.ask({bn.id(), kind, to_bytes("nonsense")});
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().where.substr(0, 5), "peer:") << answer.error().text();
  }
  exchange::RangeQuestion beyond{
      {community.founders.community.id, my.id(), bn.id(), 3, false, 21}, 1, {{0, {}}}};
  EXPECT_EQ(here.ask({bn.id(), Repair::Kind::kRanges, encode(beyond)}).error().code,
            Code::kOutOfRange);
  EXPECT_EQ(here.ask({*MemberId::parse("XX"), Repair::Kind::kRanges, {}}).error().code,
            Code::kUnknownMember);
}

TEST_F(RepairLinkTest, AfterTheEndNothingIsAsked) {
  Linked here(my, community.clock);
  here.link->stop();
  EXPECT_FALSE(here.ask({bn.id(), Repair::Kind::kRanges, {}}));
}

}  // namespace
}  // namespace amic::link
