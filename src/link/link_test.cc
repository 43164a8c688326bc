// Nodes of one process over real TLS on loopback. What is asynchronous is waited for by asking for
// its effect; nothing depends on how long it takes.
#include "link/link.h"

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <thread>

#include "exchange/testing.h"
#include "link/frame.h"
#include "link/wire.h"

namespace amic::link {
namespace {

using exchange::testing::indicator_bundle;
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

// A node of the test community with its threads and its link.
struct Linked {
  TestNode& node;
  SeededRandom random{99};
  tlog::Witness witness;
  net::Runtime runtime{2};
  net::WorkerPool workers{2, 256};
  obs::Metrics metrics;
  std::unique_ptr<LinkService> link;

  Linked(TestNode& of, Clock const& clock, std::uint16_t port = 0, Options options = {})
      : node(of),
        witness(of.store(), of.log(), tlog::cosigner_name(of.exchange().community().id, of.id()),
                of.keys().cosigner, clock) {
    options.port = port;
    options.tls_seed = to_bytes(of.keys().tls.seed());
    options.backoff_min_ms = 20;
    options.backoff_max_ms = 200;
    options.witness_interval_ms = 50;
    options.probe_interval_ms = 100;
    runtime.start();
    link = must(LinkService::create(
        {runtime, workers, of.exchange(), of.log(), witness, clock, random, metrics}, options));
  }
  ~Linked() {
    link->stop();
    runtime.stop();
  }
  void knows(Linked& peer) {
    must(link->set_address(peer.node.id(), {"https", "127.0.0.1", peer.link->port()}));
  }
  PeerStatus status_of(MemberId const& peer) {
    for (auto& row : must(link->status()))
      if (row.peer == peer) return row;
    CHECK(false);
  }
};

struct LinkTest : testing::Test {
  TestCommunity community{{"BN", "MY", "SG"}};
  TestNode& bn_node = community.node("BN");
  TestNode& my_node = community.node("MY");
  TestNode& sg_node = community.node("SG");

  std::unique_ptr<Linked> up(TestNode& node, std::uint16_t port = 0, Options options = {}) {
    return std::make_unique<Linked>(node, community.clock, port, std::move(options));
  }
  static void introduce(std::vector<Linked*> const& nodes) {
    for (auto* from : nodes)
      for (auto* to : nodes)
        if (from != to) from->knows(*to);
    for (auto* node : nodes) node->link->start();
  }
  std::string bundle() { return indicator_bundle(community.random, "x"); }

  // A request with the given TLS key, as a member or a stranger would make it.
  Result<net::Response> ask(crypto::SigningKey const& tls, Linked& server, net::Request request) {
    net::Runtime runtime(1);
    runtime.start();
    net::ClientOptions options;
    options.tls = net::TlsIdentity{to_bytes(tls.seed()), "amic"};
    options.server_key = [](net::PublicKey32 const&) { return true; };
    auto const client = must(net::Client::create(runtime, options));
    return client->call({"https", "127.0.0.1", server.link->port()}, std::move(request), 30'000);
  }
  static net::Request post(std::string_view path, std::string_view type, BytesView body) {
    net::Request out;
    out.method = "POST";
    out.target = path;
    out.headers = {{"content-type", std::string(type)}};
    out.body = as_text(body);
    return out;
  }
  static net::Request get(std::string target) {
    net::Request out;
    out.target = std::move(target);
    return out;
  }
};

TEST_F(LinkTest, ThreeNodesLinkAndAnItemReachesExactlyThoseNamed) {
  auto const bn = up(bn_node), my = up(my_node), sg = up(sg_node);
  introduce({bn.get(), my.get(), sg.get()});
  for (auto* node : {bn.get(), my.get(), sg.get()})
    ASSERT_TRUE(eventually([&] { return node->link->all_linked(); }));

  for (Precedence const precedence : {Precedence::kRoutine, Precedence::kFlash})
    must(my_node.share(share_request({"BN"}, bundle(), precedence)));
  ASSERT_TRUE(eventually([&] { return must(bn_node.store().log_size()) == 2; }));
  ASSERT_TRUE(eventually([&] {
    auto const lanes = my->status_of(bn_node.id()).lanes;
    return lanes[0].acked_n == 1 && lanes[3].acked_n == 1;
  }));
  EXPECT_EQ(must(sg_node.store().log_size()), 0U);
  auto const seen = bn->status_of(my_node.id());
  EXPECT_EQ(seen.lanes[0].received_n, 1U);
  EXPECT_TRUE(seen.reachable && seen.linked);
  EXPECT_EQ(seen.consecutive_failures, 0U);
}

TEST_F(LinkTest, PeersCosignEachCheckpoint) {
  auto const bn = up(bn_node), my = up(my_node), sg = up(sg_node);
  introduce({bn.get(), my.get(), sg.get()});
  for (std::uint64_t size : {1U, 2U, 3U}) {
    must(my_node.share(share_request({"BN"}, bundle())));
    ASSERT_TRUE(eventually([&] {
      return my->status_of(bn_node.id()).cosigned_size == size &&
             my->status_of(sg_node.id()).cosigned_size == size;
    }));
  }
  auto const note = must(merkle::parse_note(must(my_node.log().checkpoint())));
  EXPECT_EQ(note.signatures.size(), 3U);  // the log's own and two cosigners'
  EXPECT_EQ(must(bn->witness.known_size(my_node.log().origin())), 3U);
}

TEST_F(LinkTest, WhatWaitsForAPeerThatIsDownGoesOutWhenItComes) {
  std::uint16_t port = 0;
  auto const my = up(my_node);
  {
    auto const bn = up(bn_node);
    port = bn->link->port();
    my->knows(*bn);
  }  // gone again, its port free
  my->link->start();
  for (int i = 0; i < 20; ++i) must(my_node.share(share_request({"BN"}, bundle())));
  ASSERT_TRUE(eventually([&] { return my->status_of(bn_node.id()).consecutive_failures >= 3; }));
  auto const down = my->status_of(bn_node.id());
  EXPECT_FALSE(down.reachable || down.linked);
  ASSERT_TRUE(down.last_error.has_value());
  EXPECT_EQ(down.last_error->code, Code::kUnavailable);
  EXPECT_EQ(down.lanes[3].queued_n, 20U);
  EXPECT_FALSE(my->link->all_linked());

  auto const bn = up(bn_node, port);
  ASSERT_TRUE(eventually([&] { return must(bn_node.store().log_size()) == 20; }));
  ASSERT_TRUE(eventually([&] { return my->status_of(bn_node.id()).lanes[3].acked_n == 20; }));
  EXPECT_EQ(my->status_of(bn_node.id()).consecutive_failures, 0U);
}

TEST_F(LinkTest, NothingIsLostOrDoubledOverRestartsOfTheReceiver) {
  auto const my = up(my_node);
  auto bn = up(bn_node);
  std::uint16_t const port = bn->link->port();
  my->knows(*bn);
  my->link->start();
  for (int round = 0; round < 5; ++round) {
    for (int i = 0; i < 10; ++i)
      must(my_node.share(share_request({"BN"}, bundle(), static_cast<Precedence>(i % 4))));
    bn.reset();
    bn_node.restart();
    bn = up(bn_node, port);
  }
  ASSERT_TRUE(eventually([&] { return must(bn_node.store().log_size()) == 50; }));
  EXPECT_TRUE(must(bn_node.store().quarantine(my_node.id(), 10)).empty());
}

TEST_F(LinkTest, APeerActsForItselfOnlyAndStrangersNotAtAll) {
  auto const bn = up(bn_node);
  must(my_node.share(share_request({"BN"}, bundle())));
  Bytes const batch = *must(my_node.exchange().next_batch(bn_node.id()));
  auto const request = post(kEnvelopesPath, kBatchType, batch);
  // SG has got hold of MY's batch.
  auto const foreign = must(ask(sg_node.keys().tls, *bn, request));
  EXPECT_EQ(foreign.status, 403);
  EXPECT_EQ(error_of_answer(foreign.status, foreign.body).code, Code::kWrongIdentity);
  auto const stranger = ask(crypto::SigningKey::generate(community.random), *bn, request);
  EXPECT_FALSE(stranger.has_value());
  auto const itself = ask(bn_node.keys().tls, *bn, request);
  EXPECT_FALSE(itself.has_value());
  EXPECT_EQ(must(bn_node.store().log_size()), 0U);

  auto const own = must(ask(my_node.keys().tls, *bn, request));
  EXPECT_EQ(own.status, 200);
  EXPECT_EQ(own.header("content-type"), kReceiptType);
  auto const receipt = must(exchange::decode_receipt(as_bytes(own.body)));
  must(exchange::verify_receipt(receipt, bn_node.exchange().community().head,
                                bn_node.exchange().community().id));
  EXPECT_EQ(receipt.n, 1U);
}

TEST_F(LinkTest, AServerWithAnotherKeyIsNotTalkedTo) {
  auto const my = up(my_node), sg = up(sg_node);
  must(my->link->set_address(bn_node.id(), {"https", "127.0.0.1", sg->link->port()}));
  my->link->start();
  must(my_node.share(share_request({"BN"}, bundle())));
  ASSERT_TRUE(eventually([&] { return my->status_of(bn_node.id()).consecutive_failures >= 2; }));
  EXPECT_EQ(my->status_of(bn_node.id()).last_error->code, Code::kWrongIdentity);
  EXPECT_EQ(must(sg_node.store().log_size()), 0U);
}

TEST_F(LinkTest, AHoleIsAnsweredWithTheReceiptToResumeFrom) {
  auto const bn = up(bn_node);
  must(my_node.share(share_request({"BN"}, bundle())));
  auto batch = must(exchange::decode_batch(*must(my_node.exchange().next_batch(bn_node.id()))));
  batch.first_n = 9;
  Bytes const forged = exchange::encode(exchange::sign_batch(batch, my_node.keys().node));
  auto const answer = must(ask(my_node.keys().tls, *bn, post(kEnvelopesPath, kBatchType, forged)));
  EXPECT_EQ(answer.status, 409);
  EXPECT_EQ(answer.header("content-type"), kReceiptType);
  EXPECT_EQ(must(exchange::decode_receipt(as_bytes(answer.body))).n, 0U);
}

TEST_F(LinkTest, AnswersTheRestOfTheProtocol) {
  auto const bn = up(bn_node);
  auto const& key = my_node.keys().tls;
  auto const status_of = [&](net::Request request) {
    return must(ask(key, *bn, std::move(request))).status;
  };
  auto const shown = must(decode_status(must(ask(key, *bn, get(std::string(kStatusPath)))).body));
  EXPECT_EQ(shown.member, bn_node.id());
  EXPECT_EQ(shown.head, bn_node.exchange().community().head_digest);
  EXPECT_EQ(status_of(get("/link/v1/log/checkpoint")), 404);
  EXPECT_EQ(status_of(get("/link/v1/log/tile/0/000")), 404);
  EXPECT_EQ(status_of(get("/link/v1/log/tile/../secret")), 400);
  EXPECT_EQ(status_of(get("/elsewhere")), 404);
  EXPECT_EQ(status_of(get(std::string(kEnvelopesPath))), 405);
  EXPECT_EQ(status_of(post(kEnvelopesPath, "text/plain", Bytes(3))), 415);
  EXPECT_EQ(status_of(post(kEnvelopesPath, kBatchType, Bytes(3))), 400);
  EXPECT_EQ(status_of(post(kWitnessPath, "text/plain", as_bytes("nonsense"))), 400);

  must(bn_node.share(share_request({"MY"}, bundle())));
  must(bn_node.log().sign_checkpoint());
  auto const checkpoint = must(ask(key, *bn, get("/link/v1/log/checkpoint")));
  EXPECT_EQ(checkpoint.status, 200);
  EXPECT_EQ(checkpoint.body, must(bn_node.log().checkpoint()));
  auto const tile = must(ask(key, *bn, get("/link/v1/log/tile/0/000.p/1")));
  EXPECT_EQ(tile.status, 200);
  EXPECT_EQ(tile.body.size(), 32U);
}

// The pieces of a batch, as a sender on a slow line would post them.
struct Pieces {
  Bytes batch;
  std::uint8_t lane;
  Bytes frame(std::size_t from, std::size_t size) const {
    Frame out;
    out.lane = lane;
    out.transfer = transfer_id(batch);
    out.total = static_cast<std::uint32_t>(batch.size());
    out.offset = static_cast<std::uint32_t>(from);
    out.data = BytesView(batch).subspan(from, size);
    return encode(out);
  }
};

TEST_F(LinkTest, ABatchInFramesIsTakenInWhenTheLastOneComes) {
  auto const bn = up(bn_node);
  must(my_node.share(share_request({"BN"}, bundle())));
  Pieces const pieces{*must(my_node.exchange().next_batch(bn_node.id())), 3};
  std::size_t const half = pieces.batch.size() / 2, rest = pieces.batch.size() - half;
  auto const send = [&](std::size_t from, std::size_t size) {
    return must(
        ask(my_node.keys().tls, *bn, post(kFramesPath, kFrameType, pieces.frame(from, size))));
  };
  auto const first = send(0, half);
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(first.header("content-type"), kWantedType);
  EXPECT_EQ(must(decode_wanted(as_bytes(first.body))).offset, half);
  EXPECT_EQ(must(bn_node.store().log_size()), 0U);
  auto const last = send(half, rest);
  EXPECT_EQ(last.status, 200);
  EXPECT_EQ(last.header("content-type"), kReceiptType);
  EXPECT_EQ(must(exchange::decode_receipt(as_bytes(last.body))).n, 1U);
  EXPECT_EQ(must(bn_node.store().log_size()), 1U);
  // Its answer was lost: the same word again, and nothing twice.
  auto const again = send(half, rest);
  EXPECT_EQ(again.header("content-type"), kReceiptType);
  EXPECT_EQ(must(exchange::decode_receipt(as_bytes(again.body))).n, 1U);
  EXPECT_EQ(must(bn_node.store().log_size()), 1U);
  must(my_node.on_receipt(bn_node.id(), as_bytes(last.body)));
}

TEST_F(LinkTest, FramesOfPeersAreKeptApartAndBadOnesRefused) {
  auto const bn = up(bn_node);
  must(my_node.share(share_request({"BN"}, bundle())));
  Pieces pieces{*must(my_node.exchange().next_batch(bn_node.id())), 3};
  std::size_t const half = pieces.batch.size() / 2, rest = pieces.batch.size() - half;
  auto const send = [&](TestNode& from, std::string_view type, Bytes const& body) {
    return must(ask(from.keys().tls, *bn, post(kFramesPath, type, body)));
  };
  EXPECT_EQ(send(my_node, kBatchType, pieces.frame(0, half)).status, 415);
  EXPECT_EQ(send(my_node, kFrameType, Bytes(3)).status, 400);
  ASSERT_EQ(send(my_node, kFrameType, pieces.frame(0, half)).status, 200);
  // SG knows the other half, but its frames are SG's.
  auto const foreign = send(sg_node, kFrameType, pieces.frame(half, rest));
  EXPECT_EQ(foreign.header("content-type"), kWantedType);
  EXPECT_EQ(must(decode_wanted(as_bytes(foreign.body))).offset, 0U);
  // All of it as SG's own is refused for what it is.
  EXPECT_EQ(send(sg_node, kFrameType, pieces.frame(0, half)).status, 403);
  // In another lane than its own, and with bytes that are not those of the hash.
  Pieces elsewhere{pieces.batch, 0};
  EXPECT_EQ(send(my_node, kFrameType, elsewhere.frame(0, pieces.batch.size())).status, 400);
  Bytes altered = pieces.frame(half, rest);
  altered.back() ^= 1;
  EXPECT_EQ(send(my_node, kFrameType, altered).status, 400);
  EXPECT_EQ(must(bn_node.store().log_size()), 0U);
  EXPECT_EQ(send(my_node, kFrameType, pieces.frame(0, pieces.batch.size())).status, 200);
  EXPECT_EQ(must(bn_node.store().log_size()), 1U);
}

TEST_F(LinkTest, WhatIsOverTheBudgetIsPutOffAndArrives) {
  Options options;
  options.budget.bytes_per_second = 10;
  options.hold_ms_max = 20;
  auto const bn = up(bn_node, 0, options);
  auto const& key = my_node.keys().tls;
  EXPECT_EQ(must(ask(key, *bn, post(kWitnessPath, "text/plain", Bytes(200)))).status, 400);
  auto const refused = must(ask(key, *bn, get(std::string(kStatusPath))));
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.header("retry-after"), "11");
  EXPECT_EQ(error_of_answer(refused.status, refused.body).code, Code::kOverloaded);
  // Another peer's budget is its own.
  EXPECT_EQ(must(ask(sg_node.keys().tls, *bn, get(std::string(kStatusPath)))).status, 200);
  community.clock.advance(11'000);
  EXPECT_EQ(must(ask(key, *bn, get(std::string(kStatusPath)))).status, 200);
}

TEST_F(LinkTest, NonsenseCostsMoreThanItsWork) {
  Options options;
  options.budget.cpu_ms_per_second = 99;  // 990 ms at first
  options.hold_ms_max = 20;
  auto const bn = up(bn_node, 0, options);
  auto const& key = my_node.keys().tls;
  auto const bring = [&](Bytes const& batch) {
    return must(ask(key, *bn, post(kEnvelopesPath, kBatchType, batch))).status;
  };
  must(my_node.share(share_request({"BN"}, bundle())));
  auto gap = must(exchange::decode_batch(*must(my_node.exchange().next_batch(bn_node.id()))));
  gap.first_n = 9;
  Bytes const after_a_hole = exchange::encode(exchange::sign_batch(gap, my_node.keys().node));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(bring(after_a_hole), 409);  // may happen to anybody
  gap.signature.data[0] ^= 1;
  EXPECT_EQ(bring(exchange::encode(gap)), 422);
  EXPECT_EQ(must(ask(key, *bn, post(kFramesPath, kFrameType, Bytes(3)))).status, 400);
  EXPECT_EQ(bring(after_a_hole), 429);
}

TEST_F(LinkTest, SaysSinceWhenItHasAllThatAPeerHasForIt) {
  must(my_node.share(share_request({"BN"}, bundle())));
  auto const bn = up(bn_node), my = up(my_node);
  bn->knows(*my);
  bn->link->start();  // MY doesn't send yet
  ASSERT_TRUE(eventually([&] { return bn->status_of(my_node.id()).not_here_yet == 1; }));
  EXPECT_EQ(bn->status_of(my_node.id()).current_to_ms, 0);
  my->knows(*bn);
  my->link->start();
  ASSERT_TRUE(eventually([&] {
    community.clock.advance(10);  // until it asks again
    return bn->status_of(my_node.id()).current_to_ms != 0;
  }));
  EXPECT_EQ(bn->status_of(my_node.id()).not_here_yet, 0U);
  EXPECT_LE(bn->status_of(my_node.id()).current_to_ms, community.clock.now_ms());
}

// With a cap the line is slow enough for frames, whatever the machine.
TEST_F(LinkTest, ACappedLinkSendsInFramesAndLosesNothing) {
  Options capped;
  capped.send_bytes_per_second[bn_node.id()] = 30'000;
  auto const bn = up(bn_node), my = up(my_node, 0, capped);
  for (int i = 0; i < 40; ++i)
    must(my_node.share(share_request({"BN"}, bundle(), static_cast<Precedence>(i % 4))));
  introduce({bn.get(), my.get()});
  ASSERT_TRUE(eventually([&] { return must(bn_node.store().log_size()) == 40; }));
  ASSERT_TRUE(eventually([&] {
    auto const lanes = my->status_of(bn_node.id()).lanes;
    return std::all_of(lanes.begin(), lanes.end(),
                       [](auto const& lane) { return lane.acked_n == 10; });
  }));
  auto const text = my->metrics.text();
  auto const at = text.find("amic_link_frames_sent_total{peer=\"BN\"} ");
  ASSERT_NE(at, std::string::npos);
  EXPECT_NE(text[text.find(' ', at) + 1], '0');
  EXPECT_TRUE(must(bn_node.store().quarantine(my_node.id(), 10)).empty());
}

TEST_F(LinkTest, APeerWithAnotherHeadIsSentNothing) {
  // The same keys under another name of the community.
  auto head = consent::testing::make_head(community.founders.members);
  head.community_name = "Another Community";
  auto const draft = must(consent::make_draft(head, consent::testing::sample_texts()));
  auto const other = must(consent::community_of(must(
      consent::launch(draft, consent::testing::press_all(community.founders.members, draft)))));
  TestNode stranger(bn_node.keys(), other, community.directory.path() / "other", community.clock,
                    community.random);
  auto const my = up(my_node);
  auto const bn = up(stranger);
  my->knows(*bn);
  my->link->start();
  must(my_node.share(share_request({"BN"}, bundle())));
  ASSERT_TRUE(eventually([&] { return my->status_of(bn_node.id()).consecutive_failures >= 2; }));
  auto const seen = my->status_of(bn_node.id());
  EXPECT_TRUE(seen.reachable);
  EXPECT_FALSE(seen.linked);
  EXPECT_EQ(seen.last_error->code, Code::kUnknownCommunity);
  EXPECT_EQ(must(stranger.store().log_size()), 0U);
  EXPECT_TRUE(must(stranger.store().quarantine(my_node.id(), 10)).empty());
}

TEST_F(LinkTest, RefusesAForeignTlsKeyAndAnUnknownPeer) {
  auto const my = up(my_node);
  Options options;
  options.tls_seed = to_bytes(sg_node.keys().tls.seed());
  auto const got = LinkService::create({my->runtime, my->workers, my_node.exchange(), my_node.log(),
                                        my->witness, community.clock, my->random, my->metrics},
                                       options);
  ASSERT_FALSE(got.has_value());
  EXPECT_EQ(got.error().code, Code::kWrongIdentity);
  EXPECT_EQ(my->link->set_address(my_node.id(), {}).error().code, Code::kUnknownMember);
}

}  // namespace
}  // namespace amic::link
