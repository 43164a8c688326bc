// Three nodes of one process over real TLS; AA and CC can't reach each other, BB carries.
#include "link/relay.h"

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <thread>

#include "exchange/testing.h"

namespace amic::link {
namespace {

using exchange::testing::must;
using exchange::testing::share_request;
using exchange::testing::TestCommunity;
using exchange::testing::TestNode;

bool eventually(std::function<bool()> const& holds) {
  for (int i = 0; i < 12'000; ++i) {
    if (holds()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return false;
}

struct Station {
  TestNode& node;
  SeededRandom random{7};
  Realm realm;
  exchange::NodeKeys keys;
  tlog::Witness witness;
  net::Runtime runtime{2};
  net::WorkerPool workers{2, 256};
  obs::Metrics metrics;
  std::unique_ptr<exchange::Relay> relay;
  std::unique_ptr<LinkService> link;

  Station(TestNode& of, consent::Community const& community, Clock const& clock,
          std::vector<std::string> const& relays, std::vector<std::string> const& relay_for,
          std::uint16_t port = 0)
      : node(of),
        keys{of.id(), of.keys().node, of.keys().sealing},
        witness(of.store(), of.log(), tlog::cosigner_name(community.id, of.id()),
                of.keys().cosigner, clock) {
    exchange::RelayLimits limits;
    for (auto const& id : relay_for) limits.for_members.insert(must(MemberId::parse(id)));
    relay = must(exchange::Relay::open(
        {keys, realm, of.store(), of.exchange(), of.committer(), clock, random}, limits));
    Options options;
    options.port = port;
    options.tls_seed = to_bytes(of.keys().tls.seed());
    options.backoff_min_ms = 20;
    options.backoff_max_ms = 200;
    options.probe_interval_ms = 100;
    options.relay_after_ms = 0;
    options.relay_tick_ms = 20;
    for (auto const& id : relays) options.relays.push_back(must(MemberId::parse(id)));
    runtime.start();
    link = must(LinkService::create(
        {runtime, workers, of.exchange(), of.log(), witness, clock, random, metrics, relay.get()},
        options));
  }
  ~Station() {
    link->stop();
    runtime.stop();
  }
  void knows(Station& peer) {
    must(link->set_address(peer.node.id(), {"https", "127.0.0.1", peer.link->port()}));
  }
  PeerStatus status_of(MemberId const& peer) {
    for (auto& row : must(link->status()))
      if (row.peer == peer) return row;
    CHECK(false);
  }
};

struct RelayLinkTest : ::testing::Test {
  TestCommunity community{{"AA", "BB", "CC"}};
  SystemClock clock;  // waiting and asking again go by real time
  TestNode& aa = community.node("AA");
  TestNode& bb = community.node("BB");
  TestNode& cc = community.node("CC");
  std::unique_ptr<Station> up(TestNode& node, std::vector<std::string> const& relays,
                              std::vector<std::string> const& relay_for, std::uint16_t port = 0) {
    return std::make_unique<Station>(node, community.founders.community, clock, relays, relay_for,
                                     port);
  }
  void share(TestNode& from, std::string const& to, Precedence precedence = Precedence::kRoutine) {
    must(from.share(share_request({to}, exchange::testing::indicator_bundle(community.random, "x"),
                                  precedence)));
  }
};

TEST_F(RelayLinkTest, BothDirectionsGoThroughTheRelayAndReceiptsComeBack) {
  auto const a = up(aa, {"BB"}, {}), b = up(bb, {}, {"AA", "CC"}), c = up(cc, {"BB"}, {});
  a->knows(*b);
  b->knows(*a);
  b->knows(*c);
  c->knows(*b);  // the addresses in the cards of AA and CC lead nowhere
  for (int i = 0; i < 10; ++i) share(aa, "CC", static_cast<Precedence>(i % 4));
  for (int i = 0; i < 5; ++i) share(cc, "AA");
  for (auto* station : {a.get(), b.get(), c.get()}) station->link->start();
  ASSERT_TRUE(eventually([&] { return must(cc.store().log_size()) == 5 + 10; }));
  ASSERT_TRUE(eventually([&] { return must(aa.store().log_size()) == 10 + 5; }));
  ASSERT_TRUE(eventually([&] {
    auto const status = a->status_of(cc.id());
    return status.lanes[0].acked_n == 3 && status.lanes[3].acked_n == 2;
  }));
  ASSERT_TRUE(eventually([&] { return c->status_of(aa.id()).lanes[3].acked_n == 5; }));
  EXPECT_EQ(a->status_of(cc.id()).via, bb.id());
  EXPECT_FALSE(a->status_of(cc.id()).linked);
  EXPECT_EQ(must(bb.store().log_size()), 0U);  // it carries and reads nothing
  ASSERT_TRUE(eventually([&] { return b->status_of(cc.id()).carried.empty(); }));
}

TEST_F(RelayLinkTest, WhenTheDirectLinkIsBackItIsUsedAndNothingDoubles) {
  auto a = up(aa, {"BB"}, {});
  auto const b = up(bb, {}, {"AA"});
  auto const c = up(cc, {}, {});
  a->knows(*b);
  b->knows(*c);
  for (auto* station : {a.get(), b.get(), c.get()}) station->link->start();
  for (int i = 0; i < 5; ++i) share(aa, "CC");
  ASSERT_TRUE(eventually([&] { return must(cc.store().log_size()) == 5; }));
  a.reset();
  aa.restart();
  a = up(aa, {"BB"}, {});
  a->knows(*b);
  a->knows(*c);
  a->link->start();
  for (int i = 0; i < 5; ++i) share(aa, "CC");
  ASSERT_TRUE(eventually([&] { return a->status_of(cc.id()).lanes[3].acked_n == 10; }));
  ASSERT_TRUE(eventually([&] { return !a->status_of(cc.id()).via.has_value(); }));
  EXPECT_EQ(must(cc.store().log_size()), 10U);
  EXPECT_TRUE(must(cc.store().quarantine(aa.id(), 10)).empty());
}

TEST_F(RelayLinkTest, ARelayThatRefusesIsLeftForTheNext) {
  TestCommunity four({"AA", "BB", "CC", "DD"});
  auto const make = [&](std::string const& id, std::vector<std::string> const& relays,
                        std::vector<std::string> const& relay_for) {
    return std::make_unique<Station>(four.node(id), four.founders.community, clock, relays,
                                     relay_for);
  };
  auto const a = make("AA", {"BB", "DD"}, {}), b = make("BB", {}, {}), c = make("CC", {}, {}),
             d = make("DD", {}, {"AA"});
  a->knows(*b);
  a->knows(*d);
  d->knows(*c);
  b->knows(*c);
  for (auto* station : {a.get(), b.get(), c.get(), d.get()}) station->link->start();
  must(four.node("AA").share(
      share_request({"CC"}, exchange::testing::indicator_bundle(four.random, "x"))));
  ASSERT_TRUE(eventually([&] { return must(four.node("CC").store().log_size()) == 1; }));
  ASSERT_TRUE(eventually([&] { return a->status_of(four.node("CC").id()).lanes[3].acked_n == 1; }));
  EXPECT_EQ(a->status_of(four.node("CC").id()).via, four.node("DD").id());
}

TEST_F(RelayLinkTest, WithoutRelaysNothingIsHandedOver) {
  auto const a = up(aa, {}, {}), b = up(bb, {}, {"AA"}), c = up(cc, {}, {});
  a->knows(*b);
  b->knows(*c);
  for (auto* station : {a.get(), b.get(), c.get()}) station->link->start();
  share(aa, "CC");
  share(aa, "BB");
  ASSERT_TRUE(eventually([&] { return must(bb.store().log_size()) == 1; }));
  ASSERT_TRUE(eventually([&] { return a->status_of(cc.id()).consecutive_failures >= 3; }));
  EXPECT_FALSE(a->status_of(cc.id()).via.has_value());
  EXPECT_EQ(must(cc.store().log_size()), 0U);
}

}  // namespace
}  // namespace amic::link
