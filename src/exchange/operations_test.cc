// Operations between nodes: what is in view afterwards, whatever came first, and what is said of
// it.
#include "exchange/operations.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "exchange/operations_testing.h"

namespace amic::exchange {
namespace {

using namespace testing;
using store::Duty;
using store::ItemState;

TEST(Operations, ARecallHidesDestroysAndIsAnswered) {
  World world({"BN", "MY", "SG"});
  auto const item =
      must(world.node("BN").share(share_request({"MY", "SG"}, bundle({note(1, kOne, "x")})))).id;
  world.settle();
  ASSERT_EQ(world.in_view("MY"), 1u);
  world.recall("BN", item);
  world.settle();
  for (std::string const id : {"BN", "MY", "SG"}) {
    EXPECT_EQ(world.in_view(id), 0u) << id;
    auto const row = world.item(id, item);
    EXPECT_EQ(row.state, ItemState::kRecalled) << id;
    EXPECT_EQ(row.title, "") << id;
    EXPECT_EQ(row.objects, 0u) << id;
    EXPECT_EQ(must(world.node(id).store().log_find(item))->shredded, id != "BN") << id;
  }
  auto const report = must(world.of("BN").report(item));
  ASSERT_EQ(report.members.size(), 2u);
  for (auto const& entry : report.members) {
    EXPECT_TRUE(entry.asked && entry.delivered && entry.replied);
    EXPECT_EQ(entry.reply.outcome, Outcome::kComplied);
    EXPECT_TRUE(entry.reply.hidden && entry.reply.destroyed);
  }
  EXPECT_EQ(report.operation.reason, "was wrong");
  for (std::string const id : {"BN", "MY", "SG"}) world.expect_rebuilt_the_same(id);
  // Final: nothing brings it back, and a restart sends nothing again.
  EXPECT_EQ(
      world.operate("BN", {item, OperationKind::kRestore, "", Precedence::kRoutine, {}, {}, {}, {}})
          .error()
          .code,
      Code::kConflict);
  auto const size = must(world.node("BN").store().log_size());
  world.settle();
  EXPECT_EQ(must(world.node("BN").store().log_size()), size);
}

TEST(Operations, ARecallThatOvertakesItsItemHoldsWhenThatComes) {
  World world({"BN", "MY"});
  auto const item =
      must(world.node("BN").share(share_request({"MY"}, bundle({note(1, kOne, "x")})))).id;
  world.recall("BN", item);
  // FLASH goes first.
  auto const flash = must(world.node("BN").exchange().next_batch(member("MY"))).value();
  must(world.node("BN").on_receipt(member("MY"),
                                   must(world.node("MY").accept(member("BN"), flash))));
  world.work("MY");
  EXPECT_FALSE(must(world.node("MY").store().log_find(item)));
  EXPECT_EQ(must(world.node("MY").store().duties(Duty::kWaiting, Hash(), 10)).size(), 1u);
  EXPECT_TRUE(must(world.of("BN").report(item)).members[0].delivered);
  world.restart("MY");
  world.settle();
  EXPECT_EQ(world.in_view("MY"), 0u);
  EXPECT_TRUE(must(world.node("MY").store().log_find(item))->shredded);
  EXPECT_EQ(must(world.of("BN").report(item)).members[0].reply.outcome, Outcome::kComplied);
  world.expect_rebuilt_the_same("MY");
}

TEST(Operations, OnlyTheOriginatorMay) {
  World world({"BN", "MY", "SG"});
  auto const shared =
      must(world.node("BN").share(share_request({"MY", "SG"}, bundle({note(1, kOne, "x")}))));
  world.settle();
  EXPECT_EQ(
      world
          .operate("MY",
                   {shared.id, OperationKind::kRecall, "", Precedence::kFlash, {}, {}, {}, {}})
          .error()
          .code,
      Code::kForbidden);
  // MY's node says it nevertheless: of an item that is held, and of one that is not.
  for (bool const known : {true, false}) {
    Operation forged;
    forged.kind = OperationKind::kRecall;
    forged.item = shared.id;
    if (!known) forged.item.data[15] ^= 1;
    forged.target = shared.digest;
    forged.standing = Standing::kRecalled;
    forged.marking.rel_to = {member("SG")};
    ShareRequest request;
    request.kind = envelope::Kind::kOperation;
    request.marking = forged.marking;
    request.precedence = Precedence::kFlash;
    request.media_type = kOperationMediaType;
    request.body = encode(forged);
    request.lineage = {forged.target};
    EXPECT_EQ(world.node("MY").share(std::move(request)).error().code, Code::kForbidden);
  }
  EXPECT_EQ(world.in_view("SG"), 1u);
}

TEST(Operations, WhatARecallerMayNotSayIsQuarantinedByReceivers) {
  // Signed and sealed as it should be, by a node that checks nothing itself.
  World world({"BN", "MY", "SG"});
  auto const shared =
      must(world.node("BN").share(share_request({"MY", "SG"}, bundle({note(1, kOne, "x")}))));
  world.settle();
  auto& my = world.node("MY");
  auto const& head = my.exchange().community().head;
  Operation forged;
  forged.kind = OperationKind::kRecall;
  forged.item = shared.id;
  forged.target = shared.digest;
  forged.standing = Standing::kRecalled;
  forged.marking.rel_to = {member("SG")};
  envelope::Contents contents;
  contents.community = my.exchange().community().id;
  contents.id = envelope::make_id(contents.community, member("MY"), world.community.random);
  contents.kind = envelope::Kind::kOperation;
  contents.precedence = Precedence::kRoutine;
  contents.epoch = head.epoch;
  contents.originator = member("MY");
  contents.created_ms = world.community.clock.now_ms();
  contents.recipients = {member("SG")};
  contents.marking = marking::encode(forged.marking);
  contents.lineage = {shared.digest};
  contents.media_type = std::string(kOperationMediaType);
  contents.body = encode(forged);
  Batch batch;
  batch.community = contents.community;
  batch.from = member("MY");
  batch.to = member("SG");
  batch.lane = 3;
  batch.first_n = 1;
  batch.envelopes = {must(envelope::seal(contents,
                                         {{member("SG"), head.member(member("SG"))->sealing},
                                          {member("MY"), head.member(member("MY"))->sealing}},
                                         my.keys().node, my.keys().node, world.community.random))};
  auto const receipt = must(decode_receipt(must(world.node("SG").accept(
      member("MY"), encode(sign_batch(std::move(batch), my.keys().node))))));
  ASSERT_EQ(receipt.refused.size(), 1u);
  EXPECT_EQ(receipt.refused[0].code, "forbidden");
  world.work("SG");
  EXPECT_EQ(world.in_view("SG"), 1u);
}

TEST(Operations, ANarrowingAsksThoseItRemovesAndShowsTheOthersTheNewMarking) {
  World world({"BN", "MY", "SG"});
  auto const item =
      must(world.node("BN").share(share_request({"MY", "SG"}, bundle({note(1, kOne, "x")})))).id;
  world.settle();
  auto const narrow = [&](std::set<MemberId> to) {
    return world.operate(
        "BN",
        {item, OperationKind::kNarrow, "", Precedence::kImmediate, std::move(to), {}, {}, {}});
  };
  for (std::set<MemberId> const& to :
       {std::set<MemberId>{member("MY"), member("SG")}, std::set<MemberId>{member("BN")}})
    EXPECT_EQ(narrow(to).error().code, Code::kOutOfRange);
  EXPECT_EQ(narrow({}).error().code, Code::kNoRecipients);
  must(narrow({member("SG")}));
  world.settle();
  EXPECT_EQ(world.in_view("MY"), 0u);
  EXPECT_EQ(world.item("MY", item).state, ItemState::kRemoved);
  EXPECT_TRUE(must(world.node("MY").store().log_find(item))->shredded);
  EXPECT_EQ(world.in_view("SG"), 1u);
  EXPECT_EQ(world.item("SG", item).state, ItemState::kActive);
  EXPECT_EQ(world.visible("SG", {"BN", "SG"}).objects, 1u);
  EXPECT_EQ(world.visible("SG", {"BN", "SG"}).digest, world.visible("BN", {"BN", "SG"}).digest);
  EXPECT_EQ(world.visible("BN", {"BN", "MY", "SG"}).objects, 0u);
  auto const report = must(world.of("BN").report(item));
  EXPECT_TRUE(report.members[0].asked && report.members[0].replied);
  EXPECT_FALSE(report.members[1].asked || report.members[1].replied);
  for (std::string const id : {"BN", "MY", "SG"}) world.expect_rebuilt_the_same(id);
}

TEST(Operations, AnItemWhoseRelToNamesItsOriginatorCanBeRecalled) {
  World world({"BN", "MY"});
  auto const item =
      must(world.node("BN").share(share_request({"BN", "MY"}, bundle({note(1, kOne, "x")})))).id;
  world.settle();
  world.recall("BN", item);
  world.settle();
  EXPECT_EQ(world.in_view("MY"), 0u);
  EXPECT_TRUE(must(world.of("BN").report(item)).members[0].replied);
}

TEST(Operations, RetractAndRestoreAndRemark) {
  World world({"BN", "MY"});
  auto const item =
      must(world.node("BN").share(share_request({"MY"}, bundle({note(1, kOne, "x")})))).id;
  world.settle();
  auto const say = [&](OperationKind kind, std::optional<marking::Marking> marking = {}) {
    must(world.operate("BN",
                       {item, kind, "", Precedence::kRoutine, {}, std::move(marking), {}, {}}));
    world.settle();
  };
  auto const before = must(world.node("MY").store().feed_end());
  say(OperationKind::kRetract);
  EXPECT_EQ(world.in_view("MY"), 0u);
  EXPECT_EQ(world.item("MY", item).state, ItemState::kRetracted);
  EXPECT_FALSE(must(world.node("MY").store().log_find(item))->shredded);
  say(OperationKind::kRestore);
  EXPECT_EQ(world.in_view("MY"), 1u);
  EXPECT_EQ(world.in_view("BN"), 1u);
  EXPECT_EQ(world.item("MY", item).objects, 1u);
  // Whoever follows the feed sees it again: at a position that nobody held.
  auto const all = everything(world.node("MY").store());
  store::PageFilter newer;
  newer.after_ord = before.ord;
  EXPECT_EQ(must(world.node("MY").store().page(newer, all)).rows.size(), 1u);
  marking::Marking secret;
  secret.classification = marking::Classification::kSecret;
  say(OperationKind::kRemark, secret);
  marking::Reader low;
  low.clearance = marking::Classification::kConfidential;
  for (std::string const id : {"BN", "MY"}) {
    auto& store = world.node(id).store();
    EXPECT_TRUE(must(store.page({}, must(holdings::readable_by(store, low, 0)))).rows.empty());
    EXPECT_FALSE(must(store.item(item, must(holdings::readable_by(store, low, 0)))));
    EXPECT_EQ(must(store.object_count(everything(store))), 1u);
  }
  say(OperationKind::kRestore);
  for (std::string const id : {"BN", "MY"}) {
    auto& store = world.node(id).store();
    EXPECT_EQ(must(store.page({}, must(holdings::readable_by(store, low, 0)))).rows.size(), 1u);
    world.expect_rebuilt_the_same(id);
  }
}

TEST(Operations, WhatAnotherItemOfTheSameMemberBringsStaysInView) {
  World world({"BN", "MY", "SG"});
  auto const one = must(world.node("BN").share(
      share_request({"MY"}, bundle({note(1, kOne, "x"), note(2, kOne, "y")}))));
  must(world.node("BN").share(share_request({"MY"}, bundle({note(1, kOne, "x")}))));
  must(world.node("SG").share(share_request({"MY"}, bundle({note(2, kOne, "y")}))));
  world.settle();
  world.recall("BN", one.id);
  world.settle();
  auto& store = world.node("MY").store();
  auto const all = everything(store);
  auto const id = [](unsigned n) {
    return "note--00000000-0000-4000-8000-00000000000" + std::to_string(n);
  };
  EXPECT_TRUE(must(store.get(id(1), all, member("BN"))));
  EXPECT_FALSE(must(store.get(id(2), all, member("BN"))));
  EXPECT_TRUE(must(store.get(id(2), all, member("SG"))));
  world.expect_rebuilt_the_same("MY");
}

TEST(Operations, AnOperatorDecidesWhereTheNodeAsks) {
  World world({"BN", "MY"});
  world.modes["MY"] = ComplyMode::kAsk;
  world.make("MY");
  auto const item =
      must(world.node("BN").share(share_request({"MY"}, bundle({note(1, kOne, "x")})))).id;
  world.settle();
  world.recall("BN", item);
  world.settle();
  EXPECT_EQ(world.in_view("MY"), 0u);  // hidden at once
  EXPECT_FALSE(must(world.node("MY").store().log_find(item))->shredded);
  auto const outcome = [&] { return must(world.of("BN").report(item)).members[0].reply.outcome; };
  EXPECT_EQ(outcome(), Outcome::kPending);
  ASSERT_EQ(must(world.of("MY").incoming(10)).size(), 1u);
  EXPECT_EQ(must(world.of("MY").incoming(10))[0].row.duty, Duty::kAsked);
  Result<void> done;
  auto const note_done = [&](Result<void> result) { done = std::move(result); };
  world.of("MY").refuse(item, "", note_done);
  EXPECT_EQ(done.error().code, Code::kMissingField);
  world.of("MY").refuse(item, "under legal hold", note_done);
  must(done);
  world.restart("MY");
  world.settle();
  EXPECT_EQ(outcome(), Outcome::kRefused);
  EXPECT_EQ(must(world.of("BN").report(item)).members[0].reply.reason, "under legal hold");
  EXPECT_EQ(world.in_view("MY"), 0u);
  world.of("MY").comply(item, note_done);
  must(done);
  world.settle();
  EXPECT_EQ(outcome(), Outcome::kComplied);
  world.of("MY").refuse(item, "too late", note_done);
  EXPECT_EQ(done.error().code, Code::kConflict);
  world.of("BN").comply(item, note_done);
  EXPECT_EQ(done.error().code, Code::kNotFound);
  world.expect_rebuilt_the_same("MY");
}

// Killed between hiding and destroying, and between destroying and replying.
TEST(Operations, WhatAKillInterruptsIsFinishedAndSaidOnce) {
  for (bool const destroyed : {false, true}) {
    World world({"BN", "MY"});
    auto const item =
        must(world.node("BN").share(share_request({"MY"}, bundle({note(1, kOne, "x")})))).id;
    world.settle();
    world.recall("BN", item);
    world.node("BN").deliver(world.node("MY"));
    world.node("MY").index_all();
    EXPECT_EQ(world.in_view("MY"), 0u);
    auto const seq = must(world.node("MY").store().log_find(item))->seq;
    if (destroyed) must(world.node("MY").store().shred(seq, 1));
    world.restart("MY");
    // The index is lost as well; and the work is done twice over.
    must(world.node("MY").store().reset_index());
    world.restart("MY");
    world.node("MY").index_all();
    EXPECT_EQ(must(world.of("MY").work()), 1u);
    EXPECT_EQ(must(world.of("MY").work()), 1u);
    auto const size = must(world.node("MY").store().log_size());
    world.settle();
    EXPECT_EQ(must(world.node("MY").store().log_size()), size);
    EXPECT_EQ(must(world.of("BN").report(item)).members[0].reply.outcome, Outcome::kComplied);
    EXPECT_EQ(must(world.of("MY").work()), 0u);
    world.expect_rebuilt_the_same("MY");
  }
}

// A backup from before the destruction brings the contents back; the node's own word, which its
// peer returns, has them destroyed again, whatever of item, operation and word comes first.
TEST(Operations, ARestoredNodeKeepsTheWordThatItHasGiven) {
  for (bool const had_item : {true, false})
    for (bool const word_first : {true, false}) {
      World world({"BN", "MY"});
      world.modes["MY"] = ComplyMode::kAsk;
      world.make("MY");
      auto const nothing = world.back_up("MY");
      auto const item =
          must(world.node("BN").share(share_request({"MY"}, bundle({note(1, kOne, "x")})))).id;
      world.settle();
      std::filesystem::remove_all(had_item ? nothing : "");
      auto const saved = had_item ? world.back_up("MY") : nothing;
      world.recall("BN", item);
      world.settle();
      world.of("MY").comply(item, [](Result<void> result) { must(std::move(result)); });
      world.settle();
      ASSERT_TRUE(must(world.node("MY").store().log_find(item))->shredded);
      world.restore("MY", saved);
      if (word_first) {
        world.node("MY").recover(world.node("BN"));
        world.work("MY");
      }
      world.settle();
      world.node("MY").recover(world.node("BN"));
      world.settle();
      EXPECT_TRUE(must(world.node("MY").store().log_find(item))->shredded)
          << had_item << word_first;
      EXPECT_EQ(must(world.of("MY").work()), 0u);
      EXPECT_EQ(must(world.of("BN").report(item)).members[0].reply.outcome, Outcome::kComplied);
      world.expect_rebuilt_the_same("MY");
      world.expect_rebuilt_the_same("BN");
    }
}

// Its own item comes back to a restored originator after the reply about it.
TEST(Operations, AReplyMayComeBeforeTheItemThatItsOriginatorHasLost) {
  World world({"BN", "MY", "SG"});
  auto const saved = world.back_up("BN");
  auto const item =
      must(world.node("BN").share(share_request({"MY", "SG"}, bundle({note(1, kOne, "x")})))).id;
  world.settle();
  world.recall("BN", item);
  world.node("BN").deliver(world.node("MY"));
  world.work("MY");
  world.restore("BN", saved);
  world.node("MY").deliver(world.node("BN"));
  EXPECT_TRUE(must(world.node("BN").store().quarantine(member("MY"), 9)).empty());
  world.node("BN").recover(world.node("MY"));
  world.node("BN").recover(world.node("SG"));
  world.settle();
  for (auto const& entry : must(world.of("BN").report(item)).members)
    EXPECT_EQ(entry.reply.outcome, Outcome::kComplied) << entry.member.str();
  world.expect_rebuilt_the_same("BN");
}

// Tags are taken away by a new version in a new item, as everything else of the content is changed.
TEST(Operations, RemovingATagIsANewVersion) {
  World world({"BN", "MY"});
  must(world.node("BN").share(
      share_request({"MY"}, bundle({note(1, kOne, "x", R"(,"labels":["a","b"])")}))));
  must(world.node("BN").share(
      share_request({"MY"}, bundle({note(1, kTwo, "x", R"(,"labels":["a"])")}))));
  world.settle();
  auto& store = world.node("MY").store();
  auto const now = must(store.get("note--00000000-0000-4000-8000-000000000001", everything(store)));
  ASSERT_TRUE(now);
  EXPECT_EQ(now->body.find("\"b\""), std::string::npos);
  EXPECT_EQ(must(store.page({}, everything(store))).rows.size(), 1u);
}

// An annotation is its author's own object: it reaches whom he names and no other, the annotated
// object's originator not excepted, and goes when he takes it back.
TEST(Operations, AnnotationsReachExactlyWhomTheirAuthorNames) {
  World world({"BN", "MY", "SG"});
  must(world.node("BN").share(share_request({"MY", "SG"}, bundle({note(1, kOne, "x")}))));
  std::string const opinion =
      R"({"type":"opinion","spec_version":"2.1","id":"opinion--00000000-0000-4000-8000-000000000007",)"
      R"("created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z",)"
      R"("opinion":"disagree","object_refs":["note--00000000-0000-4000-8000-000000000001"]})";
  auto const said = must(world.node("MY").share(share_request({"SG"}, bundle({opinion}))));
  world.settle();
  EXPECT_EQ(world.in_view("BN"), 1u);
  EXPECT_EQ(world.in_view("SG"), 2u);
  auto& store = world.node("SG").store();
  EXPECT_EQ(
      must(store.edges("note--00000000-0000-4000-8000-000000000001", false, 10, everything(store)))
          .size(),
      1u);
  world.recall("MY", said.id);
  world.settle();
  EXPECT_EQ(world.in_view("SG"), 1u);
  EXPECT_EQ(world.in_view("BN"), 1u);
  EXPECT_TRUE(
      must(store.edges("note--00000000-0000-4000-8000-000000000001", false, 10, everything(store)))
          .empty());
}

}  // namespace
}  // namespace amic::exchange
