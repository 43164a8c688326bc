#include "exchange/exchange.h"

#include <gtest/gtest.h>

#include "exchange/testing.h"

namespace amic::exchange {
namespace {

using testing::indicator_bundle;
using testing::must;
using testing::share_request;
using testing::TestCommunity;

store::AudienceSet all_audiences(store::Store& store) {
  store::AudienceSet out;
  for (auto const& audience : must(store.audiences())) out.push_back(audience.id);
  return out;
}

std::uint64_t objects_of(testing::TestNode& node) {
  node.index_all();
  return must(node.store().object_count(all_audiences(node.store())));
}

TEST(Exchange, AnItemReachesExactlyTheNamedMembers) {
  TestCommunity community({"BN", "ID", "MY", "SG"});
  auto& my = community.node("MY");
  auto const result =
      must(my.share(share_request({"BN", "SG"}, indicator_bundle(community.random, "a"))));
  ASSERT_EQ(result.recipients.size(), 2U);
  for (auto* to : {"BN", "ID", "SG"}) my.deliver(community.node(to));
  EXPECT_EQ(objects_of(community.node("BN")), 1U);
  EXPECT_EQ(objects_of(community.node("SG")), 1U);
  EXPECT_EQ(objects_of(community.node("ID")), 0U);
  EXPECT_EQ(objects_of(my), 1U);  // the originator holds its own
}

TEST(Exchange, RefusesWhatReachesNobodyAndStoresNothing) {
  TestCommunity community({"BN", "MY"});
  auto& my = community.node("MY");
  auto const bundle = indicator_bundle(community.random, "a");
  EXPECT_EQ(my.share(share_request({}, bundle)).error().code, Code::kNoRecipients);
  EXPECT_FALSE(my.share(share_request({"BN", "XX"}, bundle)).has_value());
  auto expired = share_request({"BN"}, bundle);
  expired.marking.expires_ms = community.clock.now_ms();
  EXPECT_EQ(my.share(expired).error().code, Code::kExpired);
  EXPECT_EQ(must(my.store().log_size()), 0U);
}

TEST(Exchange, ARepeatedBatchChangesNothingAndGetsTheSameWord) {
  TestCommunity community({"BN", "MY"});
  auto& my = community.node("MY");
  auto& bn = community.node("BN");
  must(my.share(share_request({"BN"}, indicator_bundle(community.random, "a"))));
  auto const batch = *must(my.exchange().next_batch(bn.id()));
  auto const first = must(decode_receipt(must(bn.accept(my.id(), batch))));
  auto const second = must(decode_receipt(must(bn.accept(my.id(), batch))));
  EXPECT_EQ(first.n, 1U);
  EXPECT_EQ(second.n, 1U);
  EXPECT_EQ(first.chain, second.chain);
  EXPECT_EQ(must(bn.store().log_size()), 1U);
  bn.restart();
  auto const third = must(decode_receipt(must(bn.accept(my.id(), batch))));
  EXPECT_EQ(third.chain, first.chain);
  EXPECT_EQ(must(bn.store().log_size()), 1U);
}

TEST(Exchange, ASenderThatLostItsReceiptResumesAfterRestart) {
  TestCommunity community({"BN", "MY"});
  auto& my = community.node("MY");
  auto& bn = community.node("BN");
  for (int i = 0; i < 5; ++i)
    must(my.share(share_request({"BN"}, indicator_bundle(community.random, "x"))));
  auto const batch = *must(my.exchange().next_batch(bn.id()));
  must(bn.accept(my.id(), batch));  // the receipt never arrives
  my.restart();
  EXPECT_EQ(my.deliver(bn), 0);  // the peer has said where it stands
  EXPECT_EQ(must(bn.store().log_size()), 5U);
  EXPECT_FALSE(must(my.exchange().next_batch(bn.id())).has_value());
}

TEST(Exchange, AHoleIsRefusedAndNamed) {
  TestCommunity community({"BN", "MY"});
  auto& my = community.node("MY");
  auto& bn = community.node("BN");
  must(my.share(share_request({"BN"}, indicator_bundle(community.random, "a"))));
  auto batch = must(decode_batch(*must(my.exchange().next_batch(bn.id()))));
  batch.first_n = 7;
  auto const forged = sign_batch(batch, my.keys().node);
  EXPECT_EQ(bn.accept(my.id(), encode(forged)).error().code, Code::kGap);
  EXPECT_EQ(must(bn.store().log_size()), 0U);
}

TEST(Exchange, AnotherSequenceUnderTheSameNumbersIsAConflict) {
  TestCommunity community({"BN", "MY"});
  auto& my = community.node("MY");
  auto& bn = community.node("BN");
  must(my.share(share_request({"BN"}, indicator_bundle(community.random, "a"))));
  my.deliver(bn);
  must(my.share(share_request({"BN"}, indicator_bundle(community.random, "b"))));
  auto batch = must(decode_batch(*must(my.exchange().next_batch(bn.id()))));
  batch.chain_before = Hash{};
  EXPECT_EQ(bn.accept(my.id(), encode(sign_batch(batch, my.keys().node))).error().code,
            Code::kConflict);
}

TEST(Exchange, ABadEnvelopeIsQuarantinedAndDoesNotBlockTheLane) {
  TestCommunity community({"BN", "MY", "SG"});
  auto& my = community.node("MY");
  auto& bn = community.node("BN");
  for (int i = 0; i < 3; ++i)
    must(my.share(share_request({"BN"}, indicator_bundle(community.random, "x"))));
  auto batch = must(decode_batch(*must(my.exchange().next_batch(bn.id()))));
  batch.envelopes[1][batch.envelopes[1].size() / 2] ^= 1;
  auto const receipt =
      must(decode_receipt(must(bn.accept(my.id(), encode(sign_batch(batch, my.keys().node))))));
  EXPECT_EQ(receipt.n, 3U);
  ASSERT_EQ(receipt.refused.size(), 1U);
  EXPECT_EQ(receipt.refused[0].n, 2U);
  EXPECT_EQ(receipt.refused[0].code, "bad_signature");
  EXPECT_EQ(must(bn.store().log_size()), 2U);
  auto const held = must(bn.store().quarantine(my.id(), 10));
  ASSERT_EQ(held.size(), 1U);
  EXPECT_EQ(held[0].code, Code::kBadSignature);
}

TEST(Exchange, TheSenderKeepsWhatAPeerRefused) {
  TestCommunity community({"BN", "MY"});
  auto& my = community.node("MY");
  auto& bn = community.node("BN");
  community.clock.advance(3600 * 1000);  // MY's clock runs ahead
  auto const item = must(my.share(share_request({"BN"}, indicator_bundle(community.random, "x"))));
  auto const batch = *must(my.exchange().next_batch(bn.id()));
  community.clock.advance(-3600 * 1000);
  must(my.on_receipt(bn.id(), must(bn.accept(my.id(), batch))));
  for (int round = 0; round < 2; ++round) {  // and after a restart
    auto const links = must(my.exchange().links());
    ASSERT_EQ(links.front().refusals.size(), 1U);
    EXPECT_EQ(links.front().refusals[0].item, item.id);
    EXPECT_EQ(links.front().refusals[0].code, "clock_skew");
    my.restart();
  }
}

TEST(Exchange, AnEnvelopeForOthersIsRefused) {
  TestCommunity community({"BN", "MY", "SG"});
  auto& my = community.node("MY");
  auto& bn = community.node("BN");
  auto& sg = community.node("SG");
  must(my.share(share_request({"SG"}, indicator_bundle(community.random, "secret"))));
  auto stolen = must(decode_batch(*must(my.exchange().next_batch(sg.id()))));
  stolen.to = bn.id();  // a misrouting sender
  auto const receipt =
      must(decode_receipt(must(bn.accept(my.id(), encode(sign_batch(stolen, my.keys().node))))));
  ASSERT_EQ(receipt.refused.size(), 1U);
  EXPECT_EQ(receipt.refused[0].code, "not_recipient");
  EXPECT_EQ(must(bn.store().log_size()), 0U);
}

TEST(Exchange, APeerCannotDeliverInAnothersName) {
  TestCommunity community({"BN", "MY", "SG"});
  auto& my = community.node("MY");
  auto& bn = community.node("BN");
  auto& sg = community.node("SG");
  must(my.share(share_request({"BN", "SG"}, indicator_bundle(community.random, "x"))));
  auto const batch = *must(my.exchange().next_batch(bn.id()));
  EXPECT_EQ(bn.accept(sg.id(), batch).error().code, Code::kWrongIdentity);
  // SG re-numbers MY's envelope as its own delivery: the envelope's sender gives it away.
  auto relayed = must(decode_batch(batch));
  relayed.from = sg.id();
  auto const receipt =
      must(decode_receipt(must(bn.accept(sg.id(), encode(sign_batch(relayed, sg.keys().node))))));
  ASSERT_EQ(receipt.refused.size(), 1U);
  EXPECT_EQ(receipt.refused[0].code, "wrong_identity");
}

// A batch of SG's with one envelope of its own, to BN, under an id of its choice.
Bytes squatting_batch(TestCommunity& community, EnvelopeId const& id) {
  auto const& sg = community.node("SG");
  auto const& bn = community.node("BN");
  envelope::Contents contents;
  contents.community = community.founders.community.id;
  contents.id = id;
  contents.precedence = Precedence::kRoutine;
  contents.epoch = community.founders.community.head.epoch;
  contents.originator = sg.id();
  contents.created_ms = community.clock.now_ms();
  contents.recipients = {bn.id()};
  marking::Marking marking;
  marking.rel_to = {bn.id()};
  contents.marking = marking::encode(marking);
  contents.media_type = "text/plain";
  contents.body = to_bytes("mine now");
  Batch batch;
  batch.community = contents.community;
  batch.from = sg.id();
  batch.to = bn.id();
  batch.lane = static_cast<std::uint8_t>(Precedence::kRoutine);
  batch.first_n = 1;
  batch.envelopes = {must(envelope::seal(
      contents,
      {{bn.id(), bn.keys().sealing.public_key()}, {sg.id(), sg.keys().sealing.public_key()}},
      sg.keys().node, sg.keys().node, community.random))};
  return encode(sign_batch(std::move(batch), sg.keys().node));
}

TEST(Exchange, NobodyCanUseUpTheIdOfAnothersEnvelope) {
  for (bool const squatter_first : {true, false}) {
    TestCommunity community({"BN", "MY", "SG"});
    auto& my = community.node("MY");
    auto& bn = community.node("BN");
    auto const item =
        must(my.share(share_request({"BN", "SG"}, indicator_bundle(community.random, "x"))));
    my.deliver(community.node("SG"));  // so SG knows the id
    if (!squatter_first) my.deliver(bn);
    auto const word = must(decode_receipt(
        must(bn.accept(MemberId::parse("SG").value(), squatting_batch(community, item.id)))));
    ASSERT_EQ(word.refused.size(), 1U);
    EXPECT_EQ(word.refused[0].code, "wrong_identity");
    if (squatter_first) my.deliver(bn);
    auto const held = must(bn.store().log_find(item.id));
    ASSERT_TRUE(held.has_value());
    EXPECT_EQ(held->digest, item.digest);
    EXPECT_TRUE(must(my.exchange().links()).front().refusals.empty());
    EXPECT_TRUE(must(bn.store().quarantine(my.id(), 10)).empty());
  }
}

TEST(Exchange, ACallerCannotChooseAnIdThatPeersWouldRefuse) {
  TestCommunity community({"BN", "MY"});
  auto& my = community.node("MY");
  auto request = share_request({"BN"}, indicator_bundle(community.random, "x"));
  request.id = envelope::make_id(community.founders.community.id, community.node("BN").id(),
                                 community.random);
  auto const refused = my.share(request);
  EXPECT_EQ(refused.error().code, Code::kWrongIdentity);
  EXPECT_EQ(refused.error().where, "envelope.id");
  EXPECT_EQ(must(my.store().log_size()), 0U);
  request.id = envelope::make_id(community.founders.community.id, my.id(), community.random);
  EXPECT_EQ(must(my.share(request)).id, *request.id);
}

TEST(Exchange, EveryByteOfABatchIsProtected) {
  TestCommunity community({"BN", "MY"});
  auto& my = community.node("MY");
  auto& bn = community.node("BN");
  must(my.share(share_request({"BN"}, indicator_bundle(community.random, "x"))));
  auto const batch = *must(my.exchange().next_batch(bn.id()));
  for (std::size_t i = 0; i < batch.size(); ++i) {
    auto changed = batch;
    changed[i] ^= 0x20;
    EXPECT_FALSE(bn.accept(my.id(), changed).has_value()) << "byte " << i;
  }
  EXPECT_EQ(must(bn.store().log_size()), 0U);
  EXPECT_TRUE(bn.accept(my.id(), batch).has_value());
}

TEST(Exchange, EveryByteOfAReceiptIsProtected) {
  TestCommunity community({"BN", "MY"});
  auto& my = community.node("MY");
  auto& bn = community.node("BN");
  must(my.share(share_request({"BN"}, indicator_bundle(community.random, "x"))));
  auto const receipt = must(bn.accept(my.id(), *must(my.exchange().next_batch(bn.id()))));
  for (std::size_t i = 0; i < receipt.size(); ++i) {
    auto changed = receipt;
    changed[i] ^= 0x20;
    EXPECT_FALSE(my.on_receipt(bn.id(), changed).has_value()) << "byte " << i;
  }
  EXPECT_TRUE(my.on_receipt(bn.id(), receipt).has_value());
  EXPECT_LE(receipt.size(), 4096U);
}

TEST(Exchange, UrgentLanesGoFirst) {
  TestCommunity community({"BN", "MY"});
  auto& my = community.node("MY");
  auto const bn = community.node("BN").id();
  must(my.share(share_request({"BN"}, indicator_bundle(community.random, "r"))));
  must(
      my.share(share_request({"BN"}, indicator_bundle(community.random, "z"), Precedence::kFlash)));
  EXPECT_EQ(must(decode_batch(*must(my.exchange().next_batch(bn)))).lane, 0);
  EXPECT_EQ(must(decode_batch(*must(my.exchange().next_batch(bn)))).lane, 3);
  EXPECT_FALSE(must(my.exchange().next_batch(bn)).has_value());  // one in flight a lane
}

TEST(Exchange, APrivateImportStaysHome) {
  TestCommunity community({"BN", "MY"});
  auto& my = community.node("MY");
  auto request = share_request({"BN"}, indicator_bundle(community.random, "mine"));
  request.keep_private = true;
  auto const result = must(my.share(request));
  EXPECT_TRUE(result.recipients.empty());
  EXPECT_EQ(my.deliver(community.node("BN")), 0);
  EXPECT_EQ(objects_of(my), 1U);
}

TEST(Exchange, TheIndexIsRebuiltFromTheLogToTheSameDigest) {
  TestCommunity community({"BN", "MY"});
  auto& my = community.node("MY");
  auto& bn = community.node("BN");
  for (int i = 0; i < 20; ++i)
    must(my.share(share_request({"BN"}, indicator_bundle(community.random, "x"))));
  my.deliver(bn);
  EXPECT_EQ(objects_of(bn), 20U);
  auto const before = must(bn.store().index_digest());
  must(bn.store().reset_index());
  bn.restart();
  EXPECT_EQ(objects_of(bn), 20U);
  EXPECT_EQ(must(bn.store().index_digest()), before);
}

TEST(Exchange, AnErasedRecordIsHeldBackNowhereAndIndexedNever) {
  TestCommunity community({"BN", "MY"});
  auto& my = community.node("MY");
  auto& bn = community.node("BN");
  auto const first = must(my.share(share_request({"BN"}, indicator_bundle(community.random, "x"))));
  EXPECT_EQ(my.store().shred(first.seq, 1).error().code, Code::kConflict);  // not delivered yet
  my.deliver(bn);
  must(my.share(share_request({"BN"}, indicator_bundle(community.random, "x"))));
  my.deliver(bn);
  EXPECT_EQ(objects_of(bn), 2U);
  auto const end = must(bn.store().feed_end());

  auto const held = *must(bn.store().log_find(first.id));
  must(bn.store().shred(held.seq, 2));
  EXPECT_EQ(objects_of(bn), 1U);
  auto const erased = *must(bn.store().log_find(first.id));
  EXPECT_EQ(erased.digest, held.digest);
  EXPECT_EQ(bn.exchange().open_record(erased).error().code, Code::kNotFound);

  must(bn.store().reset_index());
  bn.restart();
  EXPECT_EQ(objects_of(bn), 1U);
  EXPECT_EQ(must(bn.store().feed_end()).ord, end.ord);  // cursors of readers stay good
  must(my.store().shred(first.seq, 3));
  must(my.share(share_request({"BN"}, indicator_bundle(community.random, "x"))));
  my.restart();
  my.deliver(bn);
  EXPECT_EQ(objects_of(bn), 2U);
}

TEST(Exchange, AClockInTheFutureIsRefused) {
  TestCommunity community({"BN", "MY"});
  auto& my = community.node("MY");
  auto& bn = community.node("BN");
  community.clock.advance(3600 * 1000);
  must(my.share(share_request({"BN"}, indicator_bundle(community.random, "x"))));
  auto const batch = *must(my.exchange().next_batch(bn.id()));
  community.clock.advance(-3600 * 1000);
  auto const receipt = must(decode_receipt(must(bn.accept(my.id(), batch))));
  ASSERT_EQ(receipt.refused.size(), 1U);
  EXPECT_EQ(receipt.refused[0].code, "clock_skew");
}

}  // namespace
}  // namespace amic::exchange
