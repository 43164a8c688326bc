#include "exchange/relay.h"

#include <gtest/gtest.h>

#include "base/limits.h"
#include "codec/codec.h"
#include "exchange/testing.h"

namespace amic::exchange {
namespace {

using testing::must;
using testing::share_request;
using testing::TestCommunity;
using testing::TestNode;

// AA sends to CC through BB. What the link does is done by hand.
struct RelayTest : ::testing::Test {
  TestCommunity community{{"AA", "BB", "CC"}};
  TestNode& a = community.node("AA");
  TestNode& b = community.node("BB");
  TestNode& c = community.node("CC");
  Realm realm;
  NodeKeys keys_a = keys_of(a), keys_b = keys_of(b), keys_c = keys_of(c);
  RelayLimits limits;
  std::unique_ptr<Relay> relay;
  LanePosition at[kLaneCount];

  RelayTest() {
    limits.for_members = {a.id()};
    open();
  }
  static NodeKeys keys_of(TestNode const& node) {
    return {node.id(), node.keys().node, node.keys().sealing};
  }
  CarrierParts parts(TestNode& node, NodeKeys const& keys) {
    return {keys,
            realm,
            node.store(),
            node.exchange(),
            node.committer(),
            community.clock,
            community.random};
  }
  void open() { relay = must(Relay::open(parts(b, keys_b), limits)); }
  void restart() {
    relay.reset();
    b.restart();
    open();
  }
  void share(Precedence precedence = Precedence::kRoutine, std::size_t size = 10) {
    auto request = share_request({"CC"}, "", precedence);
    request.media_type = "application/octet-stream";
    request.body.resize(size);
    community.random.fill(request.body);
    must(a.share(std::move(request)));
  }
  Bytes batch(std::uint8_t lane = 3, std::size_t bytes_max = limits::kBatchBytesMax) {
    auto made = must(next_lane_batch(parts(a, keys_a), c.id(), lane, at[lane], bytes_max));
    CHECK(made.has_value());
    at[lane] = made->end;
    return made->bytes;
  }
  Result<Bytes> take(BytesView bytes, std::string const& from = "AA") {
    Result<Bytes> out = fail(Code::kInternal, "test");
    relay->take(must(MemberId::parse(from)), bytes,
                [&](Result<Bytes> note) { out = std::move(note); });
    return out;
  }
  // One batch to CC and its receipt back to the relay; false: nothing to hand on.
  bool hand_on() {
    auto const next = must(relay->next(c.id()));
    if (!next) return false;
    auto const& [carried, bytes] = *next;
    auto receipt = c.accept(carried.from, bytes);
    if (!receipt) receipt = must(c.exchange().current_receipt(carried.from, carried.lane));
    Result<void> kept;
    relay->answered(carried, *receipt, [&](Result<void> done) { kept = std::move(done); });
    must(std::move(kept));
    return true;
  }
  LinkState::Lane lane_of_a(std::size_t lane) {
    for (auto const& state : must(a.exchange().links()))
      if (state.peer == c.id()) return state.lanes[lane];
    return {};
  }
  void take_receipts() {
    for (auto const& receipt : must(relay->receipts(a.id(), c.id())))
      must(a.exchange().late_receipt(c.id(), receipt));
  }
};

TEST_F(RelayTest, AClockThatIsSetBackPutsNothingOffForLong) {
  share();
  must(take(batch()));
  auto const next = must(relay->next(c.id()));
  ASSERT_TRUE(next);
  relay->put_off(next->first, 5'000);
  EXPECT_FALSE(must(relay->next(c.id())));
  community.clock.advance(-3'600'000);
  EXPECT_TRUE(hand_on());
}

TEST_F(RelayTest, WhoeverIsAnsweredMayAskForWhatIsToBeHandedOn) {
  share();
  auto const bytes = batch();
  must(take(bytes));
  bool handed = false;  // in answer to the same batch once more
  relay->take(a.id(), bytes, [&](Result<Bytes> note) {
    must(std::move(note));
    handed = hand_on();
  });
  EXPECT_TRUE(handed);
}

TEST_F(RelayTest, CarriesBatchesThereAndReceiptsBack) {
  for (int i = 0; i < 3; ++i) share();
  auto const note = must(decode_relay_note(must(take(batch()))));
  EXPECT_TRUE(
      verify_relay_note(note, community.founders.community.head, community.founders.community.id));
  EXPECT_EQ(note.relay, b.id());
  EXPECT_EQ(note.range, (NumberRange{1, 3}));
  EXPECT_EQ(relay->carried().front().envelopes, 3u);
  EXPECT_EQ(lane_of_a(3).acked_n, 0u);  // a note is no receipt

  EXPECT_TRUE(hand_on());
  EXPECT_FALSE(hand_on());
  EXPECT_EQ(must(c.store().log_size()), 3u);
  EXPECT_TRUE(relay->carried().empty());
  take_receipts();
  EXPECT_EQ(lane_of_a(3).acked_n, 3u);
  EXPECT_EQ(a.deliver(c), 0);  // the link comes back: nothing is left
}

TEST_F(RelayTest, TheRelayCannotReadWhatItCarries) {
  share();
  auto const bytes = batch();
  for (auto const& entry : must(decode_batch(bytes)).envelopes)
    EXPECT_FALSE(envelope::open(entry, b.id(), b.keys().sealing, a.keys().node.verify_key()));
}

TEST_F(RelayTest, DirectAndRelayedMayRace) {
  for (int i = 0; i < 4; ++i) share();
  must(take(batch()));
  EXPECT_EQ(a.deliver(c), 1);
  share();
  EXPECT_TRUE(hand_on());
  EXPECT_EQ(a.deliver(c), 1);
  take_receipts();  // an old word moves nothing back
  EXPECT_EQ(lane_of_a(3).acked_n, 5u);
  EXPECT_EQ(must(c.store().log_size()), 5u);
}

TEST_F(RelayTest, WhatItHoldsSurvivesARestart) {
  share();
  must(take(batch()));
  share();
  must(take(batch()));
  restart();
  EXPECT_EQ(relay->carried().front().batches, 2u);
  EXPECT_TRUE(hand_on());
  restart();
  EXPECT_TRUE(hand_on());
  EXPECT_FALSE(hand_on());
  restart();
  EXPECT_TRUE(relay->carried().empty());
  take_receipts();
  EXPECT_EQ(lane_of_a(3).acked_n, 2u);
}

TEST_F(RelayTest, TheSameBatchAgainIsTheSameBatch) {
  share();
  auto const bytes = batch();
  must(take(bytes));
  must(take(bytes));
  EXPECT_EQ(relay->carried().front().batches, 1u);
}

TEST_F(RelayTest, UrgentGoesFirst) {
  share(Precedence::kRoutine);
  share(Precedence::kFlash);
  must(take(batch(3)));
  must(take(batch(0)));
  EXPECT_EQ(must(relay->next(c.id()))->first.lane, 0);
}

TEST_F(RelayTest, ABatchThatComesTooEarlyIsPutOffAndNotLost) {
  share();
  batch();  // the first one never gets to the relay
  share();
  must(take(batch()));
  EXPECT_TRUE(hand_on());
  EXPECT_FALSE(hand_on());  // put off
  EXPECT_EQ(relay->carried().front().batches, 1u);
  at[3] = {};
  must(take(batch()));  // from where CC's receipt says
  EXPECT_TRUE(hand_on());
  EXPECT_TRUE(relay->carried().empty());  // the receipt covers both
  EXPECT_EQ(must(c.store().log_size()), 2u);
}

TEST_F(RelayTest, CarriesOnlyForWhomItIsTold) {
  share();
  auto const bytes = batch();
  limits = {};
  open();
  EXPECT_EQ(take(bytes).error().code, Code::kForbidden);
  limits.for_all = true;
  open();
  EXPECT_TRUE(take(bytes));
}

TEST_F(RelayTest, OneHopOnly) {
  limits.for_all = true;
  open();
  share();
  auto const bytes = batch();
  // CC, or a relay that wants another one to carry on, can't hand over AA's batch.
  EXPECT_EQ(take(bytes, "CC").error().code, Code::kWrongIdentity);
  auto for_relay = must(decode_batch(bytes));
  for_relay.to = b.id();
  EXPECT_EQ(take(encode(sign_batch(for_relay, a.keys().node))).error().code, Code::kNotRecipient);
  for_relay.to = must(MemberId::parse("XX"));
  EXPECT_EQ(take(encode(sign_batch(for_relay, a.keys().node))).error().code, Code::kUnknownMember);
  auto altered = bytes;
  altered.back() ^= 1;
  EXPECT_EQ(take(altered).error().code, Code::kBadSignature);
}

TEST_F(RelayTest, IsBoundedAndKeepsRoomForWhatIsUrgent) {
  limits.bytes_per_origin = 40'000;
  open();
  for (int i = 0; i < 4; ++i) share(Precedence::kRoutine, 12'000);
  share(Precedence::kFlash, 5'000);
  must(take(batch(3, 1)));
  must(take(batch(3, 1)));
  EXPECT_EQ(take(batch(3, 1)).error().code, Code::kOverloaded);  // three quarters are full
  EXPECT_TRUE(take(batch(0)));
  EXPECT_TRUE(hand_on());
  EXPECT_TRUE(hand_on());
  at[3] = {};
  batch(3, 1);
  batch(3, 1);
  EXPECT_TRUE(take(batch(3, 1)));
}

TEST_F(RelayTest, OldBatchesAreLetGo) {
  share();
  must(take(batch()));
  community.clock.advance(limits.age_ms + 1);
  EXPECT_EQ(relay->expire(), 1u);
  EXPECT_TRUE(relay->carried().empty());
  EXPECT_TRUE(must(b.store().kv_scan("relay.batch", "", 10)).empty());
  EXPECT_EQ(lane_of_a(3).queued_n, 1u);  // it still waits at its sender
}

TEST_F(RelayTest, AReceiptOfSomebodyElseIsNotTaken) {
  share();
  must(take(batch()));
  auto const next = must(relay->next(c.id()));
  auto const receipt = must(c.exchange().current_receipt(b.id(), 3));  // for BB, not AA
  Result<void> kept;
  relay->answered(next->first, receipt, [&](Result<void> done) { kept = std::move(done); });
  EXPECT_EQ(kept.error().code, Code::kWrongIdentity);
  EXPECT_EQ(relay->carried().front().batches, 1u);
}

TEST_F(RelayTest, NotesAndReceiptListsAreStrict) {
  share();
  auto const note = must(take(batch()));
  for (std::size_t i = 0; i < note.size(); ++i) {
    auto altered = note;
    altered[i] ^= 1;
    auto const decoded = decode_relay_note(altered);
    EXPECT_FALSE(decoded && verify_relay_note(*decoded, community.founders.community.head,
                                              community.founders.community.id))
        << i;
    EXPECT_FALSE(decode_relay_note(BytesView(note).first(i)));
  }
  std::vector<Bytes> const list{Bytes(3, 1), Bytes(5, 2)};
  EXPECT_EQ(must(decode_receipts(encode_receipts(list))), list);
  auto const bytes = encode_receipts(list);
  for (std::size_t i = 0; i < bytes.size(); ++i)
    EXPECT_FALSE(decode_receipts(BytesView(bytes).first(i)));
  EXPECT_FALSE(decode_receipts(encode_receipts(std::vector<Bytes>(5, Bytes(1)))));
}

}  // namespace
}  // namespace amic::exchange
